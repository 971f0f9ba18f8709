"""What the preference page shows."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from lists.models import Contact, List, Subscription, SubscriptionStatus, Suppression


@dataclass(frozen=True)
class Place:
    """A list as its reader sees it. `state`: active, paused, unconfirmed or none."""

    list: List
    state: str
    paused_until: datetime | None = None


def places(contact: Contact) -> list[Place]:
    """Public lists, and private ones that the contact is or was a member of, by name."""
    found = {one.list_id: one for one in Subscription.unscoped.filter(contact=contact)}
    shown = (
        List.objects.for_tenant(contact.tenant)
        .filter(Q(is_public=True) | Q(pk__in=found))
        .order_by("name")
    )
    return [_place(contact, one, found.get(one.pk)) for one in shown]


def _place(contact: Contact, one: List, subscription: Subscription | None) -> Place:
    gone = contact.unsubscribed_at is not None
    if subscription is None or gone or subscription.status == SubscriptionStatus.UNSUBSCRIBED:
        return Place(one, "none")
    if subscription.status == SubscriptionStatus.UNCONFIRMED:
        return Place(one, "unconfirmed")
    until = subscription.paused_until
    if until is not None and until > timezone.now():
        return Place(one, "paused", until)
    return Place(one, "active")


def left_since(contact: Contact, moment: datetime) -> list[List]:
    """The lists that the contact has left at this moment or after it, by name."""
    gone = Subscription.unscoped.filter(
        contact=contact, status=SubscriptionStatus.UNSUBSCRIBED, unsubscribed_at__gte=moment
    )
    rows = List.objects.for_tenant(contact.tenant).filter(pk__in=gone.values("list"))
    return list(rows.order_by("name"))


def is_suppressed(contact: Contact) -> bool:
    """Whether nothing may be sent to this address, whatever its lists say."""
    return (
        Suppression.objects.for_tenant(contact.tenant)
        .filter(email_norm=contact.email_norm)
        .exists()
    )
