"""From an audience to message rows, in chunks that commit whole and go on after a crash."""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from django.db import connection, transaction
from django.utils import timezone

from lists.selectors.audience import SENDABLE_SQL
from sending import queue, tally
from sending.feed import feed
from sending.models import Batch, BatchState, Status

# The first chunk is small: its mails leave while the rest is written.
_FIRST_CHUNK = 2_000
_CHUNK = 20_000

# Everyone with an active place on one of the lists gets a row; who may not be mailed just now gets
# a skipped one, so that the report can say why. Lists and contacts are read in the order of their
# indexes from the cursor on, so a chunk costs the same at a million as at the start. OFFSET 0 keeps
# the planner from judging each contact twice. No ON CONFLICT: rows and cursor commit together under
# the batch's lock, so nobody behind the cursor is written again, and the check would cost a third.
_INSERT = f"""
    WITH page AS (
        SELECT DISTINCT s.contact_id
        FROM unnest(%(list_ids)s::bigint[]) AS wanted (list_id)
        CROSS JOIN LATERAL (
            SELECT contact_id FROM lists_subscription
            WHERE list_id = wanted.list_id AND status = 'active' AND contact_id > %(cursor)s
            ORDER BY contact_id LIMIT %(limit)s
        ) s
        ORDER BY s.contact_id LIMIT %(limit)s
    ), written AS (
        INSERT INTO sending_message (tenant_id, batch_id, contact_id, email, status, reason)
        SELECT c.tenant_id, %(batch_id)s, c.id, c.email,
               CASE WHEN sendable THEN {Status.QUEUED.value} ELSE {Status.SKIPPED.value} END,
               CASE WHEN sendable THEN ''
                    WHEN c.unsubscribed_at IS NOT NULL THEN 'Unsubscribed'
                    WHEN c.paused_until > now() THEN 'Paused by the contact'
                    WHEN EXISTS (SELECT 1 FROM lists_suppression x
                                 WHERE x.tenant_id = c.tenant_id AND x.email_norm = c.email_norm)
                    THEN 'Suppressed'
                    ELSE 'Paused by the contact' END
        FROM page
        JOIN lists_contact c ON c.id = page.contact_id AND c.tenant_id = %(tenant_id)s
            AND c.id > %(cursor)s
        CROSS JOIN LATERAL (
            SELECT {SENDABLE_SQL % {"list_ids": "%(list_ids)s", "now": "now()"}} AS sendable
            OFFSET 0
        ) judged
        ORDER BY c.id
        RETURNING status
    )
    SELECT (SELECT max(contact_id) FROM page),
           count(*), count(*) FILTER (WHERE status = {Status.SKIPPED.value})
    FROM written
"""


def launch(batch_id: int) -> None:
    """Writes the rows of a running batch to the end of its audience, feeding the queue meanwhile.

    Stops when the batch is paused or cancelled. Whoever calls it next goes on behind the last
    chunk; two at once share the work.
    """
    while _write_chunk(batch_id):
        feed(batch_id, start=True)
        queue.ring()
    feed(batch_id)  # behind the cursor; without one all is fed, or lost and the sweep's
    queue.ring()


def _write_chunk(batch_id: int) -> bool:
    """Writes one chunk and returns whether there may be more."""
    with transaction.atomic():
        batch = Batch.unscoped.select_for_update(no_key=True).get(pk=batch_id)
        if batch.state != BatchState.RUNNING or batch.audience_at is not None:
            return False
        with connection.cursor() as cursor:
            cursor.execute(
                _INSERT,
                {
                    "tenant_id": batch.tenant_id,
                    "batch_id": batch_id,
                    "list_ids": batch.list_ids,
                    "cursor": batch.launch_cursor,
                    "limit": _CHUNK if batch.launch_cursor else _FIRST_CHUNK,
                },
            )
            last, total, skipped = cursor.fetchone()
        if last is None:
            batch.audience_at = timezone.now()
        else:
            batch.launch_cursor = last
        batch.save(update_fields=["launch_cursor", "audience_at"])
        counts = {"total": total, "skipped": skipped}
        tally.add({(batch.tenant_id, batch_id): counts}, now=timezone.now())
    return last is not None
