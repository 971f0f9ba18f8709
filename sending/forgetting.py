"""One person's mails: what is known of them, and what is left of them when they are erased."""

from typing import Any

from django.db import connection
from django.utils import timezone

from lists.models import Contact
from sending import tally
from sending.models import EventKind, Message, MessageEvent, Outcome, Status

# Mails to the contact, and those that the API sent to the same address without a contact.
_MAILS = """
SELECT id FROM sending_message WHERE contact_id = %(contact)s AND tenant_id = %(tenant)s
UNION
SELECT m.id FROM sending_messagedata d JOIN sending_message m ON m.id = d.message_id
WHERE d.tenant_id = %(tenant)s AND lower(m.email) = ANY(%(addresses)s)
"""
_LOCK = "SELECT id FROM sending_message WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE"
# What still waits would otherwise leave without an address.
_SKIP = f"""
UPDATE sending_message SET status = {Status.SKIPPED.value}
WHERE id = ANY(%(ids)s) AND status = {Status.QUEUED.value}
RETURNING batch_id
"""  # noqa: S608 (two numbers of ours)
_ANONYMISE = (
    "UPDATE sending_message SET email = '', contact_id = NULL, reason = 'Erased' "
    "WHERE id = ANY(%(ids)s)",
    "UPDATE sending_messagedata SET to_name = '', data = '{}' WHERE message_id = ANY(%(ids)s)",
    # The recipient is part of what makes an event unique.
    "UPDATE sending_messageevent SET recipient = 'erased:' || id, diagnostic = '', "
    "contact_id = NULL WHERE message_id = ANY(%(ids)s)",
)


def known_of(contact: Contact) -> dict[str, Any]:
    """The person's mails with their events, as JSON values."""
    ids = _mails(contact)
    events: dict[int, list[dict[str, Any]]] = {}
    told = MessageEvent.objects.for_tenant(contact.tenant).filter(message__in=ids).order_by("at")
    for event in told:
        events.setdefault(event.message_id, []).append(
            {
                "at": event.at,
                "event": EventKind(event.kind).label,
                "type": event.subtype,
                "diagnostic": event.diagnostic,
            }
        )
    mails = (
        Message.objects.for_tenant(contact.tenant)
        .filter(pk__in=ids)
        .select_related("batch", "extra")
        .order_by("pk")
    )
    return {"mails": [_mail(mail, events.get(mail.pk, [])) for mail in mails]}


def _mail(mail: Message, events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "subject": mail.batch.subject,
        "kind": mail.batch.get_lane_display(),
        "to": mail.email,
        "status": Status(mail.status).label,
        "reason": mail.reason,
        "sent_at": mail.sent_at,
        "outcome": Outcome(mail.outcome).label,
        "data": mail.extra.data if hasattr(mail, "extra") else {},
        "events": events,
    }


def anonymise(contact: Contact) -> None:
    """Takes address and data out of the person's mails, in the caller's transaction.

    What still waits is skipped. That mails were sent, and how many, stays.
    """
    values = {"ids": _mails(contact)}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, values)
        cursor.execute(_SKIP, values)
        skipped: dict[tuple[int, int], dict[str, int]] = {}
        for (batch_id,) in cursor.fetchall():
            counts = skipped.setdefault((contact.tenant_id, batch_id), {"skipped": 0})
            counts["skipped"] += 1
        for statement in _ANONYMISE:
            cursor.execute(statement, values)
    tally.add(skipped, now=timezone.now())


def _mails(contact: Contact) -> list[int]:
    addresses = [contact.email_norm, contact.email.lower()]
    with connection.cursor() as cursor:
        cursor.execute(
            _MAILS,
            {"contact": contact.pk, "tenant": contact.tenant_id, "addresses": addresses},
        )
        return [row[0] for row in cursor.fetchall()]
