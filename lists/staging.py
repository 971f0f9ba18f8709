"""The set-based writing of one chunk of an import, inside the caller's transaction."""

import io
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from lists.mapping import COPY_COLUMNS, Chunk, State
from lists.models import Import, Source, SuppressionReason
from lists.suppressing import Suppress, add_suppressions

# A list that is being deleted waits for this chunk; one that is gone takes no more members.
_HOLD_LISTS = """
SELECT id FROM lists_list WHERE tenant_id = %(tenant_id)s AND id = ANY(%(list_ids)s)
ORDER BY id FOR KEY SHARE
"""

_STAGE = """
CREATE TEMP TABLE import_rows (
    line bigint, public_id uuid, email varchar(320), email_norm varchar(320),
    first_name varchar(120), last_name varchar(120), fields jsonb, state smallint
) ON COMMIT DROP;
CREATE TEMP TABLE import_contacts (
    line bigint, email varchar(320), email_norm varchar(320), state smallint,
    id bigint, unsubscribed_at timestamptz, is_new boolean
) ON COMMIT DROP
"""

# A blank value overwrites nothing, and a contact that stays as it is is not written at all. Rows
# go in by address: two imports of one tenant then take their locks in the same order.
_UPSERT = """
WITH upserted AS (
    INSERT INTO lists_contact AS c (tenant_id, public_id, email, email_norm, first_name,
                                    last_name, fields, created_at, updated_at)
    SELECT %(tenant_id)s, public_id, email, email_norm, first_name, last_name, fields, now(), now()
    FROM import_rows ORDER BY email_norm
    ON CONFLICT (tenant_id, email_norm) DO UPDATE
    SET first_name = coalesce(nullif(excluded.first_name, ''), c.first_name),
        last_name = coalesce(nullif(excluded.last_name, ''), c.last_name),
        fields = c.fields || excluded.fields,
        updated_at = now()
    WHERE (excluded.first_name <> '' AND excluded.first_name <> c.first_name)
       OR (excluded.last_name <> '' AND excluded.last_name <> c.last_name)
       OR NOT c.fields @> excluded.fields
    RETURNING c.id, c.email_norm, c.unsubscribed_at, (xmax = 0) AS is_new
)
INSERT INTO import_contacts
SELECT r.line, r.email, u.email_norm, r.state, u.id, u.unsubscribed_at, u.is_new
FROM upserted u JOIN import_rows r USING (email_norm)
"""

_COUNT = "SELECT count(*) FILTER (WHERE is_new), count(*) FROM import_contacts"

# The rows of which nothing was written.
_FIND_REST = """
INSERT INTO import_contacts
SELECT r.line, r.email, r.email_norm, r.state, c.id, c.unsubscribed_at, false
FROM import_rows r
JOIN lists_contact c ON c.tenant_id = %(tenant_id)s AND c.email_norm = r.email_norm
WHERE NOT EXISTS (SELECT FROM import_contacts i WHERE i.email_norm = r.email_norm)
"""

# A place that is there already stays as it is: nobody is revived or confirmed by an import.
_SUBSCRIBE = """
INSERT INTO lists_subscription
    (tenant_id, contact_id, list_id, status, source, imported_id, unsubscribed_at, created_at)
SELECT %(tenant_id)s, i.id, l.id,
       CASE WHEN i.state >= %(left)s OR i.unsubscribed_at IS NOT NULL THEN 'unsubscribed'
            WHEN i.state = %(unconfirmed)s THEN 'unconfirmed' ELSE 'active' END,
       %(source)s, %(import_id)s,
       CASE WHEN i.state >= %(left)s THEN now() ELSE i.unsubscribed_at END,
       now()
FROM import_contacts i CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (id)
ORDER BY i.id
ON CONFLICT (contact_id, list_id) DO NOTHING
"""

