"""Daily figures of lists and counts of large ones, by the clock: no page counts a million places.

Both are read from the places themselves, so that no writer has to keep them; see
docs/decisions/list-figures.md.
"""

import json
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from lists.models import List, ListDay, ListTally, Subscription, SubscriptionStatus
from lists.selectors.audience import count_sendable
from lists.selectors.lists import lists_to_count

# Who was never an active member neither joined nor left: an unconfirmed sign-up, or a row that
# only keeps an address off the list. A second joining overwrites the first one's time; the day of
# the first has been written by then.
_DAYS = """
WITH places AS (
    SELECT source,
           CASE WHEN confirmed_at IS NOT NULL THEN confirmed_at
                WHEN status = 'active' THEN created_at
                WHEN status = 'unsubscribed' AND source <> 'form' AND unsubscribed_at > created_at
                THEN created_at END AS joined_at,
           CASE WHEN status = 'unsubscribed' THEN unsubscribed_at END AS left_at
    FROM lists_subscription WHERE list_id = %(list_id)s
), events AS (
    SELECT joined_at AS at, source, true AS joins FROM places WHERE joined_at >= %(since)s
    UNION ALL
    SELECT left_at, source, false FROM places WHERE left_at >= %(since)s AND joined_at IS NOT NULL
), counted AS (
    SELECT (at AT TIME ZONE %(zone)s)::date AS day, source,
           count(*) FILTER (WHERE joins) AS joined, count(*) FILTER (WHERE NOT joins) AS gone
    FROM events GROUP BY 1, 2
)
SELECT day, sum(joined), sum(gone),
       coalesce(jsonb_object_agg(source, joined) FILTER (WHERE joined > 0), '{}')
FROM counted GROUP BY day ORDER BY day
"""


def count_large() -> int:
    """Counts again the large lists whose count is old; how many."""
    due = lists_to_count(now=timezone.now())
    for list_ in List.unscoped.select_related("tenant").filter(pk__in=due):
        _count(list_)
    return len(due)


def _count(list_: List) -> None:
    began = time.monotonic()
    counts = dict.fromkeys(SubscriptionStatus.values, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, count(*) FROM lists_subscription WHERE list_id = %s GROUP BY status",
            [list_.pk],
        )
        counts.update(cursor.fetchall())
    sendable = count_sendable(tenant=list_.tenant, list_ids=[list_.pk])
    _if_it_is_there(
        list_,
        ListTally.unscoped.update_or_create,
        list=list_,
        defaults={
            "tenant_id": list_.tenant_id,
            "sendable": sendable,
            "took": time.monotonic() - began,
            "counted_at": timezone.now(),
            **counts,
        },
    )


def write_days() -> int:
    """Writes down today and yesterday of every list, and all days of a list that has none; how
    many lists."""
    written = 0
    for list_ in List.unscoped.select_related("tenant").order_by("pk").iterator():
        write_days_of(list_)
        written += 1
    return written


def write_days_of(list_: List) -> None:
    """The same for one list. Its days are those of the workspace's time zone."""
    zone = ZoneInfo(list_.tenant.timezone)
    today = timezone.localdate(timezone=zone)
    known = ListDay.unscoped.filter(list=list_).exists()
    since = today - timedelta(days=1) if known else date(1970, 1, 1)
    values: dict[str, Any] = {
        "list_id": list_.pk,
        "zone": list_.tenant.timezone,
        "since": datetime.combine(since, datetime.min.time(), tzinfo=zone),
    }
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, values)
        found = cursor.fetchall()
    active = Subscription.unscoped.filter(list=list_, status=SubscriptionStatus.ACTIVE).count()
    rows = _rows(list_, found, today=today, active=active)
    _if_it_is_there(
        list_,
        ListDay.unscoped.bulk_create,
        rows,
        update_conflicts=True,
        unique_fields=["list", "day"],
        update_fields=["joined", "left", "active", "sources"],
    )


def _rows(
    list_: List, found: Iterable[tuple[Any, ...]], *, today: date, active: int
) -> list[ListDay]:
    """The days with their members, reckoned back from how many there are now."""
    days = {day: (joined, left, json.loads(sources)) for day, joined, left, sources in found}
    days.setdefault(today, (0, 0, {}))
    rows = []
    for day in sorted(days, reverse=True):
        joined, left, sources = days[day]
        rows.append(
            ListDay(
                tenant_id=list_.tenant_id,
                list=list_,
                day=day,
                joined=joined,
                left=left,
                active=active,
                sources=sources,
            )
        )
        # An import undone, or a contact deleted, was there on no day.
        active = max(0, active - int(joined) + int(left))
    return rows


def _if_it_is_there(list_: List, write: Any, *args: Any, **kwargs: Any) -> None:
    """Writes, unless the list has been deleted since it was read."""
    with transaction.atomic():
        if List.unscoped.select_for_update(no_key=True).filter(pk=list_.pk).exists():
            write(*args, **kwargs)
