"""The domains of a workspace: what their DNS should hold and does."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sending.dns.names import shown
from sending.dns.zonefile import zone_file
from sending.domainwatch import SETTING_UP
from sending.errors import AwsRefused
from sending.forms import DomainForm, MailFromForm
from sending.models import SenderIdentity, SesState
from sending.selectors.accounts import accounts_of
from sending.selectors.domains import (
    OWN_KEY,
    DomainState,
    Part,
    dmarc_of,
    domain_state,
    domains_of,
    link_token,
    rows_of,
    ties_of,
    wanted_records,
)
from sending.services import domains, identities
from sending.views.lookup import domain_at, to_domain
from tenants.permissions import allows, requires


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    rows = [
        {"identity": one, "shown": shown(one.name), "state": domain_state(one)}
        for one in domains_of(request.tenant)
    ]
    connected = accounts_of(request.tenant).exclude(state=SesState.NEW)
    context = {
        "rows": rows,
        "connected": connected,
        "several": len(connected) > 1,
        "may_edit": allows(request.membership, "sending.edit"),
    }
    return render(request, "sending/domains.html", context)


@requires("sending.edit")
def new(request: Any) -> HttpResponse:
    """Makes a domain at SES, or adopts the one that is there, and goes to its records."""
    form = DomainForm(request.POST or None, tenant=request.tenant)
    if request.method == "POST" and form.is_valid():
        try:
            made = identities.create_identity(
                actor=request.user, request=request, **form.cleaned_data
            )
        except AwsRefused as error:
            form.add_error("name", f"{error.message} AWS said: {error.aws}")
        else:
            messages.success(request, f"{made.name} is known to SES. Now publish its records.")
            return to_domain(made)
    status = 422 if form.errors else 200
    return render(request, "sending/domain_new.html", {"form": form}, status=status)


@requires("view")
@require_safe
def domain(request: Any, public_id: UUID) -> HttpResponse:
    return _page(request, domain_at(request, public_id))


def _page(
    request: Any, identity: SenderIdentity, form: MailFromForm | None = None, *, status: int = 200
) -> HttpResponse:
    state = domain_state(identity)
    rows = rows_of(identity)
    link = _link(identity)
    context = {
        "identity": identity,
        "shown": shown(identity.name),
        "state": state,
        "rows": rows,
        "broken": [row.record for row in rows if row.record and row.record.broken_at],
        "suspected": any(row.record and row.record.suspected_at for row in rows),
        "ends": identity.records_since + SETTING_UP,
        "ties": zip(ties_of(identity), (state.dkim, _worse(state)), strict=True),
        "dmarc": dmarc_of(identity, state),
        "form": form or MailFromForm(identity=identity),
        "link": link,
        **_handover(identity, link),
        "may_edit": allows(request.membership, "sending.edit"),
    }
    return render(request, "sending/domain.html", context, status=status)


def _worse(state: DomainState) -> Part:
    """Of the two records of a MAIL FROM domain, the one that is not right."""
    return state.spf if state.mail_from.ok else state.mail_from


def _link(identity: SenderIdentity) -> str:
    token = link_token(identity, timezone.now())
    return f"{settings.SITE_URL}{reverse('dns:records', args=[token])}" if token else ""


def _handover(identity: SenderIdentity, link: str) -> dict[str, str]:
    """The mail to whoever runs the DNS: its text, and a link that opens it in a mail program."""
    if not link:
        return {}
    text = _handover_text(identity, link)
    subject = f"DNS records for {identity.name}"
    return {"handover": text, "mailto": f"mailto:?subject={quote(subject)}&body={quote(text)}"}


def _handover_text(identity: SenderIdentity, link: str) -> str:
    lines = [
        f"Please put these records into the DNS of {identity.name}, so that our mail is signed and "
        "arrives:",
        "",
    ]
    for record in wanted_records(identity):
        lines += [f"{record.kind}  {record.name}", f"    {record.value}", ""]
    lines += [
        "Add them; nothing that is there has to go. This page shows which of them are found, and "
        "has a zone file to import:",
        link,
    ]
    return "\n".join(lines)


@requires("sending.edit")
@require_POST
def check(request: Any, public_id: UUID) -> HttpResponse:
    identity = domain_at(request, public_id)
    try:
        domains.check_domain(identity=identity)
    except AwsRefused as error:
        messages.warning(request, f"The DNS was looked up; SES could not be asked. {error.message}")
    else:
        messages.success(request, "Looked up just now.")
    return to_domain(identity)


@requires("sending.edit")
@require_POST
def mail_from(request: Any, public_id: UUID) -> HttpResponse:
    identity = domain_at(request, public_id)
    form = MailFromForm(request.POST, identity=identity)
    if form.is_valid():
        try:
            domains.set_mail_from(
                identity=identity, actor=request.user, request=request, **form.cleaned_data
            )
        except AwsRefused as error:
            form.add_error("mail_from", f"{error.message} AWS said: {error.aws}")
        else:
            messages.success(request, "Set. Now publish the two records for it.")
            return to_domain(identity)
    return _page(request, identity, form, status=422)


@requires("sending.edit")
@require_POST
def start_again(request: Any, public_id: UUID) -> HttpResponse:
    identity = domain_at(request, public_id)
    try:
        domains.start_again(identity=identity, actor=request.user, request=request)
    except AwsRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "SES looks for the records again, for 72 hours.")
    return to_domain(identity)


@requires("sending.edit")
@require_POST
def open_link(request: Any, public_id: UUID) -> HttpResponse:
    identity = domain_at(request, public_id)
    domains.open_link(identity=identity, actor=request.user, request=request)
    return to_domain(identity)


@requires("sending.edit")
@require_POST
def close_link(request: Any, public_id: UUID) -> HttpResponse:
    identity = domain_at(request, public_id)
    domains.close_link(identity=identity, actor=request.user, request=request)
    messages.success(request, "The link no longer works.")
    return to_domain(identity)


@requires("view")
@require_safe
def zone(request: Any, public_id: UUID) -> HttpResponse:
    return zone_response(domain_at(request, public_id))


def zone_response(identity: SenderIdentity) -> HttpResponse:
    """The records as a file to import. A key that only the tenant knows is left out."""
    records = [one for one in wanted_records(identity) if one.value != OWN_KEY]
    response = HttpResponse(zone_file(identity.name, records), content_type="text/plain")
    response["Content-Disposition"] = f'attachment; filename="{identity.name}.zone"'
    return response
