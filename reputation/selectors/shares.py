"""The figures of accounts part by part: by day, by mailbox provider, by campaign."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from django.db.models import F, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from campaigns.models import Campaign
from reputation.selectors.rates import Rates
from sending.models import BatchDay, Lane, Provider
from sending.selectors.standing import hours_of, standing_from, sums
from tenants.models import Tenant

CHART_DAYS = 30
MOST = 20  # campaigns


@dataclass(frozen=True)
class Day:
    day: date
    rates: Rates


@dataclass(frozen=True)
class Part:
    """What went to a provider, or left by a campaign; None where it is no campaign's."""

    name: str
    rates: Rates
    campaign: Campaign | None = None


def _rates(row: dict[str, Any]) -> Rates:
    return Rates(**vars(standing_from(row)))


def by_day(account_ids: Collection[int]) -> list[Day]:
    """The last CHART_DAYS days (UTC), today the last; days without any mail too."""
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=CHART_DAYS - 1)
    rows = hours_of(account_ids, first).annotate(day=TruncDate("hour", tzinfo=UTC))
    found = {row["day"]: _rates(row) for row in rows.values("day").annotate(**sums())}
    days = [(first + timedelta(days=n)).date() for n in range(CHART_DAYS)]
    return [Day(day, found.get(day, Rates())) for day in days]


def by_provider(account_ids: Collection[int], *, days: int) -> list[Part]:
    """The last `days` times 24 hours, in the order of Provider; those with mail only."""
    rows = hours_of(account_ids, timezone.now() - timedelta(days=days))
    found = rows.values("provider").annotate(**sums()).order_by("provider")
    return [Part(Provider(row["provider"]).label, _rates(row)) for row in found]


def by_campaign(tenant: Tenant, account_ids: Collection[int], *, days: int) -> list[Part]:
    """Of today and the days before it (UTC): the MOST campaigns with the most bounces and
    complaints; then all others together, and mail that is no campaign's."""
    since = (timezone.now().astimezone(UTC) - timedelta(days=days)).date()
    rows = BatchDay.objects.for_tenant(tenant).filter(
        day__gte=since, batch__ses_account__in=account_ids
    )
    sums = {f"all_{name}": Sum(name) for name in _SHOWN}
    batches = rows.values("batch_id", "batch__lane").annotate(**sums)
    lanes: defaultdict[int, list[_Batch]] = defaultdict(list)
    for batch in batches.values_list("batch_id", "batch__lane", *sums):
        lanes[batch[1]].append(batch)
    bulk = sorted(lanes.pop(Lane.CAMPAIGN, []), key=_worst_first)
    worst, rest = bulk[:MOST], bulk[MOST:]
    shown = Campaign.objects.for_tenant(tenant).filter(batch__in=[one[0] for one in worst])
    campaigns = {one.batch_id: one for one in shown.only("batch", "public_id", "name")}
    parts = [
        Part(campaigns[one[0]].name, _together([one]), campaigns[one[0]])
        for one in worst
        if one[0] in campaigns
    ]
    if rest:
        parts.append(Part(f"{len(rest):,} other campaigns", _together(rest)))
    return parts + [
        Part(f"{lane.label} mail", _together(lanes[lane])) for lane in Lane if lane in lanes
    ]


# Only what the page shows: a year of campaigns may have many rows.
_SHOWN = ("sent", "heard", "bounced", "complained")
# Its id, its lane and the sums of _SHOWN.
_Batch = tuple[int, ...]


def _worst_first(batch: _Batch) -> tuple[int, int]:
    _, _, sent, _, bounced, complained = batch
    return (-bounced - complained, -sent)


def _together(batches: list[_Batch]) -> Rates:
    sums = [sum(column) for column in zip(*batches, strict=True)][2:]
    return Rates(**dict(zip(_SHOWN, sums, strict=True)))


def table(account_ids: Collection[int]) -> list[dict[str, Any]]:
    """Every count of the last CHART_DAYS days (UTC) by day, account and provider."""
    first = timezone.now().astimezone(UTC) - timedelta(days=CHART_DAYS - 1)
    rows = hours_of(account_ids, first.replace(hour=0))
    rows = rows.annotate(day=TruncDate("hour", tzinfo=UTC), account=F("ses_account__name"))
    by = ("day", "account", "ses_account_id", "provider")
    return list(rows.values(*by).annotate(**sums()).order_by(*by))
