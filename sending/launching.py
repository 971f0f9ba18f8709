"""From an audience to message rows, in chunks that commit whole and go on after a crash."""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import math
import time
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from lists.segments.sql import any_of
from lists.selectors.audience import SENDABLE_SQL
from lists.selectors.reach import Audience, reach_of
from lists.selectors.windows import end_of_window
from sending import parking, queue, tally
from sending.feed import feed
from sending.models import Batch, BatchState, Status

# The first chunk is small: its mails leave while the rest is written.
_FIRST_CHUNK = 2_000
_CHUNK = 20_000

_SENDABLE = SENDABLE_SQL % {"list_ids": "%(list_ids)s", "now": "now()"}
_STATUS_AND_REASON = f"""
               CASE WHEN sendable THEN {Status.QUEUED.value} ELSE {Status.SKIPPED.value} END,
               CASE WHEN sendable THEN ''
                    WHEN c.unsubscribed_at IS NOT NULL THEN 'Unsubscribed'
                    WHEN c.paused_until > now() THEN 'Paused by the contact'
                    WHEN EXISTS (SELECT 1 FROM lists_suppression x
                                 WHERE x.tenant_id = c.tenant_id AND x.email_norm = c.email_norm)
                    THEN 'Suppressed'
                    ELSE 'Paused by the contact' END
"""
# Everyone with an active place on one of the lists gets a row; who may not be mailed just now gets
# a skipped one, so that the report can say why. Lists and contacts are read in the order of their
# indexes from the cursor on, so a chunk costs the same at a million as at the start. OFFSET 0 keeps
# the planner from judging each contact twice.
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
        SELECT c.tenant_id, %(batch_id)s, c.id, c.email, {_STATUS_AND_REASON}
        FROM page
        JOIN lists_contact c ON c.id = page.contact_id AND c.tenant_id = %(tenant_id)s
            AND c.id > %(cursor)s
        CROSS JOIN LATERAL (SELECT {_SENDABLE} AS sendable OFFSET 0) judged
        ORDER BY c.id
        RETURNING status
    )
    SELECT (SELECT max(contact_id) FROM page),
           count(*), count(*) FILTER (WHERE status = {Status.SKIPPED.value})
    FROM written
"""

# The audience of segments and exclusions: the tenant's contacts are walked by id, so many at a
# time that a chunk is short whether everybody is in it or nobody. Who is not named is not judged.
_WALK = 50_000
_INSERT_REACHED = f"""
    WITH written AS (
        INSERT INTO sending_message (tenant_id, batch_id, contact_id, email, status, reason)
        SELECT c.tenant_id, %(batch_id)s, c.id, c.email, {_STATUS_AND_REASON}
        FROM (
            SELECT c.* FROM lists_contact c
            WHERE c.tenant_id = %(tenant_id)s AND c.id > %(beyond)s AND c.id <= %(up_to)s
              AND {{named}}
            OFFSET 0
        ) c
        CROSS JOIN LATERAL (SELECT {{sendable}} AS sendable OFFSET 0) judged
        WHERE {{members}}
        ORDER BY c.id
        RETURNING status
    )
    SELECT count(*), count(*) FILTER (WHERE status = {Status.SKIPPED.value}) FROM written
"""

_LEAVING_OUT = "ON CONFLICT (batch_id, contact_id) DO NOTHING"


def launch(batch_id: int, *, seconds: float = math.inf) -> bool:
    """Writes rows of a running batch for so many seconds, feeding the queue meanwhile.

    Whether its audience goes on: whoever calls it next continues behind the last chunk. Ends when
    the batch is paused or cancelled, and where somebody else is writing it.
    """
    end = time.monotonic() + seconds
    while _write_chunk(batch_id):
        feed(batch_id, start=True)
        queue.ring()
        if time.monotonic() > end:
            return True
    feed(batch_id)  # behind the cursor; without one all is fed, or lost and the sweep's
    queue.ring()
    return False


def _is_ours(batch_id: int) -> bool:
    """Whether nobody else writes this batch until the end of the transaction.

    Two would take turns, no faster than one, and the second would hold up what else its process
    could do.
    """
    with connection.cursor() as cursor:
        # Locks of one negative number are for launches alone.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [-batch_id])
        return bool(cursor.fetchone()[0])


def _write_chunk(batch_id: int) -> bool:
    """Writes one chunk and returns whether there may be more for us to do."""
    with transaction.atomic():
        if not _is_ours(batch_id):
            return False
        batch = Batch.unscoped.select_for_update(no_key=True).get(pk=batch_id)
        if batch.state != BatchState.RUNNING or batch.audience_at is not None:
            return False
        last, total, skipped = _write_reached(batch) if batch.audience else _write_plain(batch)
        if batch.state != BatchState.RUNNING:
            return False
        if last is None:
            batch.audience_at = timezone.now()
        else:
            batch.launch_cursor = last
        batch.save(update_fields=["launch_cursor", "audience_at"])
        counts = {"total": total, "skipped": skipped}
        tally.add({(batch.tenant_id, batch_id): counts}, now=timezone.now())
    return last is not None


# The last contact of a chunk (None: there was none left), and how many rows, how many skipped.
_Written = tuple[int | None, int, int]


def _write_plain(batch: Batch) -> _Written:
    with connection.cursor() as cursor:
        _insert(
            cursor,
            _INSERT,
            {
                "tenant_id": batch.tenant_id,
                "batch_id": batch.pk,
                "list_ids": batch.list_ids,
                "cursor": batch.launch_cursor,
                "limit": _CHUNK if batch.launch_cursor else _FIRST_CHUNK,
            },
        )
        last, total, skipped = cursor.fetchone()
    return last, total, skipped


def _write_reached(batch: Batch) -> _Written:
    """Pauses the batch when a segment cannot be answered any more: nobody knows who is excluded."""
    tenant, cursor_id = batch.tenant, batch.launch_cursor
    audience = Audience.from_json(batch.audience)
    reach = reach_of(audience, tenant, batch.launched_at or timezone.now())
    if reach.broken:
        why = f"A segment of its audience cannot be answered any more. {reach.broken[0].why}"
        parking.pause_batch(batch.pk, why)
        batch.state = BatchState.PAUSED
        return None, 0, 0
    walk = _WALK if cursor_id else _FIRST_CHUNK
    last = end_of_window(tenant=tenant, after=cursor_id, size=walk)
    if last is None:
        return None, 0, 0
    with connection.cursor() as cursor:
        _insert(
            cursor,
            _INSERT_REACHED.format(
                named=any_of(reach.named), members=reach.members, sendable=reach.sendable
            ),
            reach.params
            | {
                "now": timezone.now(),
                "list_ids": batch.list_ids,
                "batch_id": batch.pk,
                "beyond": cursor_id,
                "up_to": last,
            },
        )
        total, skipped = cursor.fetchone()
    return last, total, skipped


def _insert(cursor: CursorWrapper, statement: str, params: dict[str, Any]) -> None:
    """Rows and cursor commit together, so nobody is there yet, unless they were sent this batch by
    themselves; and to ask for each row whether it is there costs a third of a launch.
    """
    try:
        with transaction.atomic():
            cursor.execute(statement, params)
    except IntegrityError:
        cursor.execute(statement.replace("RETURNING", f"{_LEAVING_OUT} RETURNING"), params)
