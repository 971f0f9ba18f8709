"""Pages of contacts under any filter, each at the same cost however deep it lies.

A page is filled from candidates: ids in order, from the index that knows the rarest part of the
filter. Each batch of them is then asked for the whole filter. Where hardly any candidate matches,
a page ends early and says so; the next one goes on there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection

from lists.models import Contact, List, SubscriptionStatus
from lists.paging import PAGE_SIZE, Page
from lists.selectors.filters import ContactFilter, find_contacts
from lists.selectors.search import ids_with
from lists.selectors.windows import LARGEST_ID
from tenants.models import Tenant

# So many candidates are looked at for one page: about a tenth of a second.
_MOST_LOOKED_AT = 20_000
_FIRST, _MOST = 100, 2_000  # of them at once
# A list, a tag or suppressions of so few are where to look, whatever else is asked.
_FEW = 5_000

# Each selects ids beyond an edge, in order, at most so many.
_OF_TAG = """
SELECT contact_id AS id FROM lists_contacttag
WHERE tag_id = %(tag)s AND contact_id {beyond} %(edge)s
ORDER BY contact_id {order} LIMIT %(most)s
"""
_OF_LISTS = """
SELECT found.id FROM unnest(%(lists)s::bigint[]) AS l (id)
CROSS JOIN unnest(%(statuses)s::text[]) AS s (status)
CROSS JOIN LATERAL (
    SELECT contact_id AS id FROM lists_subscription
    WHERE list_id = l.id AND status = s.status AND contact_id {beyond} %(edge)s
    ORDER BY contact_id {order} LIMIT %(most)s
) found
"""
_PAUSED_ON_A_LIST = """
SELECT contact_id AS id FROM lists_subscription
WHERE tenant_id = %(tenant)s AND paused_until IS NOT NULL AND contact_id {beyond} %(edge)s
ORDER BY contact_id {order} LIMIT %(most)s
"""
_SUPPRESSED = """
WITH x AS MATERIALIZED (SELECT email_norm FROM lists_suppression WHERE tenant_id = %(tenant)s)
SELECT c.id FROM x CROSS JOIN LATERAL (
    SELECT id FROM lists_contact WHERE tenant_id = %(tenant)s AND email_norm = x.email_norm
    LIMIT 1
) c WHERE c.id {beyond} %(edge)s
ORDER BY c.id {order} LIMIT %(most)s
"""
_ALL_SUPPRESSED = "SELECT id FROM lists_suppression WHERE tenant_id = %(tenant)s LIMIT %(most)s"
# Of the contacts for whom a condition over `c` holds.
_OF_CONTACTS = """
SELECT c.id FROM lists_contact c
WHERE c.tenant_id = %(tenant)s AND c.id {{beyond}} %(edge)s AND {condition}
ORDER BY c.id {{order}} LIMIT %(most)s
"""
# Of one window of contacts those without a place on any list; how far it goes, how many it holds.
# EXCEPT, for a NOT EXISTS is a lookup for each contact, or worse where the planner guesses badly.
_ON_NO_LIST = """
WITH w AS MATERIALIZED (
    SELECT min(id) AS low, max(id) AS high, count(*) AS held FROM (
        SELECT id FROM lists_contact WHERE tenant_id = %(tenant)s AND id {beyond} %(edge)s
        ORDER BY id {order} LIMIT %(most)s
    ) c
)
SELECT ARRAY(
    SELECT id FROM lists_contact
    WHERE tenant_id = %(tenant)s AND id BETWEEN w.low AND w.high
    EXCEPT
    SELECT found.id FROM unnest(%(lists)s::bigint[]) AS l (id)
    CROSS JOIN unnest(%(statuses)s::text[]) AS s (status)
    CROSS JOIN LATERAL (
        SELECT contact_id AS id FROM lists_subscription
        WHERE list_id = l.id AND status = s.status AND contact_id BETWEEN w.low AND w.high
    ) found
    ORDER BY id {order}
), {last}, held FROM w
"""
_WINDOW, _WINDOW_COST = 20_000, 4_000

_Part = tuple[str, dict[str, Any]]
_Batches = Iterator[tuple[list[int], int, int]]


def page_of(
    *,
    tenant: Tenant,
    wanted: ContactFilter,
    after: str = "",
    before: str = "",
    size: int = PAGE_SIZE,
) -> Page[Contact]:
    """A page of matching contacts, newest first, at most `size`; its cursors are ids.

    `stopped` where it holds fewer than match, because it has looked at too many that do not.
    """
    ascending = before.isdecimal() and not after.isdecimal()
    cursor = before if ascending else after
    edge = min(int(cursor[:19]), LARGEST_ID) if cursor.isdecimal() else None
    matching = find_contacts(tenant=tenant, wanted=wanted).order_by("id" if ascending else "-id")
    rows: list[Contact] = []
    looked_at, stopped_at = 0, None
    for ids, reached, cost in _candidates(tenant, wanted, edge, ascending):
        rows += matching.filter(pk__in=ids)[: size + 1 - len(rows)]
        looked_at += cost
        if len(rows) > size:
            break
        if looked_at >= _MOST_LOOKED_AT:
            stopped_at = reached
            break
    more, rows = len(rows) > size, rows[:size]
    onwards = str(rows[-1].pk) if more else str(stopped_at or "")
    # A page without rows leads back by its own edge, whose row belongs to the page before.
    if ascending:
        backwards = str(rows[0].pk) if rows else str((edge or 0) + 1)
        return Page(rows[::-1], next=backwards, previous=onwards, stopped=stopped_at is not None)
    backwards = str(rows[0].pk) if rows else str((edge or 0) - 1)
    return Page(
        rows,
        next=onwards,
        previous="" if edge is None else backwards,
        stopped=stopped_at is not None,
    )


def _candidates(
    tenant: Tenant, wanted: ContactFilter, edge: int | None, ascending: bool
) -> _Batches:
    """Ids in order, none that matches missing; with each batch the id that it has reached, and
    how many were looked at for it.
    """
    words = wanted.search.split()
    small = _small_part(tenant, wanted)
    if words and small is None:
        return ids_with(tenant=tenant, words=words, edge=edge, ascending=ascending)
    if wanted.status == "none" and small is None:
        return _on_no_list(tenant, edge, ascending)
    return _merged(small or _parts(tenant, wanted), edge, ascending)


def _small_part(tenant: Tenant, wanted: ContactFilter) -> list[_Part] | None:
    """The list, the tag or the suppressions, where that is few."""
    of_tenant = {"tenant": tenant.pk}
    if wanted.only:
        return [_contacts(tenant)]
    parts = []
    if wanted.tag:
        parts.append((_OF_TAG, {"tag": wanted.tag.pk}))
    if wanted.list:
        parts.append(_places([wanted.list], list(SubscriptionStatus)))
    for part in parts:
        if _is_small(part):
            return [part]
    if wanted.status == "suppressed" and _is_small((_ALL_SUPPRESSED, of_tenant)):
        return [(_SUPPRESSED, of_tenant)]
    return None


def _parts(tenant: Tenant, wanted: ContactFilter) -> list[_Part]:
    """Indexes that together hold everyone who may match."""
    lists = [wanted.list] if wanted.list else List.objects.for_tenant(tenant)
    match wanted.status:
        case "unconfirmed":
            return [_places(lists, [SubscriptionStatus.UNCONFIRMED])]
        case "unsubscribed":
            left = _places(lists, [SubscriptionStatus.UNSUBSCRIBED])
            return [left, _contacts(tenant, "c.unsubscribed_at IS NOT NULL")]
        case "paused":
            on_a_list = (_PAUSED_ON_A_LIST, {"tenant": tenant.pk})
            return [_contacts(tenant, "c.paused_until IS NOT NULL"), on_a_list]
    if wanted.tag:
        return [(_OF_TAG, {"tag": wanted.tag.pk})]
    if (condition := wanted.in_segment()) is not None:
        # Made by lists.segments.sql.
        return [_contacts(tenant, condition.sql, condition.params)]
    if wanted.status == "active":
        return [_places(lists, [SubscriptionStatus.ACTIVE])]
    if wanted.list:
        return [_places(lists, list(SubscriptionStatus))]
    return [_contacts(tenant)]


def _contacts(
    tenant: Tenant, condition: str = "TRUE", params: Mapping[str, Any] | None = None
) -> _Part:
    return _OF_CONTACTS.format(condition=condition), {"tenant": tenant.pk, **(params or {})}


def _places(lists: Iterable[List], statuses: Sequence[SubscriptionStatus]) -> _Part:
    values = {"lists": [one.pk for one in lists], "statuses": [str(one) for one in statuses]}
    return _OF_LISTS, values


def _is_small(part: _Part) -> bool:
    sql, values = part
    has_more = f"SELECT EXISTS (SELECT FROM ({sql}) x OFFSET {_FEW})"  # noqa: S608 (our constants)
    with connection.cursor() as cursor:
        cursor.execute(
            has_more.format(order="ASC", beyond=">"), values | {"edge": 0, "most": _FEW + 1}
        )
        return not cursor.fetchone()[0]


def _merged(parts: Sequence[_Part], edge: int | None, ascending: bool) -> _Batches:
    at = edge if edge is not None else (0 if ascending else LARGEST_ID)
    most = _FIRST
    while True:
        found: set[int] = set()
        for part in parts:
            found.update(_ids(part, edge=at, ascending=ascending, most=most))
        # Beyond the last of these a part may have more that it was not asked for.
        ids = sorted(found, reverse=not ascending)[:most]
        if not ids:
            return
        yield ids, ids[-1], len(ids)
        at, most = ids[-1], min(most * 4, _MOST)


def _on_no_list(tenant: Tenant, edge: int | None, ascending: bool) -> _Batches:
    order, last, beyond = ("ASC", "high", ">") if ascending else ("DESC", "low", "<")
    sql = _ON_NO_LIST.format(order=order, last=last, beyond=beyond)
    _, places = _places(List.objects.for_tenant(tenant), list(SubscriptionStatus))
    at = edge if edge is not None else (0 if ascending else LARGEST_ID)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"tenant": tenant.pk, "edge": at, "most": _WINDOW, **places})
            ids, reached, count = cursor.fetchone()
        if not count:
            return
        yield ids, reached, _WINDOW_COST + len(ids)
        at = reached


def _ids(part: _Part, *, edge: int, ascending: bool, most: int) -> list[int]:
    sql, values = part
    order, beyond = ("ASC", ">") if ascending else ("DESC", "<")
    with connection.cursor() as cursor:
        cursor.execute(
            sql.format(order=order, beyond=beyond), values | {"edge": edge, "most": most}
        )
        return [row[0] for row in cursor.fetchall()]
