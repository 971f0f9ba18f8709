"""Pages of suppressions."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import ErasedForGood, InvalidAddress
from lists.forms.suppressions import SuppressForm
from lists.models import Suppression, SuppressionReason
from lists.paging import count_up_to, keyset
from lists.selectors.suppressions import (
    SOURCES,
    contacts_by_address,
    find_suppressions,
    suppression_of_address,
)
from lists.services.suppression import suppress_by_hand, unsuppress
from lists.views.posted import posted
from tenants.permissions import requires


def found_of(request: Any) -> QuerySet[Suppression]:
    """What the address of a page narrows the suppressions to."""
    return find_suppressions(
        tenant=request.tenant,
        search=request.GET.get("q", "").replace("\0", "").strip()[:200],
        reason=request.GET.get("reason", ""),
        source=request.GET.get("source", ""),
    )


@require_safe
@requires("view")
def suppressions(request: Any) -> HttpResponse:
    page = keyset(
        found_of(request),
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    contacts = contacts_by_address(tenant=request.tenant, suppressions=page.rows)
    context = {
        "page": page,
        "rows": [(one, contacts.get(one.email_norm)) for one in page.rows],
        "total": count_up_to(found_of(request)),
        "reasons": SuppressionReason.choices,
        "sources": [(source.value, source.label) for source in SOURCES],
        "filtered": any(request.GET.get(name) for name in ("q", "reason", "source")),
    }
    return render(request, "lists/suppressions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("suppressions.edit")
def suppression_new(request: Any) -> HttpResponse:
    form = SuppressForm(posted(request))
    if form.is_valid():
        try:
            added = suppress_by_hand(
                tenant=request.tenant,
                text=form.cleaned_data["addresses"],
                note=form.cleaned_data["note"],
                actor=request.user,
                request=request,
            )
        except InvalidAddress as error:
            form.add_error("addresses", error.message)
        else:
            messages.success(
                request, f"{added:,} newly suppressed; the others were suppressed already"
            )
            return redirect("lists:suppressions", request.tenant.slug)
    status = 422 if form.is_bound else 200
    return render(request, "lists/suppression_new.html", {"form": form}, status=status)


@require_POST
@requires("suppressions.edit")
def suppression_remove(request: Any) -> HttpResponse:
    """Lets the posted `address` be mailed again."""
    address = request.POST.get("address", "").replace("\0", "")
    known = suppression_of_address(tenant=request.tenant, email_norm=address)
    complained = known is not None and known.reason == SuppressionReason.COMPLAINT
    if complained and request.POST.get("confirmation", "").strip().lower() != "complaint":
        messages.error(
            request, f"{address} stays suppressed: the word “complaint” was not typed in."
        )
        return redirect("lists:suppressions", request.tenant.slug)
    try:
        removed = unsuppress(
            tenant=request.tenant, email_norm=address, actor=request.user, request=request
        )
    except ErasedForGood as error:
        messages.error(request, error.message)
        return redirect("lists:suppressions", request.tenant.slug)
    if removed:
        messages.success(request, f"{address} may be mailed again")
    else:
        messages.warning(request, "That address was not suppressed")
    return redirect("lists:suppressions", request.tenant.slug)
