"""The set-based writing of one chunk of an import, inside the caller's transaction.

A chunk is staged in a temporary table, and compared with the contacts that are there: that is all
a dry run does, and what a real run begins with. What has changed, or lacks a place or a tag, is
then held and written; a contact that stays as it is costs no write.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from lists.mapping import State
from lists.models import Import, Source, SuppressionReason, UpdatePolicy
from lists.rows import COPY_COLUMNS, Chunk
from lists.suppressing import Suppress, add_suppressions, keep_erased

_COPY_BLOCK = 1 << 20  # bytes; with psycopg2's 8 KB each block would wait for the thread that reads

_HOLD = """
SELECT id FROM {table} WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s)
ORDER BY id FOR KEY SHARE
"""

# Every row gets an id at once: that of its contact, where it is new.
_STAGE = """
CREATE TEMP TABLE import_rows (
    id bigint DEFAULT nextval('lists_contact_id_seq'),
    line bigint, public_id uuid, email varchar(320), email_norm varchar(320),
    first_name varchar(120), last_name varchar(120), fields jsonb, state smallint
) ON COMMIT DROP;
CREATE TEMP TABLE import_known (
    line bigint, email varchar(320), state smallint, id bigint, changed boolean, kept boolean,
    lacks boolean, first_name varchar(120), last_name varchar(120), fields jsonb
) ON COMMIT DROP
"""

# What each field of contact c becomes by the values of {r}. A blank value overwrites nothing.
_BECOMES = {
    UpdatePolicy.OVERWRITE: {
        "first_name": "coalesce(nullif({r}.first_name, ''), c.first_name)",
        "last_name": "coalesce(nullif({r}.last_name, ''), c.last_name)",
        "fields": "c.fields || {r}.fields",
    },
    UpdatePolicy.FILL: {
        "first_name": "coalesce(nullif(c.first_name, ''), {r}.first_name)",
        "last_name": "coalesce(nullif(c.last_name, ''), {r}.last_name)",
        "fields": "{r}.fields || c.fields",
    },
}
_CHANGED = {
    UpdatePolicy.OVERWRITE: """
        (({r}.first_name <> '' AND {r}.first_name <> c.first_name)
         OR ({r}.last_name <> '' AND {r}.last_name <> c.last_name)
         OR NOT c.fields @> {r}.fields)""",
    UpdatePolicy.FILL: """
        ((c.first_name = '' AND {r}.first_name <> '')
         OR (c.last_name = '' AND {r}.last_name <> '')
         OR {r}.fields || c.fields <> c.fields)""",
    UpdatePolicy.KEEP: "false",
}

# Statistics that are older than a workspace say that it has no contacts, and temporary tables have
# none: left to itself the planner then reads all contacts of the workspace for each row. So each
# statement is told how to look its rows up; what these settings leave over is one plan.
# A chunk of 50,000 rows in memory, where a trigger reads it again. And a chunk that PostgreSQL has
# not put on disk yet may be lost with the server: whole, with the place to go on from, and with all
# that came after it. The end of the import is committed as usual, and so waits for all of them.
_AS_A_CHUNK = "SET LOCAL work_mem = '48MB'; SET LOCAL synchronous_commit = off"
_BY_ADDRESS = """
SET LOCAL jit = off; SET LOCAL enable_sort = off; SET LOCAL enable_memoize = off;
SET LOCAL enable_bitmapscan = off
"""
_BY_ID = """
SET LOCAL enable_sort = on; SET LOCAL enable_nestloop = on; SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off
"""
_BY_HASH = """
SET LOCAL jit = off; SET LOCAL enable_sort = on; SET LOCAL enable_hashjoin = on;
SET LOCAL enable_nestloop = off
"""

# The rows whose contacts are there, and what a run would change of them. A contact is the first
# from its address on: only the index of addresses has them in that order. And up to its address:
# the chunk before may have written thousands that are not committed, and each search would pass
# them all. `+ 0` leaves the index by list unused, by which no contact is found.
_KNOW = """
INSERT INTO import_known
SELECT r.line, r.email, r.state, c.id, c.changed,
       r.state < %(left)s AND (c.unsubscribed_at IS NOT NULL OR p.unsubscribed),
       p.places < %(lists)s OR {tags} < %(tags)s,
       CASE WHEN c.changed THEN r.first_name END, CASE WHEN c.changed THEN r.last_name END,
       CASE WHEN c.changed THEN r.fields END
