"""The page on which our suppressions and the lists of SES stand side by side."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from sending.selectors.mirror import standings
from sending.services.mirror import mirror_now
from tenants.permissions import requires


@requires("view")
@require_safe
def mirror(request: Any) -> HttpResponse:
    return render(request, "sending/mirror.html", _context(request))


@requires("view")
@require_safe
def mirror_state(request: Any) -> HttpResponse:
    """What the page fetches while a list is read."""
    context = _context(request)
    status = 200 if context["is_going"] else 286
    return render(request, "sending/_mirror.html", context, status=status)


@requires("suppressions.edit")
@require_POST
def mirror_again(request: Any) -> HttpResponse:
    if mirror_now(tenant=request.tenant, actor=request.user, request=request):
        messages.success(request, "A worker reads the list of SES now.")
    return redirect("sending:mirror", request.tenant.slug)


def _context(request: Any) -> dict[str, Any]:
    found = standings(request.tenant)
    return {"standings": found, "is_going": any(one.is_going for one in found)}
