"""The readiness page: from nothing to production access, in order, with live state."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from readiness.lines import is_ready, score
from readiness.services.mending import (
    AT_AWS,
    Mend,
    Press,
    protect_forms,
    turn_on_double_opt_in,
)
from readiness.views.lookup import account_at, chosen_account, judged, shown, to_index
from sending.errors import AwsRefused
from sending.models import SesAccount
from sending.selectors.accounts import accounts_of
from tenants.errors import BluefoxError
from tenants.permissions import requires

_STOP_POLLING = 286


def _context(request: Any) -> dict[str, Any]:
    account = chosen_account(request)
    _, lines = judged(request, account)
    rows = shown(request, lines, account)
    with_button = [row for row in rows if not row.line.is_good and row.url]
    return {
        "account": account,
        "rows": rows,
        "next": with_button[0] if with_button else None,
        "score": score(lines),
        "good": sum(line.is_good for line in lines),
        "of_all": f"of {len(lines)}",
        "ready": is_ready(lines),
        "waits": any(line.verdict.waits for line in lines),
    }


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    context = _context(request)
    tenant, account = request.tenant, context["account"]
    base = reverse("readiness:index", args=[tenant.slug])
    named = f"?account={account.public_id}" if account else ""
    context["state_url"] = reverse("readiness:state", args=[tenant.slug]) + named
    accounts = list(accounts_of(tenant))
    context["switch"] = [
        {
            "label": one.name,
            "url": f"{base}?account={one.public_id}",
            "current": one == account,
        }
        for one in accounts
        if len(accounts) > 1
    ]
    return render(request, "readiness/index.html", context)


@requires("view")
@require_safe
def state(request: Any) -> HttpResponse:
    """What the page refreshes while something may become better by itself."""
    context = _context(request)
    status = 200 if context["waits"] else _STOP_POLLING
    return render(request, "readiness/_now.html", context, status=status)


@requires("sending.edit")
@require_POST
def mend(request: Any, public_id: UUID, key: str) -> HttpResponse:
    """One press that acts at AWS."""
    return _press(request, AT_AWS.get(key), account_at(request, public_id))


@requires("forms.edit")
@require_POST
def mend_optin(request: Any) -> HttpResponse:
    return _press(request, turn_on_double_opt_in, None)


@requires("forms.edit")
@require_POST
def mend_captcha(request: Any) -> HttpResponse:
    return _press(request, protect_forms, None)


def _press(request: Any, action: Mend | None, account: SesAccount | None) -> HttpResponse:
    if action is None:
        raise Http404
    press = Press(request.tenant, account, request.user, request)
    try:
        messages.success(request, action(press))
    except AwsRefused as error:
        messages.error(request, f"{error.message} AWS said: {error.aws}")
    except BluefoxError as error:
        messages.error(request, error.message)
    return to_index(request, account)