FROM import_rows r
CROSS JOIN LATERAL (
    SELECT id, email_norm, unsubscribed_at, {changed} AS changed FROM lists_contact c
    WHERE tenant_id = %(tenant_id)s AND email_norm >= r.email_norm AND email_norm <= r.email_norm
    ORDER BY email_norm LIMIT 1
) c
CROSS JOIN LATERAL (
    SELECT count(*) AS places, coalesce(bool_or(s.status = 'unsubscribed'), false) AS unsubscribed
    FROM lists_subscription s WHERE s.contact_id = c.id AND s.list_id + 0 = ANY(%(list_ids)s)
) p
"""
_TAGS_THERE = """
(SELECT count(*) FROM lists_contacttag t
 WHERE t.contact_id = c.id AND t.tag_id + 0 = ANY(%(tag_ids)s))
"""

_COUNT = """
SELECT count(*), count(*) FILTER (WHERE changed), coalesce(bool_or(changed OR lacks), false)
FROM import_known
"""

# Whoever writes a place on a list or a tag holds the contact's row. Rows are taken by id, so that
# two who want the same ones wait for each other and not in a ring.
_HOLD_CONTACTS = """
SELECT count(c.id)
FROM (SELECT id FROM import_known WHERE changed OR lacks ORDER BY id) k
CROSS JOIN LATERAL (SELECT id FROM lists_contact WHERE id = k.id FOR NO KEY UPDATE) c
"""

# Compared again: the contact may have changed before it was held. Old and new are kept for undo.
_UPDATE = """
WITH changed AS (
    UPDATE lists_contact c
    SET first_name = {first_name}, last_name = {last_name}, fields = {fields}, updated_at = now()
    FROM import_known k
    WHERE c.id = k.id AND k.changed AND {changed}
    RETURNING new.id, old.first_name, old.last_name, old.fields,
              new.first_name, new.last_name, new.fields
)
INSERT INTO lists_importchange (tenant_id, imported_id, contact_id, first_name, last_name, fields,
                                new_first_name, new_last_name, new_fields)
SELECT %(tenant_id)s, %(import_id)s, changed.* FROM changed
"""

# An address that somebody else adds at the same moment fails the chunk, which is tried again. Rows
# come by address, so that two imports wait for each other and not in a ring.
_CREATE = """
INSERT INTO lists_contact (id, tenant_id, public_id, email, email_norm, first_name, last_name,
                           fields, imported_id, created_at, updated_at)
SELECT id, %(tenant_id)s, public_id, email, email_norm, first_name, last_name, fields,
       %(import_id)s, now(), now()
FROM import_rows r {unknown}
"""
_UNKNOWN = "WHERE NOT EXISTS (SELECT FROM import_known k WHERE k.line = r.line)"

_SUBSCRIBE_NEW = """
INSERT INTO lists_subscription
    (tenant_id, contact_id, list_id, status, source, imported_id, unsubscribed_at, created_at)
SELECT %(tenant_id)s, r.id, l.id,
       CASE WHEN r.state >= %(left)s THEN 'unsubscribed'
            WHEN r.state = %(unconfirmed)s THEN 'unconfirmed' ELSE 'active' END,
       %(source)s, %(import_id)s, CASE WHEN r.state >= %(left)s THEN now() END, now()
FROM import_rows r CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (id) {unknown}
"""

# A place that is there already stays as it is: nobody is revived or confirmed by an import.
_SUBSCRIBE_KNOWN = """
INSERT INTO lists_subscription
    (tenant_id, contact_id, list_id, status, source, imported_id, unsubscribed_at, created_at)
SELECT %(tenant_id)s, c.id, l.id,
       CASE WHEN k.state >= %(left)s OR c.unsubscribed_at IS NOT NULL THEN 'unsubscribed'
            WHEN k.state = %(unconfirmed)s THEN 'unconfirmed' ELSE 'active' END,
       %(source)s, %(import_id)s,
       CASE WHEN k.state >= %(left)s THEN now() ELSE c.unsubscribed_at END, now()
