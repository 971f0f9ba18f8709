"""Everything that is known of one person, for the file that they may ask for."""

from typing import Any

from lists.models import Contact, LeaveReason, Subscription
from lists.selectors.contacts import suppression_of
from lists.selectors.tags import tags_on
from lists.signals import contact_exported


def known_of(contact: Contact) -> dict[str, Any]:
    """JSON values: what lists keeps, and what the apps above add (signals.contact_exported)."""
    suppression = suppression_of(contact)
    known: dict[str, Any] = {
        "contact": {
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "fields": contact.fields,
            "language": contact.language,
            "tags": [tag.name for tag in tags_on(contact)],
            "paused_until": contact.paused_until,
            "unsubscribed_at": contact.unsubscribed_at,
            "created_at": contact.created_at,
            "updated_at": contact.updated_at,
        },
        "lists": [_place(place) for place in _places(contact)],
        "consents": list(
            contact.consents.order_by("at").values(
                "at", "act", "source", "list_names", "wording", "form_name", "ip", "user_agent"
            )
        ),
        "confirmations": list(
            contact.confirmations.order_by("created_at").values(
                "created_at", "expires_at", "confirmed_at", "values", "wording", "language"
            )
        ),
        "reasons_for_leaving": list(
            LeaveReason.unscoped.filter(contact=contact)
            .order_by("at")
            .values("at", "list__name", "reason", "text")
        ),
        "suppression": suppression
        and {
            "reason": suppression.reason,
            "source": suppression.source,
            "diagnostic": suppression.diagnostic,
            "since": suppression.created_at,
        },
    }
    for _, more in contact_exported.send(sender=Contact, contact=contact):
        if isinstance(more, dict):
            known |= more
    return known


def _places(contact: Contact) -> Any:
    rows = Subscription.unscoped.filter(contact=contact)
    return rows.select_related("list", "imported").order_by("list__name")


def _place(place: Subscription) -> dict[str, Any]:
    return {
        "list": place.list.name,
        "status": place.status,
        "source": place.source,
        "imported_from": place.imported.filename if place.imported else None,
        "since": place.created_at,
        "confirmed_at": place.confirmed_at,
        "paused_until": place.paused_until,
        "unsubscribed_at": place.unsubscribed_at,
    }
