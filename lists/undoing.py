"""Taking an import back, a range of contacts at a time, each range whole or not at all.

Contacts of the workspace are walked by id; Import.undone_to moves on in the transaction of each
range, and is the fence and the place to go on from. Three things are never undone: that somebody
unsubscribed, a suppression, and what others have done to a contact since.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, ManyToOneRel, Q, QuerySet
from django.utils import timezone

from lists.importing import SILENCE
from lists.models import Contact, Import, ImportChange, ImportStatus

RANGE_CONTACTS = 10_000
# An undo is offered for so long; then what it needs is deleted.
OFFERED = timedelta(days=30)
_FORGET_ROWS = 50_000

# Each contact is looked up by its id: temporary tables have no statistics, and read one after the
# other the tables of all workspaces would be. Where a join could begin with such a table, an array
# of ids or OFFSET 0 leaves no join.
_BY_ID = """
SET LOCAL jit = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off
"""

_NEXT = """
SELECT max(id), count(*) FROM (
    SELECT id FROM lists_contact WHERE tenant_id = %(tenant_id)s AND id > %(after)s
    ORDER BY id LIMIT %(limit)s
) range
"""

# Those whom this import has to do with, held: a sign-up or an unsubscribe comes before or after.
_HOLD = """
CREATE TEMP TABLE undo_contacts ON COMMIT DROP AS
SELECT id, imported_id IS NOT DISTINCT FROM %(import_id)s AND created_at = updated_at
           AND unsubscribed_at IS NULL AS is_new
FROM lists_contact c
WHERE tenant_id = %(tenant_id)s AND id > %(after)s AND id <= %(last)s AND (
    imported_id = %(import_id)s
    OR (SELECT true FROM lists_subscription s
        WHERE s.contact_id = c.id AND s.imported_id = %(import_id)s LIMIT 1)
    OR (SELECT true FROM lists_contacttag t
        WHERE t.contact_id = c.id AND t.imported_id = %(import_id)s LIMIT 1)
    OR (SELECT true FROM lists_importchange x
        WHERE x.contact_id = c.id AND x.imported_id = %(import_id)s LIMIT 1))
ORDER BY id FOR UPDATE
"""

_OF_CONTACTS = """
DELETE FROM {table}
WHERE contact_id = ANY(ARRAY(SELECT id FROM undo_contacts)) AND imported_id = %(import_id)s
"""
_TAGS = _OF_CONTACTS.format(table="lists_contacttag")
_CHANGES = _OF_CONTACTS.format(table="lists_importchange")

# A place that its contact has confirmed is theirs; one that they left must not be forgotten.
_PLACES = (
    _OF_CONTACTS.format(table="lists_subscription")
    + "AND status <> 'unsubscribed' AND confirmed_at IS NULL"
)

# Each value goes back where it still is what the import made it.
_FIELDS = """
UPDATE lists_contact c
SET first_name = CASE WHEN c.first_name = x.new_first_name THEN x.first_name
                      ELSE c.first_name END,
    last_name = CASE WHEN c.last_name = x.new_last_name THEN x.last_name ELSE c.last_name END,
    fields = (c.fields - coalesce(back.keys, '{}')) || coalesce(back.before, '{}'),
    updated_at = now()
FROM undo_contacts u
CROSS JOIN LATERAL (
    SELECT * FROM lists_importchange
    WHERE contact_id = u.id AND imported_id = %(import_id)s OFFSET 0
) x
CROSS JOIN LATERAL (
    SELECT array_agg(n.key) AS keys,
           jsonb_object_agg(n.key, x.fields -> n.key) FILTER (WHERE x.fields ? n.key) AS before
    FROM jsonb_each(x.new_fields) n, lists_contact held
    WHERE held.id = x.contact_id AND held.fields -> n.key = n.value
      AND x.fields -> n.key IS DISTINCT FROM n.value
) back
WHERE c.id = x.contact_id AND (
    back.keys IS NOT NULL
    OR (c.first_name = x.new_first_name AND x.first_name <> x.new_first_name)
    OR (c.last_name = x.new_last_name AND x.last_name <> x.new_last_name))
