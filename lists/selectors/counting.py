"""How many contacts a definition holds for, also where that is most of a million.

The ids of the workspace's contacts are cut into windows, each counted by itself: a condition then
reads its part of an index, in the order of the contacts, and all of them are merged. PostgreSQL
shares the windows out among its processes. Reasons: docs/decisions/segments.md.
"""
# ruff: noqa: S608 (SQL of lists.segments.sql: constants, with bound parameters)

from collections.abc import Sequence
from itertools import pairwise

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from lists.segments.sql import Compiled
from tenants.models import Tenant

# So few are looked up one by one; and so many windows are planned in some ten milliseconds where
# the definition has few conditions.
_FEW, _MOST_WINDOWS, _MOST_CONDITIONS = 20_000, 12, 48
# A window reads what lies between its ids, whosesoever it is: at least so much is to be of the
# workspace.
_SHARE = 8

_ENDS = """
    SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM lists_contact
    WHERE tenant_id = %(tenant_id)s
"""
_HAS = """
    SELECT count(*) FROM (SELECT FROM lists_contact WHERE tenant_id = %(tenant_id)s LIMIT %(most)s)
"""
_OF_WINDOW = (
    "FROM lists_contact c WHERE c.tenant_id = %(tenant_id)s AND c.id > %(beyond)s "
    "AND c.id <= %(up_to)s AND "
)
# The planner takes a bound of two joined columns for two bounds, and so expects too few by far:
# it would look contact by contact. What it may not share out within a window it shares out among
# windows. Compiling the statement takes longer than the statement.
_SETTINGS = {
    "enable_nestloop": "off",
    "min_parallel_table_scan_size": "'1TB'",
    "min_parallel_index_scan_size": "'1TB'",
    "jit": "off",
}
_SET = "; ".join(f"SET LOCAL {name} = {value}" for name, value in _SETTINGS.items())
# The caller's transaction may go on.
_UNSET = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in _SETTINGS)

_Window = tuple[int, int]


def count_found(tenant: Tenant, asked: Compiled) -> int:
    """How many contacts of the tenant one of the groups holds for now."""
    if not asked.groups:
        return 0
    statement = _count_of(asked.groups)
    params = asked.params | {"tenant_id": tenant.pk}
    with connection.cursor() as cursor:
        windows = _windows(cursor, tenant, conditions=asked.conditions)
        if not windows:
            cursor.execute(statement, params)
            return int(cursor.fetchone()[0])
        each = " UNION ALL ".join(
            statement.replace("%(beyond)s", str(beyond)).replace("%(up_to)s", str(up_to))
            for beyond, up_to in windows
        )
        with transaction.atomic():
            cursor.execute(_SET)
            cursor.execute(f"SELECT sum(found) FROM ({each}) w", params)
            (found,) = cursor.fetchone()
            cursor.execute(_UNSET)
        return int(found)


def _count_of(groups: Sequence[str]) -> str:
    if len(groups) == 1:
        return f"SELECT count(*) AS found {_OF_WINDOW} {groups[0]}"
    each = " UNION ".join(f"SELECT c.id {_OF_WINDOW} {group}" for group in groups)
    return f"SELECT count(*) AS found FROM ({each}) g"


def _windows(cursor: CursorWrapper, tenant: Tenant, *, conditions: int) -> list[_Window]:
    """Where each begins (exclusive) and ends; none where the contacts are few or far apart."""
    cursor.execute(_ENDS, {"tenant_id": tenant.pk})
    first, last = cursor.fetchone()
    span = last - first + 1
    most = max(_FEW, span // _SHARE)
    cursor.execute(_HAS, {"tenant_id": tenant.pk, "most": most})
    if cursor.fetchone()[0] < most:
        return []
    parts = max(1, min(_MOST_WINDOWS, _MOST_CONDITIONS // conditions))
    ends = [first - 1 + span * part // parts for part in range(parts + 1)]
    return list(pairwise(ends))
