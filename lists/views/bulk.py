"""Bulk actions: ask, watch, stop, take back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import BulkRefused, TagRefused
from lists.forms.bulk import BulkForm
from lists.models import BulkAction, BulkKind, BulkStatus, List, Tag
from lists.paging import keyset
from lists.selectors.filters import find_contacts
from lists.services.bulk import can_undo, cancel_bulk, start_bulk, undo_bulk
from lists.services.contacts import CONSENT_WORDING
from lists.services.tags import ensure_tags
from lists.views.pace import pace_of
from lists.views.posted import posted
from lists.views.wanted import wanted_of
from tenants.errors import BluefoxError
from tenants.permissions import allows, requires

_GOING = (BulkStatus.QUEUED, BulkStatus.RUNNING, BulkStatus.UNDOING)


@require_safe
@requires("view")
def actions(request: Any) -> HttpResponse:
    page = keyset(
        BulkAction.objects.for_tenant(request.tenant).select_related("created_by"),
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    return render(request, "lists/bulk_list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def action_new(request: Any) -> HttpResponse:
    """Acts on the contacts that the address names: a filter, or those ticked."""
    wanted = wanted_of(request)
    may_suppress = allows(request.membership, "suppressions.edit")
    form = BulkForm(posted(request), tenant=request.tenant, may_suppress=may_suppress)
    if form.is_valid():
        try:
            action = start_bulk(
                tenant=request.tenant,
                kind=BulkKind(form.cleaned_data["kind"]),
                wanted=wanted,
                actor=request.user,
                target=_target(request, form),
                consent_wording=CONSENT_WORDING if form.cleaned_data["attested"] else "",
                request=request,
            )
        except TagRefused as error:
            form.add_error("new_tag", error.message)
        except BulkRefused as error:
            form.add_error(None, error.message)
        else:
            return redirect("lists:bulk", request.tenant.slug, action.public_id)
    context = {
        "form": form,
        "wanted": wanted,
        "count": find_contacts(tenant=request.tenant, wanted=wanted).count(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "lists/bulk_new.html", context, status=status)


def _target(request: Any, form: BulkForm) -> List | Tag | None:
    values = form.cleaned_data
    match values["kind"]:
        case BulkKind.ADD_TAG:
            return ensure_tags(tenant=request.tenant, names=[values["new_tag"]])[0]
        case BulkKind.REMOVE_TAG:
            tag: Tag = values["tag"]
            return tag
        case BulkKind.ADD_TO_LIST | BulkKind.REMOVE_FROM_LIST:
            list_: List = values["list"]
            return list_
    return None


def _action(request: Any, action_id: UUID) -> BulkAction:
    owned = BulkAction.objects.for_tenant(request.tenant).select_related("created_by")
    action: BulkAction = get_object_or_404(owned, public_id=action_id)
    return action


def _progress(action: BulkAction) -> dict[str, Any]:
    undoing = action.status == BulkStatus.UNDOING
    done, total = (action.undone, action.changed) if undoing else (action.done, action.total)
    return {
        "action": action,
        "undoing": undoing,
        "done": min(done, total),
        "total": total,
        **pace_of(done, total, action.started_at),
    }


@require_safe
@requires("view")
def action(request: Any, action_id: UUID) -> HttpResponse:
    found = _action(request, action_id)
    context = _progress(found) | {"going": found.status in _GOING, "can_undo": can_undo(found)}
    return render(request, "lists/bulk.html", context)


@require_safe
@requires("view")
def action_progress(request: Any, action_id: UUID) -> HttpResponse:
    found = _action(request, action_id)
    if found.status not in _GOING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "lists/_bulk_progress.html", _progress(found))


@require_POST
@requires("contacts.edit")
def action_cancel(request: Any, action_id: UUID) -> HttpResponse:
    cancel_bulk(action=_action(request, action_id), actor=request.user, request=request)
    return redirect("lists:bulk", request.tenant.slug, action_id)


@require_POST
@requires("contacts.edit")
def action_undo(request: Any, action_id: UUID) -> HttpResponse:
    try:
        undo_bulk(action=_action(request, action_id), actor=request.user, request=request)
    except BluefoxError as error:
        messages.error(request, error.message)
    return redirect("lists:bulk", request.tenant.slug, action_id)
