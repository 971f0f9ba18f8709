"""What a contact was sent, and what came of it."""

from typing import Any

from django.urls import reverse

from lists.models import Contact
from sending.models import EventKind, Lane, Message, MessageEvent, Status

MOST = 50
_LOOKS = {
    EventKind.DELIVERY: ("green", "circle-check"),
    EventKind.DELAY: ("amber", "clock"),
    EventKind.BOUNCE: ("red", "circle-x"),
    EventKind.COMPLAINT: ("red", "flag"),
    EventKind.REJECT: ("red", "circle-x"),
    EventKind.OPEN: ("grey", "mail-open"),
    EventKind.CLICK: ("grey", "mouse-pointer-click"),
}


def timeline_of(contact: Contact) -> list[dict[str, Any]]:
    """The newest mails to the contact and their events, newest first, at most fifty."""
    messages = (
        Message.objects.for_tenant(contact.tenant)
        .filter(contact=contact, sent_at__isnull=False, status=Status.SENT)
        .select_related("batch__campaign")
        .order_by("-id")[:MOST]
    )
    by_id = {message.pk: message for message in messages}
    events = (
        MessageEvent.objects.for_tenant(contact.tenant)
        .filter(message__in=list(by_id), kind__in=list(_LOOKS))
        .order_by("-at")[:MOST]
    )
    entries = [_sent(message, contact) for message in by_id.values()]
    entries += [_event(event, by_id[event.message_id]) for event in events]
    return sorted(entries, key=lambda entry: entry["at"], reverse=True)[:MOST]


def _sent(message: Message, contact: Contact) -> dict[str, Any]:
    batch = message.batch
    campaign = getattr(batch, "campaign", None)
    entry = {
        "at": message.sent_at,
        "title": f"Sent “{campaign.name if campaign else batch.subject}”",
        "text": "" if batch.lane == Lane.CAMPAIGN else batch.get_lane_display(),
        "icon": "send",
    }
    if campaign:
        report = reverse("campaigns:report", args=[contact.tenant.slug, campaign.public_id])
        entry["url"] = report
    return entry


def _event(event: MessageEvent, message: Message) -> dict[str, Any]:
    tone, icon = _LOOKS[EventKind(event.kind)]
    about = f"{event.subtype}. {event.diagnostic}" if event.subtype else event.diagnostic
    return {
        "at": event.at,
        "title": event.get_kind_display(),
        "text": about.strip(),
        "tone": tone,
        "icon": icon,
    }
