"""Reading contacts, their places on lists, and what is known of both."""

from collections.abc import Iterable

from django.utils import timezone

from lists.models import (
    Contact,
    List,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from lists.paging import PAGE_SIZE, Page
from lists.selectors.filters import ContactFilter
from lists.selectors.walking import page_of
from tenants.models import Tenant


def page_of_contacts(
    *,
    tenant: Tenant,
    wanted: ContactFilter,
    after: str = "",
    before: str = "",
    size: int = PAGE_SIZE,
) -> Page[Contact]:
    """A page of matching contacts, newest first, each with `.state`, a key of STATES."""
    page = page_of(tenant=tenant, wanted=wanted, after=after, before=before, size=size)
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


def suppression_of(contact: Contact) -> Suppression | None:
    return Suppression.unscoped.filter(
        tenant_id=contact.tenant_id, email_norm=contact.email_norm
    ).first()
