"""Keeps a window of a batch's queued messages in Valkey; PostgreSQL holds the rest."""

from django.db import connection

from sending import queue
from sending.models import Batch, BatchState

_WAITING = """
    SELECT id FROM sending_message
    WHERE batch_id = %s AND status = 0 AND id > %s
    ORDER BY id LIMIT %s
"""


def feed(batch_id: int, *, start: bool = False) -> int:
    """Tops up the window of a running batch and returns how many ids it added.

    A batch without a cursor has all its messages in Valkey; `start` begins at its first. Two at
    once add nothing twice: the second finds the cursor moved.
    """
    batch = Batch.unscoped.select_related("ses_account").get(pk=batch_id)
    behind, waiting = queue.window(batch_id)
    if behind is None and start:
        behind = 0
    if behind is None or waiting >= queue.LOW_WATER or batch.state != BatchState.RUNNING:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [batch_id, behind, queue.WINDOW])
        ids = [row[0] for row in cursor.fetchall()]
    still_launching = batch.launched_at is not None and batch.audience_at is None
    more = len(ids) == queue.WINDOW or still_launching
    added = queue.refill(
        batch.ses_account.pace_key, batch.lane, batch_id, ids, behind=behind, more=more
    )
    return len(ids) if added else 0


def feed_again(batch: Batch) -> int:
    """Builds the window of a batch anew from its first queued message."""
    queue.drop(batch.ses_account.pace_key, batch.lane, batch.pk)
    return feed(batch.pk, start=True)