_UNSUBSCRIBE = """
UPDATE lists_subscription s SET status = 'unsubscribed', unsubscribed_at = now()
FROM lists_contact c
WHERE c.tenant_id = %(tenant_id)s AND c.email_norm = ANY(%(stopped)s)
  AND s.contact_id = c.id AND s.list_id = ANY(%(list_ids)s) AND s.status <> 'unsubscribed'
"""

_KEPT_UNSUBSCRIBED = """
SELECT i.line, i.email FROM import_contacts i
WHERE NOT i.is_new AND i.state < %(left)s
  AND (i.unsubscribed_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM lists_subscription s
        WHERE s.contact_id = i.id AND s.list_id = ANY(%(list_ids)s) AND s.status = 'unsubscribed'))
"""

_KEPT_SUPPRESSED = """
SELECT i.line, i.email, x.reason FROM import_contacts i
JOIN lists_suppression x ON x.tenant_id = %(tenant_id)s AND x.email_norm = i.email_norm
"""


@dataclass(frozen=True)
class Written:
    """What became of a chunk; the two lists name rows (line, address, …) that stay unmailed."""

    created: int
    updated: int
    unsubscribed: list[tuple[int, str]]
    suppressed: list[tuple[int, str, str]]


def write_chunk(import_: Import, list_ids: list[int], chunk: Chunk) -> Written:
    """Writes contacts, their places on the lists, and what a status column says."""
    values = _values(import_, list_ids)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_LISTS, values)
        values["list_ids"] = [row[0] for row in cursor.fetchall()]
        _stage(cursor, chunk)
        cursor.execute(_UPSERT, values)
        cursor.execute(_COUNT)
        created, written = cursor.fetchone()
        if written < len(chunk.lines):
            cursor.execute(_FIND_REST, values)
        cursor.execute(_SUBSCRIBE, values)
        if chunk.stops:
            cursor.execute(_UNSUBSCRIBE, values | {"stopped": list(chunk.stops)})
            add_suppressions(import_.tenant_id, _suppressions(import_, chunk))
        return Written(created, written - created, *_kept(cursor, values))


def reread_chunk(import_: Import, list_ids: list[int], chunk: Chunk) -> Written:
    """What to report of a chunk that has been written before; changes nothing."""
    values = _values(import_, list_ids)
    with connection.cursor() as cursor:
        _stage(cursor, chunk)
        cursor.execute(_FIND_REST, values)
        return Written(0, 0, *_kept(cursor, values))


def _values(import_: Import, list_ids: list[int]) -> dict[str, Any]:
    return {
        "tenant_id": import_.tenant_id,
        "import_id": import_.pk,
        "list_ids": list_ids,
        "source": Source.IMPORT.value,
        "left": int(State.UNSUBSCRIBED),
        "unconfirmed": int(State.UNCONFIRMED),
    }


def _stage(cursor: CursorWrapper, chunk: Chunk) -> None:
    cursor.execute(_STAGE)
    cursor.copy_expert(
        f"COPY import_rows ({COPY_COLUMNS}) FROM STDIN", io.BytesIO("".join(chunk.lines).encode())
    )


def _kept(
    cursor: CursorWrapper, values: dict[str, Any]
) -> tuple[list[tuple[int, str]], list[tuple[int, str, str]]]:
    cursor.execute(_KEPT_UNSUBSCRIBED, values)
    unsubscribed = cursor.fetchall()
    cursor.execute(_KEPT_SUPPRESSED, values)
    suppressed = cursor.fetchall()
    cursor.execute("DROP TABLE import_rows, import_contacts")  # the transaction may go on
    return unsubscribed, suppressed


def _suppressions(import_: Import, chunk: Chunk) -> list[Suppress]:
    reasons = {
        State.BOUNCED: SuppressionReason.HARD_BOUNCE,
        State.COMPLAINED: SuppressionReason.COMPLAINT,
    }
    return [
        Suppress(email_norm, reasons[state], Source.IMPORT, f"Said by {import_.filename}")
        for email_norm, state in chunk.stops.items()
        if state in reasons
    ]
