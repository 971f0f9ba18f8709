"""Pages of contacts: the list of them, and one of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import InvalidAddress, InvalidContact, TagRefused
from lists.fields import show
from lists.forms.contacts import ContactForm, EditContactForm, SubscribeForm
from lists.forms.tags import ContactTagsForm
from lists.models import (
    Contact,
    Import,
    List,
    Segment,
    Source,
    Subscription,
    SubscriptionStatus,
    Tag,
)
from lists.paging import count_up_to
from lists.selectors.contacts import add_states, page_of_contacts, suppression_of
from lists.selectors.fields import fields_of
from lists.selectors.filters import STATES, ContactFilter
from lists.selectors.places import places_of
from lists.selectors.tags import tags_of, tags_on
from lists.services.contacts import (
    CONSENT_WORDING,
    edit_contact,
    subscribe,
    upsert_contact,
)
from lists.services.preferences import unsubscribe
from lists.services.tags import ensure_tags, set_tags
from lists.signals import contact_timeline
from lists.views.lookup import contact_of
from lists.views.posted import posted
from lists.views.wanted import wanted_of
from tenants.permissions import requires

_TIMELINE = 50


@require_safe
@requires("view")
def contacts(request: Any) -> HttpResponse:
    wanted = wanted_of(request)
    page = page_of_contacts(
        tenant=request.tenant,
        wanted=wanted,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    filtered = wanted != ContactFilter()
    everyone = Contact.objects.for_tenant(request.tenant)
    context = {
        "page": page,
        "total": None if filtered else count_up_to(everyone),
        "states": STATES.items(),
        "lists": List.objects.for_tenant(request.tenant).order_by("name"),
        "tags": tags_of(request.tenant),
        "segments": Segment.objects.for_tenant(request.tenant).order_by("name"),
        "wanted": wanted,
        "filtered": filtered,
    }
    return render(request, "lists/contacts.html", context)


def _contact_page(
    request: Any,
    contact: Contact,
    form: SubscribeForm | None = None,
    tags_form: ContactTagsForm | None = None,
) -> HttpResponse:
    add_states(request.tenant, [contact])
    places = places_of(contact)
    form = form or SubscribeForm(contact=contact)
    labels = {field.key: field.label for field in fields_of(request.tenant)}
    tags = tags_on(contact)
    context = {
        "contact": contact,
        "tags": tags,
        "tags_form": tags_form or _tags_form(tags),
        "own": sorted((labels.get(key, key), show(value)) for key, value in contact.fields.items()),
        "places": places,
        "suppression": suppression_of(contact),
        "consents": contact.consents.order_by("-at")[:_TIMELINE],
        "timeline": _timeline(request, contact, places),
        "form": form,
        "may_join": form.fields["list"].queryset.exists(),  # type: ignore[attr-defined]
        "open_places": [one for one in places if one.status != SubscriptionStatus.UNSUBSCRIBED],
    }
    refused = form.is_bound or tags_form is not None
    return render(request, "lists/contact.html", context, status=422 if refused else 200)


def _tags_form(tags: Iterable[Tag]) -> ContactTagsForm:
    return ContactTagsForm(initial={"tags": ", ".join(tag.name for tag in tags)})


def _timeline(request: Any, contact: Contact, places: list[Subscription]) -> list[dict[str, Any]]:
    """What happened to the contact, newest first; the apps above add theirs."""
    items: list[dict[str, Any]] = [
        {
            "at": consent.at,
            "title": consent.get_act_display(),
            "text": ", ".join(filter(None, [*consent.list_names, consent.form_name])),
            "icon": "signature",
        }
        for consent in contact.consents.order_by("-at")[:_TIMELINE]
    ]
    for import_, joined in _by_import(places).items():
        items.append(
            {
                "at": joined[0].created_at,
                "title": f"Imported from {import_.filename}",
                "text": ", ".join(place.list.name for place in joined),
                "icon": "upload",
                "url": reverse("lists:import", args=[request.tenant.slug, import_.public_id]),
            }
        )
    items.append({"at": contact.created_at, "title": "Became a contact", "icon": "user-plus"})
    for _, more in contact_timeline.send(sender=Contact, contact=contact):
        if isinstance(more, list):
            items += more

    def moment(item: dict[str, Any]) -> datetime:
        at: datetime = item["at"]
        return at

    return sorted(items, key=moment, reverse=True)[:_TIMELINE]


def _by_import(places: list[Subscription]) -> dict[Import, list[Subscription]]:
    found: dict[Import, list[Subscription]] = {}
    for place in places:
        if place.imported is not None:
            found.setdefault(place.imported, []).append(place)
    return found


@require_safe
@requires("view")
def contact(request: Any, contact_id: UUID) -> HttpResponse:
    return _contact_page(request, contact_of(request, contact_id))


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def contact_new(request: Any) -> HttpResponse:
    form = ContactForm(
        posted(request),
        tenant=request.tenant,
        initial={
            "lists": List.objects.for_tenant(request.tenant).filter(
                public_id__in=_uuids(request.GET.get("list", ""))
            )
        },
    )
    if form.is_valid():
        values = form.cleaned_data
        try:
            contact = upsert_contact(
                tenant=request.tenant,
                email=values["email"],
                first_name=values["first_name"],
                last_name=values["last_name"],
                source=Source.MEMBER,
            )
        except (InvalidAddress, InvalidContact) as error:
            form.add_error(error.param, error.message)
        else:
            new = subscribe(
                contact=contact,
                lists=values["lists"],
                source=Source.MEMBER,
                consent_wording=CONSENT_WORDING,
            )
            kept = len(values["lists"]) - len(new)
            said = f"{contact.email} is saved" + (
                "; where they had a place already, it stays as it was" if kept else ""
            )
            messages.success(request, said)
            return redirect("lists:contact", request.tenant.slug, contact.public_id)
    status = 422 if form.is_bound else 200
    return render(request, "lists/contact_new.html", {"form": form}, status=status)


def _uuids(text: str) -> list[UUID]:
    try:
        return [UUID(text)]
    except ValueError:
        return []


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def contact_edit(request: Any, contact_id: UUID) -> HttpResponse:
    contact = contact_of(request, contact_id)
    form = EditContactForm(posted(request), contact=contact, own=fields_of(request.tenant))
    if form.is_valid():
        edit_contact(
            contact=contact,
            first_name=form.cleaned_data["first_name"],
            last_name=form.cleaned_data["last_name"],
            fields=form.own(),
        )
        messages.success(request, "Saved")
        return redirect("lists:contact", request.tenant.slug, contact.public_id)
    status = 422 if form.is_bound else 200
    context = {"form": form, "contact": contact}
    return render(request, "lists/contact_edit.html", context, status=status)


@require_POST
@requires("contacts.edit")
def contact_tags(request: Any, contact_id: UUID) -> HttpResponse:
    """Gives the contact the posted tags and no others."""
    contact = contact_of(request, contact_id)
    form = ContactTagsForm(request.POST)
    if form.is_valid():
        try:
            tags = ensure_tags(tenant=request.tenant, names=form.cleaned_data["tags"])
        except TagRefused as error:
            form.add_error("tags", error.message)
        else:
            set_tags(contact=contact, tags=tags)
            messages.success(request, "The tags are saved")
            return redirect("lists:contact", request.tenant.slug, contact.public_id)
    return _contact_page(request, contact, tags_form=form)


@require_POST
@requires("contacts.edit")
def contact_subscribe(request: Any, contact_id: UUID) -> HttpResponse:
    contact = contact_of(request, contact_id)
    form = SubscribeForm(request.POST, contact=contact)
    if not form.is_valid():
        return _contact_page(request, contact, form)
    list_ = form.cleaned_data["list"]
    new = subscribe(
        contact=contact, lists=[list_], source=Source.MEMBER, consent_wording=CONSENT_WORDING
    )
    if new:
        messages.success(request, f"Added to {list_.name}")
    else:
        messages.warning(request, f"Not added to {list_.name}: they unsubscribed from everything")
    return redirect("lists:contact", request.tenant.slug, contact.public_id)


@require_POST
@requires("contacts.edit")
def contact_unsubscribe(request: Any, contact_id: UUID) -> HttpResponse:
    """From the list whose public id is posted as `list`, or from everything without one."""
    contact = contact_of(request, contact_id)
    chosen = request.POST.get("list", "")
    lists = None
    if chosen:
        owned = List.objects.for_tenant(request.tenant)
        lists = [get_object_or_404(owned, public_id__in=_uuids(chosen))]
    unsubscribe(contact=contact, lists=lists, source=Source.MEMBER)
    what = lists[0].name if lists else "everything"
    messages.success(request, f"{contact.email} is unsubscribed from {what}")
    return redirect("lists:contact", request.tenant.slug, contact.public_id)
