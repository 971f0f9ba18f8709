"""What accounts have sent and what came of it, from the counts of sending.standing."""

from collections.abc import Collection, Sequence
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


def sums(name: str = "all", within: Q | None = None) -> dict[str, Any]:
    """What annotate() or aggregate() of counted rows needs for the fields of Standing: of all
    rows, or those within a condition; `name` tells several of them apart."""
    where = within or Q()
    counts = {f"{name}_{count}": Sum(count, filter=where, default=0) for count in Count.values}
    heard = where & ~Q(provider=Provider.GMAIL)
    return counts | {f"{name}_heard": Sum("sent", filter=heard, default=0)}


def standing_from(row: dict[str, Any], name: str = "all") -> Standing:
    """A row that annotate() or aggregate() made with sums()."""
    return Standing(**{one: row[f"{name}_{one}"] for one in (*Count.values, "heard")})


def hours_of(account_ids: Collection[int], since: datetime) -> QuerySet[AccountHour]:
    """The counts of these accounts, from the hour in which `since` lies."""
    return AccountHour.unscoped.filter(ses_account__in=account_ids, hour__gte=_hour(since))


def standings(account_ids: Collection[int], sinces: Sequence[datetime]) -> list[Standing]:
    """What these accounts sent, together, since each of these times, to the hour."""
    columns: dict[str, Any] = {}
    for n, since in enumerate(sinces):
        columns |= sums(f"since{n}", Q(hour__gte=_hour(since)))
    row = hours_of(account_ids, min(sinces)).aggregate(**columns)
    return [standing_from(row, f"since{n}") for n in range(len(sinces))]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
