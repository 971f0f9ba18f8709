"""Pages of lists."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import ListInUse, ListNameTaken
from lists.forms.lists import ListForm
from lists.models import List
from lists.selectors.contacts import page_of_contacts
from lists.selectors.filters import STATES, ContactFilter
from lists.selectors.lists import growth_of, leaving_of, lists_with_counts, sendable_of
from lists.services.lists import delete_list, save_list, uses_of
from lists.views.posted import posted
from tenants.permissions import requires


@require_safe
@requires("view")
def lists(request: Any) -> HttpResponse:
    return render(request, "lists/lists.html", {"lists": lists_with_counts(tenant=request.tenant)})


@require_safe
@requires("view")
def list_(request: Any, list_id: UUID) -> HttpResponse:
    found = lists_with_counts(tenant=request.tenant, public_id=list_id)
    if not found:
        raise Http404("no such list")
    one = found[0]
    wanted = ContactFilter(
        search=request.GET.get("q", "").strip()[:200],
        list=one,
        status=request.GET.get("status", ""),
    )
    context = {
        "list": one,
        "sendable": sendable_of(one),
        "charts": _charts(one),
        "leaving": _leaving(one),
        "uses": uses_of(one),
        "page": page_of_contacts(
            tenant=request.tenant,
            wanted=wanted,
            after=request.GET.get("after", ""),
            before=request.GET.get("before", ""),
        ),
        "states": [(key, label) for key, label in STATES.items() if key != "none"],
        "filtered": bool(wanted.search or wanted.status),
    }
    return render(request, "lists/list.html", context)


def _charts(list_: List) -> dict[str, Any] | None:
    growth = growth_of(list_)
    if growth is None:
        return None
    return {
        "days": [f"{day.day} {day:%b}" for day in growth.days],
        "weeks": [f"{week.day} {week:%b}" for week in growth.weeks],
        "members": [{"label": "Members", "values": growth.active, "tone": "blue"}],
        "moves": [
            {"label": "Joined", "values": growth.joined, "tone": "green"},
            {"label": "Left", "values": growth.left, "tone": "amber"},
        ],
        "sources": growth.sources,
    }


def _leaving(list_: List) -> dict[str, Any]:
    told = leaving_of(list_)
    counts = [count for _, count in told.reasons]
    return {
        "labels": [words for words, _ in told.reasons],
        "series": [{"label": "People", "values": counts, "tone": "amber"}],
        "reasons": told.reasons,
        "words": told.words,
    }


def _save(request: Any, list_: List | None) -> HttpResponse:
    form = ListForm(posted(request), instance=list_)
    if form.is_valid():
        try:
            saved = save_list(
                tenant=request.tenant,
                list_=list_,
                actor=request.user,
                request=request,
                **form.cleaned_data,
            )
        except ListNameTaken as error:
            form.add_error(error.param, error.message)
        else:
            messages.success(request, f"{saved.name} is saved")
            return redirect("lists:list", request.tenant.slug, saved.public_id)
    status = 422 if form.is_bound else 200
    context = {"form": form, "list": list_}
    return render(request, "lists/list_edit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def list_new(request: Any) -> HttpResponse:
    return _save(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def list_edit(request: Any, list_id: UUID) -> HttpResponse:
    owned = List.objects.for_tenant(request.tenant)
    return _save(request, get_object_or_404(owned, public_id=list_id))


@require_POST
@requires("contacts.edit")
def list_delete(request: Any, list_id: UUID) -> HttpResponse:
    """Deletes the list whose name was typed."""
    list_: List = get_object_or_404(List.objects.for_tenant(request.tenant), public_id=list_id)
    if request.POST.get("confirmation", "").strip() != list_.name:
        messages.error(request, f"{list_.name} is not deleted: type its name to delete it.")
        return redirect("lists:list", request.tenant.slug, list_.public_id)
    try:
        delete_list(list_=list_, actor=request.user, request=request)
    except ListInUse as error:
        messages.error(request, error.message)
        return redirect("lists:list", request.tenant.slug, list_.public_id)
    messages.success(request, f"{list_.name} is deleted. Its contacts are still there.")
    return redirect("lists:lists", request.tenant.slug)