"""
_NEW_OF_IT = """
SELECT count(*) FROM undo_contacts u JOIN lists_contact c ON c.id = u.id
WHERE c.imported_id = %(import_id)s
"""

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """Another worker has taken the undo over."""


def stuck() -> list[int]:
    """Ids of imports whose undo nobody works on."""
    return list(_waiting().values_list("pk", flat=True))


def undo(import_id: int) -> None:
    """Takes an import back to its end, from wherever it is; returns at once if another worker
    does. Leaves it UNDONE, with its counts.
    """
    if not _waiting().filter(pk=import_id).update(progressed_at=timezone.now()):
        return
    import_ = Import.unscoped.get(pk=import_id)
    if not import_.undo_total:
        import_.undo_total = _count(import_)
        _open(import_).update(undo_total=import_.undo_total)
    logger.info("undo of import %d goes on behind contact %d", import_.pk, import_.undone_to)
    try:
        while _undo_range(import_):
            pass
    except _Stopped:
        return
    _open(import_).update(
        status=ImportStatus.UNDONE, undo_rows=F("undo_total"), progressed_at=timezone.now()
    )


def forget_old() -> int:
    """Deletes what could undo imports that are too old for it; how many contacts' values."""
    old = Import.unscoped.filter(finished_at__lt=timezone.now() - OFFERED)
    rows = ImportChange.unscoped.filter(imported__in=old).values("pk")[:_FORGET_ROWS]
    return ImportChange.unscoped.filter(pk__in=rows).delete()[0]


def _waiting() -> QuerySet[Import]:
    silent = timezone.now() - SILENCE
    return Import.unscoped.filter(
        Q(progressed_at=None) | Q(progressed_at__lt=silent), status=ImportStatus.UNDOING
    )


def _open(import_: Import) -> QuerySet[Import]:
    return Import.unscoped.filter(pk=import_.pk, status=ImportStatus.UNDOING)


def _count(import_: Import) -> int:
    return Contact.unscoped.filter(tenant_id=import_.tenant_id).count()


def _undo_range(import_: Import) -> bool:
    """Undoes for the next contacts, in one transaction; False where there are no more."""
    values: dict[str, Any] = {
        "tenant_id": import_.tenant_id,
        "import_id": import_.pk,
        "after": import_.undone_to,
        "limit": RANGE_CONTACTS,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BY_ID)
        cursor.execute(_NEXT, values)
        values["last"], looked_at = cursor.fetchone()
        if not looked_at:
            return False
        cursor.execute(_HOLD, values)
        cursor.execute(_FIELDS, values)
        restored = cursor.rowcount
        for statement in (_CHANGES, _TAGS, _PLACES):
            cursor.execute(statement, values)
        cursor.execute(_NEW_OF_IT, values)
        made = cursor.fetchone()[0]
        cursor.execute(_remove_statement())
        removed = cursor.rowcount
        cursor.execute("DROP TABLE undo_contacts")  # the transaction may go on
        moved = (
            _open(import_)
            .filter(undone_to=import_.undone_to)
            .update(
                undone_to=values["last"],
                undo_rows=F("undo_rows") + looked_at,
                removed=F("removed") + removed,
                restored=F("restored") + restored,
                kept=F("kept") + made - removed,
                progressed_at=timezone.now(),
            )
        )
        if not moved:
            raise _Stopped
    import_.undone_to = values["last"]
    return True


def what_refers() -> list[tuple[str, str]]:
    """Table and column of every foreign key, of any app, that points at a contact."""
    return [
        (relation.field.model._meta.db_table, str(relation.field.column))
        for relation in Contact._meta.get_fields(include_hidden=True)
        if isinstance(relation, ManyToOneRel)
    ]


def _remove_statement() -> str:
    """Deletes the new contacts to which nothing anywhere refers: no consent, no place of their
    own, no tag by others, no mail sent, nothing that a later app keeps of them.
    """
    refers = [f"SELECT FROM {table} x WHERE x.{column} = u.id" for table, column in what_refers()]
    nothing = " AND ".join(f"NOT EXISTS ({one})" for one in refers)
    return (
        "DELETE FROM lists_contact c USING undo_contacts u "  # noqa: S608 (names of our own tables)
        f"WHERE c.id = u.id AND u.is_new AND {nothing}"
    )
