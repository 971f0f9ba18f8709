"""Counts by the clock which list, and which import, form or API, a campaign's mails went to.

No page counts a million mails. A batch is counted when its tallies have moved since the last
count, and again after a hundred times the time that this took: counting never takes more than a
hundredth of a worker's time.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import time

from django.db import connection, transaction
from django.utils import timezone

from lists.models import Source
from reputation.models import SourceCount
from sending.models import Outcome, Status

# The pages look back 30 days.
_DUE = """
    SELECT b.id, b.tenant_id, t.sent, t.bounced, t.complained
    FROM sending_batch b
    JOIN LATERAL (
        SELECT sum(sent) AS sent, sum(bounced) AS bounced, sum(complained) AS complained
        FROM sending_batchtally WHERE batch_id = b.id
    ) t ON t.sent > 0
    LEFT JOIN reputation_sourcecount c ON c.batch_id = b.id
    WHERE b.launched_at > now() - interval '31 days' AND b.list_ids <> '{}'
      AND b.messages_deleted_at IS NULL
      AND (t.sent, t.bounced, t.complained)
          IS DISTINCT FROM (c.sent::numeric, c.bounced::numeric, c.complained::numeric)
      AND (c.counted_at IS NULL
           OR c.counted_at < now() - greatest(60, 100 * c.took) * interval '1 second')
    ORDER BY c.counted_at NULLS FIRST, b.id
"""
_COUNT = f"""
    INSERT INTO reputation_batchsource
        (tenant_id, batch_id, list_id, source, imported_id, form_id, mailed, bounced, complained)
    SELECT m.tenant_id, m.batch_id, s.list_id, coalesce(s.source, ''),
           CASE WHEN s.source <> '{Source.FORM}' THEN s.imported_id END,
           CASE WHEN s.source = '{Source.FORM}' THEN s.form_id END, count(*),
           count(*) FILTER (WHERE m.outcome = {Outcome.HARD_BOUNCED.value}),
           count(*) FILTER (WHERE m.outcome = {Outcome.COMPLAINED.value})
    FROM sending_message m
    JOIN sending_batch b ON b.id = m.batch_id
    LEFT JOIN lists_subscription s
        ON s.contact_id = m.contact_id AND s.tenant_id = m.tenant_id AND s.list_id = ANY(b.list_ids)
    WHERE m.batch_id = %s AND m.status = {Status.SENT.value}
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_FORGET = "DELETE FROM reputation_batchsource WHERE batch_id = %s"


def count_sources(*, seconds: float) -> int:
    """Counts the batches that are due, for about so long; how many. Two at once do no harm."""
    end, counted = time.monotonic() + seconds, 0
    with connection.cursor() as cursor:
        cursor.execute(_DUE)
        due = cursor.fetchall()
    for batch_id, tenant_id, *told in due:
        if time.monotonic() > end:
            break
        counted += _count(batch_id, tenant_id, [int(number) for number in told])
    return counted


@transaction.atomic
def _count(batch_id: int, tenant_id: int, told: list[int]) -> bool:
    """Whether it counted: another worker may be at it. `told` is from before, so what comes in
    the meantime makes it due again."""
    SourceCount.unscoped.get_or_create(batch_id=batch_id, defaults={"tenant_id": tenant_id})
    rows = SourceCount.unscoped.select_for_update(skip_locked=True, no_key=True)
    known = rows.filter(batch_id=batch_id).first()
    if known is None:
        return False
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [batch_id])
        cursor.execute(_COUNT, [batch_id])
    known.sent, known.bounced, known.complained = told
    known.took, known.counted_at = time.monotonic() - began, timezone.now()
    known.save()
    return True
