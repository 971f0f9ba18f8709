"""Reading lists: how many are on them, how they grew, and why people left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from lists.models import LeaveReason, List, ListDay, ListTally, Source, SubscriptionStatus
from lists.selectors.audience import count_sendable
from tenants.models import Tenant

# As far as a page counts while somebody waits; what is more comes from lists.growth, by the clock.
LIVE_UP_TO = 5_000
WEEKS = 12

_COUNT_SOME = """
SELECT l.id, st.status, (
    SELECT count(*) FROM (
        SELECT FROM lists_subscription s
        WHERE s.list_id = l.id AND s.status = st.status LIMIT %(most)s
    ) bounded
)
FROM lists_list l CROSS JOIN unnest(%(statuses)s::text[]) AS st (status)
WHERE l.tenant_id = %(tenant_id)s AND l.id = ANY(%(list_ids)s)
"""


def lists_with_counts(*, tenant: Tenant, public_id: UUID | None = None) -> list[List]:
    """The tenant's lists by name, or the one; with `.active`, `.unconfirmed`, `.unsubscribed`.

    Exact now, or as `.counted_at` tells; None before a large list was counted at all.
    """
    rows = List.objects.for_tenant(tenant).order_by("name")
    lists: list[Any] = list(rows if public_id is None else rows.filter(public_id=public_id))
    values: dict[str, Any] = {
        "tenant_id": tenant.pk,
        "list_ids": [one.pk for one in lists],
        "statuses": SubscriptionStatus.values,
        "most": LIVE_UP_TO + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SOME, values)
        counts = {(list_id, status): count for list_id, status, count in cursor.fetchall()}
    tallies = {one.list_id: one for one in ListTally.objects.for_tenant(tenant)}
    for one in lists:
        found = {status: counts[one.pk, status] for status in SubscriptionStatus.values}
        large = max(found.values()) > LIVE_UP_TO
        tally = tallies.get(one.pk) if large else None
        for status, count in found.items():
            setattr(one, status, getattr(tally, status, None) if large else count)
        one.is_large, one.counted_at = large, tally and tally.counted_at
    return lists


def sendable_of(list_: List) -> int | None:
    """How many of a list of lists_with_counts() a mail would reach; None: not counted yet."""
    if not list_.is_large:  # type: ignore[attr-defined]
        return count_sendable(tenant=list_.tenant, list_ids=[list_.pk])
    tally = ListTally.unscoped.filter(list=list_).first()
    return tally.sendable if tally else None


@dataclass(frozen=True)
class Growth:
    """The last weeks of a list, oldest first, and through what people joined in them."""

    days: list[date]
    active: list[int]
    weeks: list[date]  # their Mondays
    joined: list[int]
    left: list[int]
    sources: list[tuple[str, int]]


def growth_of(list_: List, *, today: date | None = None) -> Growth | None:
    """WEEKS weeks up to today, or None when nothing has been written down yet."""
    today = today or timezone.localdate()
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    rows = {one.day: one for one in list_.days.filter(day__gte=first)}
    before = list_.days.filter(day__lt=first).order_by("-day").first()
    if not rows and before is None:
        return None
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    active, members = [], before.active if before else 0
    for day in days:
        members = rows[day].active if day in rows else members
        active.append(members)
    weeks = [day for day in days if day.weekday() == 0]
    return Growth(
        days=days,
        active=active,
        weeks=weeks,
        joined=[_sum(rows, week, "joined") for week in weeks],
        left=[_sum(rows, week, "left") for week in weeks],
        sources=_sources(list(rows.values())),
    )


def _sum(rows: dict[date, ListDay], monday: date, name: str) -> int:
    days = (monday + timedelta(days=n) for n in range(7))
    return sum(getattr(rows[day], name) for day in days if day in rows)


def _sources(rows: Sequence[ListDay]) -> list[tuple[str, int]]:
    totals: dict[str, int] = {}
    for row in rows:
        for source, count in row.sources.items():
            totals[source] = totals.get(source, 0) + count
    return sorted(
        ((Source(source).label, count) for source, count in totals.items()),
        key=lambda one: (-one[1], one[0]),
    )


@dataclass(frozen=True)
class Leaving:
    """What people said when they left: reasons of a year, most often first, and newest words."""

    reasons: list[tuple[str, int]]
    words: list[LeaveReason]


def leaving_of(list_: List) -> Leaving:
    """Why people left the list, as far as they told."""
    told = LeaveReason.unscoped.filter(list=list_, at__gte=timezone.now() - timedelta(days=365))
    counted = told.values("reason").annotate(count=Count("pk")).order_by("-count", "reason")
    rows = told.exclude(text="").select_related("contact").order_by("-at")
    return Leaving(
        reasons=[(str(LeaveReason.Reason(row["reason"]).label), row["count"]) for row in counted],
        words=list(rows[:10]),
    )


def lists_to_count(*, now: datetime) -> list[int]:
    """Ids of large lists whose count is missing or old.

    A count waits a hundred times as long as the last one took, and a minute at least: so all
    counting of a list takes no more than a hundredth of the time.
    """
    values: dict[str, Any] = {"now": now, "most": LIVE_UP_TO}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT l.id FROM lists_list l LEFT JOIN lists_listtally t ON t.list_id = l.id
            WHERE (t.id IS NULL
                   OR t.counted_at < %(now)s - make_interval(secs => greatest(60, 100 * t.took)))
              AND EXISTS (SELECT FROM lists_subscription s WHERE s.list_id = l.id OFFSET %(most)s)
            ORDER BY t.counted_at NULLS FIRST
            """,
            values,
        )
        return [row[0] for row in cursor.fetchall()]
