"""What accounts have sent and what came of it, from the counts of sending.standing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, Sum

from sending.models import AccountHour, Count, Provider


@dataclass(frozen=True)
class Standing:
    """Counts of a time. `heard`: of those sent, the ones whose provider may report complaints.

    AWS counts complaints against mail to domains that report them; Gmail never does.
    https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html#cm-feedback-loop-q6
    """

    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    held_back: int = 0
    soft_bounced: int = 0
    complained: int = 0
    rejected: int = 0
    heard: int = 0


def sums() -> dict[str, Any]:
    """What annotate() or aggregate() of counted rows needs for the fields of Standing."""
    counts = {f"all_{count}": Sum(count, default=0) for count in Count.values}
    counts["all_heard"] = Sum("sent", filter=~Q(provider=Provider.GMAIL), default=0)
    return counts


def standing_from(row: dict[str, Any]) -> Standing:
    """A row that annotate() or aggregate() made with sums()."""
    names = (*Count.values, "heard")
    return Standing(**{name: row[f"all_{name}"] for name in names})


def hours_of(account_ids: Collection[int], since: datetime) -> QuerySet[AccountHour]:
    """The counts of these accounts, from the hour in which `since` lies."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    return AccountHour.unscoped.filter(ses_account__in=account_ids, hour__gte=hour)


def standing(account_ids: Collection[int], since: datetime) -> Standing:
    """What these accounts sent, together, since the beginning of an hour."""
    return standing_from(hours_of(account_ids, since).aggregate(**sums()))
