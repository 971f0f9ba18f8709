"""Reading contacts, their places on lists, and what is known of both."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from lists.models import (
    Contact,
    List,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from lists.paging import Page, keyset
from tenants.models import Tenant

# What a contact is as a whole, in one word. Suppressed beats all, then come unsubscribed from
# everything and paused; see _state().
STATES = {
    "active": "Active",
    "unconfirmed": "Unconfirmed",
    "paused": "Paused",
    "unsubscribed": "Unsubscribed",
    "suppressed": "Suppressed",
    "none": "On no list",
}


@dataclass(frozen=True)
class ContactFilter:
    """What the contact page is narrowed to; blank means not at all.

    `status` is a key of STATES; with a list, that of the place on it (suppressed beats it).
    """

    search: str = ""
    list: List | None = None
    status: str = ""


def find_contacts(*, tenant: Tenant, wanted: ContactFilter) -> QuerySet[Contact]:
    """Contacts that match, each with `.state`; in no order."""
    rows: QuerySet[Contact] = Contact.objects.for_tenant(tenant)
    for word in wanted.search.split():
        rows = rows.filter(
            Q(email_norm__contains=word.lower())
            | Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
        )
    if wanted.list is not None:
        rows = rows.filter(Exists(_places(list=wanted.list)))
    if wanted.status in STATES:
        rows = rows.filter(_in_state(wanted.status, wanted.list))
    return rows


def page_of_contacts(
    *, tenant: Tenant, wanted: ContactFilter, after: str = "", before: str = ""
) -> Page[Contact]:
    """A page of matching contacts, newest first, each with `.state`, a key of STATES."""
    page = keyset(find_contacts(tenant=tenant, wanted=wanted), after=after, before=before)
    add_states(tenant, page.rows, wanted.list)
    return page


def add_states(tenant: Tenant, contacts: Iterable[Contact], list_: List | None = None) -> None:
    """Sets `.state` of each: two queries however many there are."""
    contacts = list(contacts)
    suppressed = set(
        Suppression.objects.for_tenant(tenant)
        .filter(email_norm__in=[contact.email_norm for contact in contacts])
        .values_list("email_norm", flat=True)
    )
    places: dict[int, list[Subscription]] = {}
    rows = Subscription.objects.for_tenant(tenant).filter(contact__in=contacts)
    for place in rows.filter(list=list_) if list_ else rows:
        places.setdefault(place.contact_id, []).append(place)
    for contact in contacts:
        contact.state = _state(  # type: ignore[attr-defined]
            contact, places.get(contact.pk, []), contact.email_norm in suppressed
        )


def _state(contact: Contact, places: list[Subscription], suppressed: bool) -> str:
    now = timezone.now()
    if suppressed:
        return "suppressed"
    if contact.unsubscribed_at is not None:
        return "unsubscribed"
    if contact.paused_until and contact.paused_until > now:
        return "paused"
    active = [place for place in places if place.status == SubscriptionStatus.ACTIVE]
    if active:
        paused = all(place.paused_until and place.paused_until > now for place in active)
        return "paused" if paused else "active"
    if any(place.status == SubscriptionStatus.UNCONFIRMED for place in places):
        return "unconfirmed"
    return "unsubscribed" if places else "none"


def _places(**conditions: Any) -> QuerySet[Subscription]:
    return Subscription.unscoped.filter(contact=OuterRef("pk"), **conditions)


def _in_state(state: str, list_: List | None) -> Q:
    """The same decision as _state(), for the database."""
    now = timezone.now()
    on = {"list": list_} if list_ else {}
    suppressed = Exists(
        Suppression.unscoped.filter(tenant=OuterRef("tenant"), email_norm=OuterRef("email_norm"))
    )
    active = _places(status=SubscriptionStatus.ACTIVE, **on)
    running = Exists(active.filter(Q(paused_until=None) | Q(paused_until__lte=now)))
    is_active, waits = Exists(active), Exists(_places(status=SubscriptionStatus.UNCONFIRMED, **on))
    gone = Q(unsubscribed_at__isnull=False)
    paused = Q(paused_until__gt=now)
    unsuppressed = ~suppressed & ~gone
    conditions = {
        "suppressed": suppressed,
        "unsubscribed": ~suppressed
        & (gone | (~paused & Q(Exists(_places(**on))) & ~Q(is_active) & ~Q(waits))),
        "paused": unsuppressed & (paused | (Q(is_active) & ~Q(running))),
        "active": unsuppressed & ~paused & Q(running),
        "unconfirmed": unsuppressed & ~paused & ~Q(is_active) & Q(waits),
        "none": unsuppressed & ~paused & ~Q(Exists(_places(**on))),
    }
    return Q(conditions[state])


def suppression_of(contact: Contact) -> Suppression | None:
    return Suppression.unscoped.filter(
        tenant_id=contact.tenant_id, email_norm=contact.email_norm
    ).first()
