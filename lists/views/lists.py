"""Pages of lists."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lists.errors import ListNameTaken
from lists.forms.lists import ListForm
from lists.models import List
from lists.selectors.audience import count_sendable
from lists.selectors.contacts import STATES, ContactFilter, lists_with_counts, page_of_contacts
from lists.services.lists import save_list
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
        "sendable": count_sendable(tenant=request.tenant, list_ids=[one.pk]),
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
