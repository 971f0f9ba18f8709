"""The page for whoever runs a domain's DNS: no login, one domain, nothing to press."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lists.errors import BadToken
from sending.dns.names import shown
from sending.models import SenderIdentity
from sending.selectors.domains import domain_of_link, domain_state, rows_of
from sending.views.domains import zone_response


@require_safe
@never_cache
def records(request: HttpRequest, token: str) -> HttpResponse:
    identity = _identity(token)
    if identity is None:
        return _page(request, 404)
    context = {
        "identity": identity,
        "shown": shown(identity.name),
        "owner": identity.tenant.name,
        "rows": rows_of(identity),
        "state": domain_state(identity),
        "token": token,
    }
    with timezone.override(identity.tenant.timezone):
        return _page(request, 200, **context)


@require_safe
@never_cache
def zone(request: HttpRequest, token: str) -> HttpResponse:
    identity = _identity(token)
    if identity is None:
        return _page(request, 404)
    return _private(zone_response(identity))


def _identity(token: str) -> SenderIdentity | None:
    try:
        return domain_of_link(token, timezone.now())
    except BadToken:
        return None


def _page(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    values = {"tenant": {"name": "Bluefox"}} | context
    return _private(render(request, "sending/handover.html", values, status=status))


def _private(response: HttpResponse) -> HttpResponse:
    """The address is a secret: no search engine keeps it, no link passes it on."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
