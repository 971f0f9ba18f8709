"""The figures of accounts part by part: by day, by mailbox provider, by campaign."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import UTC, date, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from campaigns.models import Campaign
from reputation.selectors.rates import Rates
from sending.models import Batch, BatchDay, Lane, Provider
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
    found = _by_batch(BatchDay.objects.for_tenant(tenant).filter(day__gte=since))
    batches = Batch.objects.for_tenant(tenant).filter(pk__in=found, ses_account__in=account_ids)
    lanes = dict(batches.values_list("pk", "lane"))
    bulk = [one for one in lanes if lanes[one] == Lane.CAMPAIGN]
    bulk.sort(key=lambda one: (-found[one].bounced - found[one].complained, -found[one].sent))
    shown = Campaign.objects.for_tenant(tenant).filter(batch__in=bulk[:MOST])
    campaigns = {one.batch_id: one for one in shown}
    parts = [
        Part(campaigns[one].name, found[one], campaigns[one])
        for one in bulk[:MOST]
        if one in campaigns
    ]
    if rest := [found[one] for one in bulk[MOST:]]:
        parts.append(Part(f"{len(rest):,} other campaigns", _together(rest)))
    for lane in Lane:
        others = [found[one] for one in lanes if lanes[one] == lane and lane != Lane.CAMPAIGN]
        if others:
            parts.append(Part(f"{lane.label} mail", _together(others)))
    return parts


def _by_batch(rows: QuerySet[BatchDay]) -> dict[int, Rates]:
    """Only what the page shows: a year of campaigns may have hundreds of thousands of rows."""
    columns = {f"all_{name}": Sum(name) for name in ("sent", "bounced", "complained")}
    columns["all_heard"] = Sum("sent", filter=~Q(provider=Provider.GMAIL), default=0)
    return {
        row["batch_id"]: Rates(**{name.removeprefix("all_"): row[name] for name in columns})
        for row in rows.values("batch_id").annotate(**columns)
    }


def _together(many: list[Rates]) -> Rates:
    return Rates(**{one.name: sum(getattr(r, one.name) for r in many) for one in fields(Rates)})


def table(account_ids: Collection[int]) -> list[dict[str, Any]]:
    """Every count of the last CHART_DAYS days (UTC) by day, account and provider."""
    first = timezone.now().astimezone(UTC) - timedelta(days=CHART_DAYS - 1)
    rows = hours_of(account_ids, first.replace(hour=0))
    rows = rows.annotate(day=TruncDate("hour", tzinfo=UTC), account=F("ses_account__name"))
    by = ("day", "account", "ses_account_id", "provider")
    return list(rows.values(*by).annotate(**sums()).order_by(*by))