FROM import_known k JOIN lists_contact c ON c.id = k.id
CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (id)
WHERE k.lacks ORDER BY c.id
ON CONFLICT (contact_id, list_id) DO NOTHING
"""

_TAG = """
INSERT INTO lists_contacttag (tenant_id, contact_id, tag_id, imported_id, created_at)
SELECT %(tenant_id)s, c.id, t.id, %(import_id)s, now()
FROM (SELECT id FROM {rows} ORDER BY id) c CROSS JOIN unnest(%(tag_ids)s::bigint[]) AS t (id)
ON CONFLICT (contact_id, tag_id) DO NOTHING
"""
_NEW_ROWS, _KNOWN_ROWS = "import_rows r {unknown}", "import_known k WHERE k.lacks"

_UNSUBSCRIBE = """
UPDATE lists_subscription s SET status = 'unsubscribed', unsubscribed_at = now()
FROM lists_contact c
WHERE c.tenant_id = %(tenant_id)s AND c.email_norm = ANY(%(stopped)s)
  AND s.contact_id = c.id AND s.list_id + 0 = ANY(%(list_ids)s) AND s.status <> 'unsubscribed'
"""

_KEPT_UNSUBSCRIBED = "SELECT line, email FROM import_known WHERE kept"

_KEPT_SUPPRESSED = """
SELECT r.line, r.email, x.reason FROM import_rows r
JOIN lists_suppression x ON x.tenant_id = %(tenant_id)s AND x.email_norm = r.email_norm
"""


@dataclass(frozen=True)
class Target:
    """Where the rows of an import go; only lists and tags that are there."""

    list_ids: list[int] = field(default_factory=list)
    tag_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """What became of a chunk; the two lists name rows (line, address, …) that stay unmailed."""

    created: int
    updated: int
    unsubscribed: list[tuple[int, str]]
    suppressed: list[tuple[int, str, str]]


def write_chunk(import_: Import, target: Target, chunk: Chunk, *, fresh: bool = False) -> Written:
    """Writes contacts, their places on the lists, and their tags.

    `fresh` is the hope that all rows are new, so that nobody looks them up. Where one is not,
    IntegrityError says so, with the unique violation of PostgreSQL.
    """
    values = _values(import_, target)
    with connection.cursor() as cursor:
        cursor.execute(_AS_A_CHUNK)
        _stage(cursor, chunk)
        known, _, writes = (0, 0, False) if fresh else _compare(cursor, import_, values)
        suppressed = _suppressed(cursor, values)
        if known < chunk.kept:
            unknown = _UNKNOWN if known else ""
            _create(cursor, values, unknown)
            keep_erased(import_.tenant_id, _addresses(cursor, unknown))
        cursor.execute(_BY_ID)
        updated = _update(cursor, import_, values) if writes else 0
        return _written(cursor, chunk.kept - known, updated, suppressed)


def compare_chunk(import_: Import, target: Target, chunk: Chunk) -> Written:
    """What write_chunk() would do, or has done; changes nothing."""
    values = _values(import_, target)
    with connection.cursor() as cursor:
        _stage(cursor, chunk)
        known, changed, _ = _compare(cursor, import_, values)
        return _written(cursor, chunk.kept - known, changed, _suppressed(cursor, values))


def hold_target(import_: Import, target: Target) -> Target:
    """The lists and tags that are there; one that is being deleted waits for this transaction."""
    with connection.cursor() as cursor:
        return Target(
            _held(cursor, import_, "lists_list", target.list_ids),
            _held(cursor, import_, "lists_tag", target.tag_ids),
        )


def stop_mail(import_: Import, target: Target, chunk: Chunk) -> None:
    """Does what a status column says of addresses, some of which came with earlier chunks."""
    if chunk.stops:
        with connection.cursor() as cursor:
            cursor.execute(_BY_ID)
            cursor.execute(_UNSUBSCRIBE, _values(import_, target) | {"stopped": list(chunk.stops)})
        add_suppressions(import_.tenant_id, _suppressions(import_, chunk))


def _held(cursor: CursorWrapper, import_: Import, table: str, ids: list[int]) -> list[int]:
    if ids:
        given: dict[str, Any] = {"tenant_id": import_.tenant_id, "ids": ids}
        cursor.execute(_HOLD.format(table=table), given)
        ids = [row[0] for row in cursor.fetchall()]
    return ids


def _values(import_: Import, target: Target) -> dict[str, Any]:
    return {
        "tenant_id": import_.tenant_id,
        "import_id": import_.pk,
        "list_ids": target.list_ids,
        "lists": len(target.list_ids),
        "tag_ids": target.tag_ids,
        "tags": len(target.tag_ids),
        "source": import_.source,
        "left": int(State.UNSUBSCRIBED),
        "unconfirmed": int(State.UNCONFIRMED),
    }


def _stage(cursor: CursorWrapper, chunk: Chunk) -> None:
    cursor.execute(_STAGE)
    cursor.copy_expert(
        f"COPY import_rows ({COPY_COLUMNS}) FROM STDIN",
        io.BytesIO(chunk.copy),
        size=_COPY_BLOCK,
    )


def _compare(
    cursor: CursorWrapper, import_: Import, values: dict[str, Any]
) -> tuple[int, int, bool]:
    """(rows whose contact is there, those that would change, whether anything is to be written)."""
    cursor.execute(_BY_ADDRESS)
    changed = _CHANGED[UpdatePolicy(import_.policy)].format(r="r")
    tags = _TAGS_THERE if values["tags"] else "0"
    cursor.execute(_KNOW.format(changed=changed, tags=tags), values)
    if not cursor.rowcount:
        return 0, 0, False
    cursor.execute(_COUNT)
    known, updates, writes = cursor.fetchone()
    return known, updates, writes


def _create(cursor: CursorWrapper, values: dict[str, Any], unknown: str) -> None:
    """Writes the contacts that are new, with all that is theirs."""
    cursor.execute(_CREATE.format(unknown=unknown), values)
    if values["lists"]:
        cursor.execute(_SUBSCRIBE_NEW.format(unknown=unknown), values)
    if values["tags"]:
        cursor.execute(_TAG.format(rows=_NEW_ROWS.format(unknown=unknown)), values)


def _addresses(cursor: CursorWrapper, unknown: str) -> Iterator[str]:
    """Of the contacts that are new. Nothing is asked before the first is taken."""
    cursor.execute(f"SELECT email_norm FROM import_rows r {unknown}")  # noqa: S608 (our own words)
    yield from (row[0] for row in cursor.fetchall())


def _update(cursor: CursorWrapper, import_: Import, values: dict[str, Any]) -> int:
    """Writes what known contacts lack; how many have other values now."""
    updated = 0
    cursor.execute(_HOLD_CONTACTS)
    policy = UpdatePolicy(import_.policy)
    if policy in _BECOMES:
        becomes = {name: sql.format(r="k") for name, sql in _BECOMES[policy].items()}
        cursor.execute(_UPDATE.format(changed=_CHANGED[policy].format(r="k"), **becomes), values)
        updated = cursor.rowcount
    if values["lists"]:
        cursor.execute(_SUBSCRIBE_KNOWN, values)
    if values["tags"]:
        cursor.execute(_TAG.format(rows=_KNOWN_ROWS), values)
    return updated


def _suppressed(cursor: CursorWrapper, values: dict[str, Any]) -> list[tuple[int, str, str]]:
    cursor.execute(_BY_HASH)
    cursor.execute(_KEPT_SUPPRESSED, values)
    return list(cursor.fetchall())


def _written(
    cursor: CursorWrapper, created: int, updated: int, suppressed: list[tuple[int, str, str]]
) -> Written:
    cursor.execute(_KEPT_UNSUBSCRIBED)
    unsubscribed = list(cursor.fetchall())
    cursor.execute("DROP TABLE import_rows, import_known")  # the transaction may go on
    return Written(created, updated, unsubscribed, suppressed)


def _suppressions(import_: Import, chunk: Chunk) -> list[Suppress]:
    reasons = {
        State.BLOCKED: SuppressionReason.MANUAL,
        State.BOUNCED: SuppressionReason.HARD_BOUNCE,
        State.COMPLAINED: SuppressionReason.COMPLAINT,
    }
    return [
        Suppress(email_norm, reasons[state], Source(import_.source), f"Said by {import_.filename}")
        for email_norm, state in chunk.stops.items()
        if state in reasons
    ]
