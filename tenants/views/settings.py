"""Settings: the workspace itself, its members, its audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from tenants.errors import MemberRefused
from tenants.forms import LimitsForm, LookForm, RoleForm, WorkspaceForm
from tenants.models import AuditEvent, Membership, Role
from tenants.permissions import allows, requires
from tenants.selectors.audit import read_audit
from tenants.selectors.members import list_members
from tenants.services.members import change_role, remove_member
from tenants.services.workspaces import set_logo, update_workspace


def tabs(request: Any, current: str) -> list[dict[str, Any]]:
    """The places of the settings; `current` is the URL name of the one that is shown."""
    places = [
        ("Workspace", "tenants:settings"),
        ("Look", "tenants:look"),
        ("Limits", "tenants:limits"),
        ("Alerts", "webhooks:alerts"),
        ("Members", "tenants:members"),
    ]
    if allows(request.membership, "audit.view"):
        places.append(("Audit log", "tenants:audit"))
    return [
        {
            "label": label,
            "url": reverse(name, args=[request.tenant.slug]),
            "current": name == current,
        }
        for label, name in places
    ]


_Form = WorkspaceForm | LimitsForm | LookForm


def _page(request: Any, name: str, form: _Form) -> HttpResponse:
    """The tab of this name with its form."""
    context = {"form": form, "tabs": tabs(request, f"tenants:{name}")}
    status = 422 if form.is_bound else 200
    return render(request, f"tenants/{name}.html", context, status=status)


def _save(request: Any, name: str, form: _Form) -> HttpResponse:
    if not form.is_valid():
        return _page(request, name, form)
    update_workspace(tenant=request.tenant, actor=request.user, to=form.values(), request=request)
    messages.success(request, "Saved")
    return redirect(f"tenants:{name}", request.tenant.slug)


@require_safe
@requires("view")
def settings(request: Any) -> HttpResponse:
    return _page(request, "settings", WorkspaceForm(instance=request.tenant))


@require_POST
@requires("workspace.edit")
def save_settings(request: Any) -> HttpResponse:
    return _save(request, "settings", WorkspaceForm(request.POST))


@require_safe
@requires("view")
def look(request: Any) -> HttpResponse:
    return _page(request, "look", LookForm(instance=request.tenant))


@require_POST
@requires("workspace.edit")
def save_look(request: Any) -> HttpResponse:
    form = LookForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, "look", form)
    picture = form.cleaned_data["logo"]
    if picture or form.cleaned_data["remove_logo"]:
        set_logo(tenant=request.tenant, actor=request.user, picture=picture, request=request)
    return _save(request, "look", form)


@require_safe
@requires("view")
def limits(request: Any) -> HttpResponse:
    return _page(request, "limits", LimitsForm(instance=request.tenant))


@require_POST
@requires("workspace.edit")
def save_limits(request: Any) -> HttpResponse:
    return _save(request, "limits", LimitsForm(request.POST))


@require_safe
@requires("view")
def members(request: Any) -> HttpResponse:
    context = {
        "members": list_members(tenant=request.tenant),
        "roles": Role.choices,
        "tabs": tabs(request, "tenants:members"),
    }
    return render(request, "tenants/members.html", context)


def _member(request: Any, member_id: UUID) -> Membership:
    rows = Membership.objects.for_tenant(request.tenant).select_related("user", "tenant")
    member: Membership = get_object_or_404(rows, public_id=member_id)
    return member


@require_POST
@requires("members.edit")
def set_role(request: Any, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            role = Role(form.cleaned_data["role"])
            changed = change_role(
                member=member, role=role, actor=request.membership, request=request
            )
            messages.success(request, f"{changed.user} is {changed.get_role_display()} now")
        except MemberRefused as refused:
            messages.error(request, refused.message)
    else:
        messages.error(request, "Choose one of the roles.")
    return redirect("tenants:members", request.tenant.slug)


@require_POST
@requires("members.edit")
def remove(request: Any, member_id: UUID) -> HttpResponse:
    return _take_out(request, _member(request, member_id))


@require_POST
@requires("view")
def leave(request: Any) -> HttpResponse:
    """Whoever it is: everybody may go."""
    return _take_out(request, request.membership)


def _take_out(request: Any, member: Membership) -> HttpResponse:
    try:
        remove_member(member=member, actor=request.membership, request=request)
    except MemberRefused as refused:
        messages.error(request, refused.message)
        return redirect("tenants:members", request.tenant.slug)
    if member.pk == request.membership.pk:
        messages.success(request, f"You have left {request.tenant}")
        return redirect("start:index")
    messages.success(request, f"{member.user} is no member any more")
    return redirect("tenants:members", request.tenant.slug)


@require_safe
@requires("audit.view")
def audit(request: Any) -> HttpResponse:
    page = read_audit(
        tenant=request.tenant, after=_cursor(request, "after"), before=_cursor(request, "before")
    )
    context = {
        "events": [(event, _details(event)) for event in page.events],
        "older": page.older and page.older.isoformat(),
        "newer": page.newer and page.newer.isoformat(),
        "tabs": tabs(request, "tenants:audit"),
    }
    return render(request, "tenants/audit.html", context)


def _details(event: AuditEvent) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _in_words(value)) for name, value in event.detail.items()]


def _in_words(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"from", "to"}:
        return f"{value['from'] or 'nothing'} → {value['to'] or 'nothing'}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cursor(request: Any, name: str) -> datetime | None:
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Http404("not a cursor of this page")
    return moment
