"""Writes the text that contacts are searched by, for those that have changed.

The triggers of the table of contacts say which; docs/decisions/contact-search.md.
"""

import time

from django.db import connection, transaction

from lists.models import BUCKET_BITS, SearchChange
from lists.selectors.search import CONTACT_TEXT

_CHUNK = 256  # buckets
# Any number that no other advisory lock of ours has.
_LOCK = 0x5EA2C4

# One statement is one snapshot: a change that it does not delete is one whose contacts it may not
# have seen.
_WRITE = f"""
WITH chosen AS (
    SELECT DISTINCT bucket FROM lists_searchchange WHERE tenant_id = %(tenant)s
    ORDER BY bucket DESC LIMIT {_CHUNK}
), done AS (
    DELETE FROM lists_searchchange x USING chosen
    WHERE x.tenant_id = %(tenant)s AND x.bucket = chosen.bucket
), texts AS (
    SELECT chosen.bucket, t.text FROM chosen CROSS JOIN LATERAL (
        SELECT string_agg({CONTACT_TEXT}, E'\\n') AS text FROM lists_contact c
        WHERE c.tenant_id = %(tenant)s
          AND c.id >= chosen.bucket << {BUCKET_BITS} AND c.id < (chosen.bucket + 1) << {BUCKET_BITS}
    ) t
), emptied AS (
    DELETE FROM lists_searchblock b USING texts
    WHERE b.tenant_id = %(tenant)s AND b.bucket = texts.bucket AND texts.text IS NULL
), written AS (
    INSERT INTO lists_searchblock (tenant_id, bucket, text)
    SELECT %(tenant)s, bucket, text FROM texts WHERE text IS NOT NULL
    ON CONFLICT (tenant_id, bucket) DO UPDATE SET text = excluded.text
)
SELECT count(*) FROM chosen
"""  # noqa: S608 (only constants are written into the SQL)


def refresh(*, seconds: float) -> int:
    """Brings the texts up to date for about so long; how many buckets were written.

    What is not done now is done by the next run; until then those contacts are searched one by
    one. Does nothing while another process does it.
    """
    end = time.monotonic() + seconds
    written = 0
    tenants = SearchChange.unscoped.order_by("tenant").values_list("tenant", flat=True).distinct()
    for tenant_id in list(tenants):
        while time.monotonic() < end and (done := _write(tenant_id)):
            written += done
    return written


@transaction.atomic
def _write(tenant_id: int) -> int:
    with connection.cursor() as cursor:
        # Two at once could write an older text over a newer one.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_WRITE, {"tenant": tenant_id})
        return int(cursor.fetchone()[0])
