"""Finding contacts by a part of their address or name; docs/decisions/contact-search.md."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection

from lists.models import BUCKET_BITS
from tenants.models import Tenant

# Buckets looked into at once: few at first, for a frequent word fills a page from the newest.
_FIRST, _MOST = 16, 256
# What looking into one costs, in contacts that are looked up by their id.
_COST = 32

_BUCKETS = """
SELECT bucket FROM (
    (SELECT bucket FROM lists_searchblock
     WHERE tenant_id = %(tenant)s AND bucket {beyond} %(edge)s AND {block_matches}
     ORDER BY bucket {order} LIMIT %(most)s)
    UNION
    (SELECT DISTINCT bucket FROM lists_searchchange
     WHERE tenant_id = %(tenant)s AND bucket {beyond} %(edge)s
     ORDER BY bucket {order} LIMIT %(most)s)
) found ORDER BY bucket {order} LIMIT %(most)s
"""
# OFFSET 0 has the planner look into the buckets, instead of reading every contact.
_CONTACTS = """
SELECT found.id FROM unnest(%(buckets)s::bigint[]) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT c.id FROM lists_contact c
    WHERE c.tenant_id = %(tenant)s
      AND c.id >= b.bucket << {bits} AND c.id < (b.bucket + 1) << {bits}
      AND {contact_matches}
    OFFSET 0
) found
ORDER BY found.id {order}
"""
CONTACT_TEXT = "lower(c.email_norm || ' ' || c.first_name || ' ' || c.last_name)"
_IN_CONTACT = f"strpos({CONTACT_TEXT}, lower({{word}})) > 0"
_IN_BLOCK = "strpos(text, lower({word})) > 0"
# strpos() leaps over text by the length of the word. For one that is so short, bytes compared one
# after the other are up to three times as fast, and in UTF-8 as right.
_SHORT = 3
_SHORT_IN_BLOCK = "position(convert_to(lower({word}), 'UTF8') IN convert_to(text, 'UTF8')) > 0"


def ids_with(
    *, tenant: Tenant, words: Sequence[str], edge: int | None, ascending: bool
) -> Iterator[tuple[list[int], int, int]]:
    """Ids of contacts that have each of these words in address or name, in batches.

    Newest first, or oldest first if `ascending`, beyond the id `edge`. With each batch come the
    id up to which it has looked, and how many contacts that was worth.
    """
    order, beyond = ("ASC", ">=") if ascending else ("DESC", "<=")
    names = {f"word_{number}": word for number, word in enumerate(words)}
    values: dict[str, Any] = {"tenant": tenant.pk, **names}
    in_block = [_SHORT_IN_BLOCK if len(word) <= _SHORT else _IN_BLOCK for word in words]
    buckets_sql = _BUCKETS.format(order=order, beyond=beyond, block_matches=_each(in_block, names))
    contacts_sql = _CONTACTS.format(
        order=order,
        bits=BUCKET_BITS,
        contact_matches=_each([_IN_CONTACT] * len(words), names),
    )
    if edge is None:
        at = 0 if ascending else 2**62
    else:
        at = (edge + 1 if ascending else edge - 1) >> BUCKET_BITS
    most = _FIRST
    while True:
        with connection.cursor() as cursor:
            cursor.execute(buckets_sql, values | {"edge": at, "most": most})
            buckets = [row[0] for row in cursor.fetchall()]
            if not buckets:
                return
            cursor.execute(contacts_sql, values | {"buckets": buckets})
            ids = [row[0] for row in cursor.fetchall()]
        if edge is not None:
            ids = [one for one in ids if (one > edge if ascending else one < edge)]
        last = buckets[-1]
        reached = ((last + 1) << BUCKET_BITS) - 1 if ascending else last << BUCKET_BITS
        yield ids, reached, len(buckets) * _COST + len(ids)
        if len(buckets) < most:
            return
        at, most = last + 1 if ascending else last - 1, min(most * 4, _MOST)


def _each(conditions: Sequence[str], names: Iterable[str]) -> str:
    pairs = zip(conditions, names, strict=True)
    return " AND ".join(condition.format(word=f"%({name})s") for condition, name in pairs)
