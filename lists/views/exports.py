"""Files to take away. A POST asks for them: each goes to the audit log."""

from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from lists.exporting import contact_lines, suppression_lines
from lists.models import SuppressionReason
from lists.selectors.filters import find_contacts
from lists.views.suppressions import found_of
from lists.views.wanted import wanted_of
from tenants.permissions import requires
from tenants.services import audit


@require_POST
@requires("contacts.edit")
def contacts_export(request: Any) -> StreamingHttpResponse:
    """The contacts that the address names."""
    wanted = wanted_of(request)
    _note(request, "contacts.exported", {"who": wanted.words()})
    contacts = find_contacts(tenant=request.tenant, wanted=wanted)
    lines = contact_lines(tenant=request.tenant, contacts=contacts)
    return csv_file(request, "contacts", lines)


@require_POST
@requires("suppressions.edit")
def suppressions_export(request: Any) -> StreamingHttpResponse:
    """The suppressed addresses that the address names. Of erased ones there is no address."""
    asked = ((name, request.GET.get(name)) for name in ("q", "reason", "source"))
    detail = {name: value for name, value in asked if value}
    _note(request, "suppressions.exported", detail)
    found = found_of(request).exclude(reason=SuppressionReason.ERASED)
    return csv_file(request, "suppressions", suppression_lines(found))


def csv_file(request: Any, what: str, lines: Iterator[str]) -> StreamingHttpResponse:
    """A file to keep, named after the workspace and the day."""
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{request.tenant.slug}-{what}-{timezone.now():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _note(request: Any, action: str, detail: dict[str, Any]) -> None:
    audit.record(
        tenant=request.tenant, actor=request.user, action=action, detail=detail, request=request
    )
