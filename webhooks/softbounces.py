"""Mailboxes that bounce softly on several days, and are suppressed for it.

Amazon SES says of a full mailbox what it says each time: Transient/MailboxFull. Transient/General
is of all kinds, out-of-office answers among them, which carry no status; it counts where the
server's status is about the address, the mailbox or the way to it (RFC 3463: X.1, X.2, X.4) and not
about the mail (X.2.3, too long for this mailbox). What is about the content never counts.

Days count and not bounces: a campaign, a reminder and a receipt on one day say no more than one of
them. A day is the workspace's. Everything is worked out from the events that are kept, each time
one of them comes, so copies and any order lead to the same end.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from lists.models import Source, Suppression, SuppressionReason
from lists.services.suppression import Suppress, suppress
from tenants.models import Tenant

KINDS = ("Transient/MailboxFull", "Transient/General")
_ABOUT_MAILBOX = r"\m[45]\.(1\.\d|2\.[0124-9]|4\.\d)"

# The kinds are named twice: the second time so that the index event_soft_bounce serves.
# Addresses with enough days, and of those again only the days behind the last delivery.
_DAYS = """
WITH soft AS (
    SELECT lower(e.recipient) AS email_norm, e.message_id, e.at, e.diagnostic,
           (e.at AT TIME ZONE %(zone)s)::date AS day
    FROM sending_messageevent e
    WHERE e.tenant_id = %(tenant)s AND lower(e.recipient) = ANY(%(addresses)s)
      AND e.kind = 'bounce'
      AND (e.subtype = 'Transient/MailboxFull'
           OR e.subtype = 'Transient/General' AND e.diagnostic ~ %(about_mailbox)s)
      AND e.subtype IN ('Transient/MailboxFull', 'Transient/General')
      AND e.at > %(since)s
), many AS (
    SELECT email_norm, min(at) AS since FROM soft
    GROUP BY email_norm HAVING count(DISTINCT day) >= %(days)s
), delivered AS (
    SELECT many.email_norm, max(e.at) AS at
    FROM many
    CROSS JOIN LATERAL (
        SELECT m.id FROM lists_contact c JOIN sending_message m ON m.contact_id = c.id
        WHERE c.tenant_id = %(tenant)s AND c.email_norm = many.email_norm
          AND lower(m.email) = many.email_norm
        UNION ALL
        SELECT m.id FROM sending_message m
        WHERE m.tenant_id = %(tenant)s AND m.contact_id IS NULL
          AND lower(m.email) = many.email_norm
    ) sent
    JOIN sending_messageevent e ON e.message_id = sent.id AND e.kind = 'delivery'
                                AND e.at > many.since
    GROUP BY many.email_norm
)
SELECT soft.email_norm, array_agg(DISTINCT day ORDER BY day),
       (array_agg(soft.diagnostic ORDER BY soft.at DESC))[1]
FROM soft JOIN many USING (email_norm) LEFT JOIN delivered USING (email_norm)
WHERE delivered.at IS NULL OR soft.at > delivered.at
GROUP BY soft.email_norm HAVING count(DISTINCT day) >= %(days)s
"""


def look_again(
    *, tenant: Tenant, bounced: Iterable[str], delivered: Iterable[str], now: datetime
) -> None:
    """Suppresses those of `bounced` that have too many days, and lets go those of `delivered` that
    no longer have; in the transaction that has written the events of both.

    Two workers with events of one address at the same time may each miss the other's day; the next
    bounce finds both.
    """
    asked = set(bounced)
    held = Suppression.objects.for_tenant(tenant).filter(reason=SuppressionReason.SOFT_BOUNCE)
    freed = set(held.filter(email_norm__in=list(delivered)).values_list("email_norm", flat=True))
    if not asked | freed or tenant.soft_bounce_days is None:
        return
    found = _count(tenant, asked | freed, tenant.soft_bounce_days, now)
    entries = [
        Suppress(email_norm, SuppressionReason.SOFT_BOUNCE, Source.SES, words)
        for email_norm, words in found.items()
    ]
    if entries:
        suppress(tenant=tenant, addresses=entries)
    if recovered := freed - found.keys():
        held.filter(email_norm__in=recovered).delete()


def _count(tenant: Tenant, addresses: set[str], days: int, now: datetime) -> dict[str, str]:
    """Those with so many days within the workspace's window, and which days, in words."""
    values: dict[str, Any] = {
        "tenant": tenant.pk,
        "zone": tenant.timezone,
        "addresses": sorted(addresses),
        "about_mailbox": _ABOUT_MAILBOX,
        "since": now - timedelta(days=tenant.soft_bounce_window),
        "days": days,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, values)
        rows = cursor.fetchall()
    return {
        email_norm: f"Bounced softly on {', '.join(f'{day.day} {day:%B}' for day in on)}, with no "
        f"delivery in between. The last time: {last or 'the mailbox was full'}"
        for email_norm, on, last in rows
    }
