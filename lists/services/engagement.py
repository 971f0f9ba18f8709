"""What mails came to, written by the apps that hear of it, many at a time."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

# Moments only grow, so it does no harm to say a thing twice or late. Rows are written in the order
# of their contacts: two writers wait for each other and do not deadlock. A row that says nothing
# new is not written.
_NOTE = """
    INSERT INTO lists_engagement AS e
        (contact_id, tenant_id, last_sent_at, last_delivered_at, last_opened_at, last_clicked_at)
    SELECT contact_id, tenant_id, max(sent_at), max(delivered_at), max(opened_at), max(clicked_at)
    FROM ({rows}) AS told WHERE contact_id IS NOT NULL
    GROUP BY contact_id, tenant_id ORDER BY contact_id
    ON CONFLICT (contact_id) DO UPDATE SET
        last_sent_at = GREATEST(e.last_sent_at, excluded.last_sent_at),
        last_delivered_at = GREATEST(e.last_delivered_at, excluded.last_delivered_at),
        last_opened_at = GREATEST(e.last_opened_at, excluded.last_opened_at),
        last_clicked_at = GREATEST(e.last_clicked_at, excluded.last_clicked_at)
    WHERE e.tenant_id = excluded.tenant_id
      AND (excluded.last_sent_at > COALESCE(e.last_sent_at, '-infinity')
        OR excluded.last_delivered_at > COALESCE(e.last_delivered_at, '-infinity')
        OR excluded.last_opened_at > COALESCE(e.last_opened_at, '-infinity')
        OR excluded.last_clicked_at > COALESCE(e.last_clicked_at, '-infinity'))
"""


def note(rows: str, params: Mapping[str, Any]) -> None:
    """Notes what a SELECT tells: contact_id, tenant_id, sent_at, delivered_at, opened_at,
    clicked_at (timestamptz, NULL for what did not happen), in this order.

    `rows` is a constant of the caller. Part of the caller's transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(rows=rows), params)
