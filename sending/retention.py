"""Forgets messages and their events at the age that their workspace has chosen.

In chunks, each a short transaction of its own, and only of what is settled: nothing that a claim
or a record asks for is ever locked here. Reasons: docs/decisions/retention.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import time
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from sending.models import Status

CHUNK = 2_000
# Found at once and then deleted by their ids: a search per chunk would pass the dead rows of all
# chunks before it.
_FOUND = 50 * CHUNK
_SETTLED = ", ".join(
    str(status.value) for status in (Status.SENT, Status.UNKNOWN, Status.SKIPPED, Status.FAILED)
)

# A launched batch ends as a whole: each of its messages is as old as its end, or older.
_OLD_BATCHES = """
    SELECT b.id FROM sending_batch b JOIN tenants_tenant t ON t.id = b.tenant_id
    WHERE b.launched_at IS NOT NULL AND b.messages_deleted_at IS NULL
      AND b.state IN ('done', 'cancelled')
      AND b.finished_at < now() - make_interval(days => t.retention_days)
    ORDER BY b.finished_at
"""
_OF_BATCH = f"""
    SELECT id FROM sending_message WHERE batch_id = %s AND status IN ({_SETTLED}) LIMIT {_FOUND}
"""
_BATCH_EMPTY = """
    UPDATE sending_batch SET messages_deleted_at = now()
    WHERE id = %s AND NOT EXISTS (SELECT 1 FROM sending_message WHERE batch_id = %s)
"""
# Mails that were asked for one by one share a batch for years: their own row says how old they are.
_TENANTS_WITH_OLD = """
    SELECT t.id FROM tenants_tenant t
    WHERE EXISTS (
        SELECT 1 FROM sending_messagedata d
        WHERE d.tenant_id = t.id AND d.created_at < now() - make_interval(days => t.retention_days)
    )
"""
_SINGLE = f"""
    SELECT m.id
    FROM tenants_tenant t
    JOIN sending_messagedata d ON d.tenant_id = t.id
        AND d.created_at < now() - make_interval(days => t.retention_days)
    JOIN sending_message m ON m.id = d.message_id
    WHERE t.id = %s AND m.status IN ({_SETTLED})
    ORDER BY d.created_at LIMIT {_FOUND}
"""
# Asks again: a person may have sent unknown ones once more, and whoever holds a row keeps it.
_LOCK = f"""
    SELECT id FROM sending_message WHERE id = ANY(%s) AND status IN ({_SETTLED})
    ORDER BY id FOR UPDATE SKIP LOCKED
"""
_DELETE = (
    "DELETE FROM sending_messageevent WHERE message_id = ANY(%s)",
    "DELETE FROM sending_messagedata WHERE message_id = ANY(%s)",
    "DELETE FROM sending_message WHERE id = ANY(%s)",
)


def forget(*, seconds: float) -> int:
    """Deletes what is older than its workspace keeps, for about so long; returns how many messages.

    Several may run at once. What is not done now is done by the next run.
    """
    end = time.monotonic() + seconds
    forgotten = 0
    for batch_id in _ids(_OLD_BATCHES, []):
        if time.monotonic() > end:
            break
        forgotten += _forget(_OF_BATCH, batch_id, end)
        with connection.cursor() as cursor:
            cursor.execute(_BATCH_EMPTY, [batch_id, batch_id])
    for tenant_id in _ids(_TENANTS_WITH_OLD, []):
        forgotten += _forget(_SINGLE, tenant_id, end)
    return forgotten


def _forget(which: str, owner_id: int, end: float) -> int:
    """Chunk after chunk of what a query finds, until it finds no more or the time is over."""
    forgotten = 0
    while time.monotonic() < end:
        deleted = 0
        found = _ids(which, [owner_id])
        for first in range(0, len(found), CHUNK):
            if time.monotonic() > end:
                break
            deleted += forget_chunk(found[first : first + CHUNK])
        forgotten += deleted
        if not deleted:
            break
    return forgotten


@transaction.atomic
def forget_chunk(message_ids: Sequence[int]) -> int:
    """Deletes those of these messages that are settled, with all that belongs to them."""
    ids = _ids(_LOCK, [list(message_ids)])
    with connection.cursor() as cursor:
        for statement in _DELETE:
            cursor.execute(statement, [ids])
    return len(ids)


def _ids(query: str, parameters: Sequence[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]
