"""Before a workspace is chosen."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tenants.forms import NewWorkspaceForm
from tenants.limits import hit
from tenants.middleware import LAST_COOKIE
from tenants.selectors.members import list_workspaces
from tenants.services.workspaces import create_workspace

_NEW_A_DAY = 10


@require_safe
@login_required
def index(request: Any) -> HttpResponse:
    """Opens the workspace that was open last, or any, or the page that makes the first one."""
    slugs = [membership.tenant.slug for membership in list_workspaces(user=request.user)]
    if not slugs:
        return redirect("start:new_workspace")
    last = request.COOKIES.get(LAST_COOKIE)
    return redirect("tenants:home", last if last in slugs else slugs[0])


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_workspace(request: Any) -> HttpResponse:
    form = NewWorkspaceForm(request.POST or None)
    if form.is_valid():
        if hit(f"workspace:{request.user.pk}", limit=_NEW_A_DAY, seconds=86_400):
            tenant = create_workspace(owner=request.user, profile=form.values(), request=request)
            return redirect("tenants:home", tenant.slug)
        form.add_error(None, "That is enough new workspaces for today. Try again tomorrow.")
    return render(
        request,
        "tenants/workspace_new.html",
        {"form": form, "is_first": not list_workspaces(user=request.user).exists()},
        status=422 if form.is_bound else 200,
    )
