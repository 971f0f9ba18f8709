"""Messages as the database has them, and their counts: as kept, and as counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from sending.models import BatchTally, Lane, Message, Outcome, Status


@dataclass(frozen=True)
class Row:
    status: Status
    outcome: Outcome
    reason: str
    lane: Lane
    batch_id: int
    email: str


def look() -> dict[int, Row]:
    """Every message by its id."""
    fields = ("pk", "status", "outcome", "reason", "batch__lane", "batch_id", "email")
    return {
        pk: Row(Status(status), Outcome(outcome), reason, Lane(lane), batch_id, email)
        for pk, status, outcome, reason, lane, batch_id, email in Message.unscoped.values_list(
            *fields
        )
    }


def counts(rows: Iterable[Row]) -> defaultdict[int, Counter[str]]:
    """What the tally of each batch ought to be."""
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found = counted[row.batch_id]
        found["total"] += 1
        found[row.status.name.lower()] += 1
        found["delivered"] += row.outcome in (Outcome.DELIVERED, Outcome.COMPLAINED)
        found["bounced"] += row.outcome is Outcome.HARD_BOUNCED
        found["complained"] += row.outcome is Outcome.COMPLAINED
    return counted


def tallies() -> dict[int, dict[str, Any]]:
    """The tally of each batch, over its shards."""
    names = "total sent unknown skipped failed delivered bounced complained".split()
    sums = BatchTally.unscoped.values("batch_id").annotate(
        **{f"sum_{name}": Sum(name) for name in names}
    )
    return {row["batch_id"]: {name: row[f"sum_{name}"] for name in names} for row in sums}
