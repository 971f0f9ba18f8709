"""Tells lists what came of campaigns' mails: once a batch has ended, and as SES tells of it.

That a mail was sent, and arrived, is folded into lists_engagement after its batch has ended, in
chunks: one by one it would cost every mail. Until then lists asks the batches that unfolded()
names. What is learnt later, opens and clicks are noted at once.
Reasons: docs/decisions/segments.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import time
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from lists.services import engagement
from sending.models import PERSON, Batch, BatchState, EventKind, Outcome, Status
from tenants.models import Tenant

_CHUNK = 10_000
# Seconds after its end from which on a batch is folded, and news of its mails is noted at once.
# What comes earlier is committed by the time of the fold, which finds it.
_FOLDED_FROM, _NOTED_FROM = 120, 60
# A complaint comes from a mailbox that got the mail.
_ARRIVED = f"({Outcome.DELIVERED.value}, {Outcome.COMPLAINED.value})"
# As the index batch_unfolded says it. A batch that was opened again ends anew, and is folded anew.
_UNFOLDED = """b.launched_at IS NOT NULL AND b.messages_deleted_at IS NULL
    AND (b.folded_at IS NULL OR b.finished_at IS NULL OR b.finished_at > b.folded_at)"""
_TOLD = f"""
    SELECT m.contact_id, m.tenant_id, m.sent_at,
           CASE WHEN m.outcome IN {_ARRIVED} THEN m.outcome_at END AS delivered_at,
           NULL::timestamptz AS opened_at, NULL::timestamptz AS clicked_at
    FROM sending_message m
"""
_OF_MESSAGES = f"""{_TOLD}
    JOIN sending_batch b ON b.id = m.batch_id AND b.launched_at IS NOT NULL
        AND b.finished_at < now() - interval '{_NOTED_FROM} seconds'
    WHERE m.id = ANY(%(ids)s::bigint[]) AND m.status = {Status.SENT.value}
"""
_OF_BATCH = f"""{_TOLD}
    WHERE m.batch_id = %(batch_id)s AND m.contact_id > %(after)s AND m.contact_id <= %(last)s
      AND m.status = {Status.SENT.value}
"""
_ACTED = f"""
    SELECT m.contact_id, m.tenant_id, NULL::timestamptz AS sent_at,
           NULL::timestamptz AS delivered_at,
           CASE WHEN told.kind = '{EventKind.OPEN.value}' THEN told.at END AS opened_at,
           CASE WHEN told.kind = '{EventKind.CLICK.value}' THEN told.at END AS clicked_at
    FROM unnest(%(acted)s::bigint[], %(tenants)s::bigint[], %(kinds)s::text[],
                %(moments)s::timestamptz[]) AS told (id, tenant_id, kind, at)
    JOIN sending_message m ON m.id = told.id AND m.tenant_id = told.tenant_id
    JOIN sending_batch b ON b.id = m.batch_id AND b.launched_at IS NOT NULL
"""
# By the unique index on batch and contact.
_LAST_OF_CHUNK = """
    SELECT max(contact_id) FROM (
        SELECT contact_id FROM sending_message
        WHERE batch_id = %s AND contact_id > %s ORDER BY contact_id LIMIT %s
    ) chunk
"""
# What is in flight when a batch is cancelled is sent after its end.
_TO_FOLD = f"""
    SELECT b.id FROM sending_batch b WHERE {_UNFOLDED} AND b.state IN ('done', 'cancelled')
      AND b.finished_at < now() - interval '{_FOLDED_FROM} seconds'
      AND NOT EXISTS (SELECT 1 FROM sending_message m
                      WHERE m.batch_id = b.id AND m.status = {Status.SENDING.value})
    ORDER BY b.finished_at
"""

# For lists.segments.mail: contacts that were sent or got a mail of batches that are not folded yet,
# and what contacts did with the mail of one batch.
_OF_UNFOLDED = f"""SELECT h.contact_id FROM sending_message h
    WHERE h.batch_id = ANY(%(unfolded)s) AND h.status = {Status.SENT.value}"""
OF_UNFOLDED = {
    "sent": f"{_OF_UNFOLDED} AND h.sent_at >= %(since)s",
    "delivered": f"{_OF_UNFOLDED} AND h.outcome IN {_ARRIVED} AND h.outcome_at >= %(since)s",
}
_WHERE = f"WHERE h.batch_id = %(campaign)s AND h.status = {Status.SENT.value}"
_DONE = f"""SELECT v.contact_id FROM sending_messageevent v
    WHERE v.batch_id = %(campaign)s AND v.subtype = '{PERSON}'"""
OF_BATCH = {
    "sent": f"SELECT h.contact_id FROM sending_message h {_WHERE}",
    "delivered": f"SELECT h.contact_id FROM sending_message h {_WHERE} AND h.outcome IN {_ARRIVED}",
    "opened": f"{_DONE} AND v.kind = '{EventKind.OPEN.value}'",
    "clicked": f"{_DONE} AND v.kind = '{EventKind.CLICK.value}'",
}


def unfolded(tenant: Tenant) -> list[int]:
    """The tenant's batches of which lists_engagement does not know yet who was sent them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT b.id FROM sending_batch b WHERE b.tenant_id = %s AND {_UNFOLDED}", [tenant.pk]
        )
        return [row[0] for row in cursor.fetchall()]


# Message, tenant, OPEN or CLICK, and when a person did so.
Act = tuple[int, int, EventKind, datetime]


def note(ids: Sequence[int], acts: Sequence[Act] = ()) -> None:
    """Notes that these messages were sent, when they arrived, and what people did with theirs;
    those of no campaign count not.

    In the transaction of the change that it tells of, and once in it: engagement rows are locked
    in their order.
    """
    if acts:
        acted, tenants, kinds, moments = (list(column) for column in zip(*acts, strict=True))
        engagement.note(
            f"{_OF_MESSAGES} UNION ALL {_ACTED}",
            {
                "ids": list(ids),
                "acted": acted,
                "tenants": tenants,
                "kinds": [kind.value for kind in kinds],
                "moments": moments,
            },
        )
    elif ids:
        engagement.note(_OF_MESSAGES, {"ids": list(ids)})


def fold(*, seconds: float) -> int:
    """Folds what has ended, for about so long; returns how many chunks. Two at once do no harm."""
    end, chunks = time.monotonic() + seconds, 0
    with connection.cursor() as cursor:
        cursor.execute(_TO_FOLD)
        batch_ids = [row[0] for row in cursor.fetchall()]
    for batch_id in batch_ids:
        while time.monotonic() < end and fold_chunk(batch_id):
            chunks += 1
    return chunks


@transaction.atomic
def fold_chunk(batch_id: int) -> bool:
    """Folds the next chunk of a batch that has ended; whether there may be more."""
    rows = Batch.unscoped.select_for_update(skip_locked=True, no_key=True)
    ended = (BatchState.DONE, BatchState.CANCELLED)
    batch = rows.filter(pk=batch_id, state__in=ended).first()
    if batch is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_LAST_OF_CHUNK, [batch_id, batch.fold_cursor, _CHUNK])
        (last,) = cursor.fetchone()
    if last is None:
        batch.fold_cursor, batch.folded_at = 0, timezone.now()
    else:
        engagement.note(_OF_BATCH, {"batch_id": batch_id, "after": batch.fold_cursor, "last": last})
        batch.fold_cursor = last
    batch.save(update_fields=["fold_cursor", "folded_at"])
    return last is not None
