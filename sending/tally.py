"""Counts that change together with the rows they count: per batch, and per minute of a quota.

Every function here runs in the transaction of the change that it counts.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values

from sending.models import Status

# Workers add to rows of their own, or each would wait for the others' transactions.
_SHARDS = 8
_COUNTS = (
    "total sent unknown skipped failed delivered bounced complained unsubscribed refused"
).split()
_PULSE_SECONDS = 10

_ADD_TO_BATCH = f"""
    INSERT INTO sending_batchtally AS t
        (tenant_id, batch_id, shard, {", ".join(_COUNTS)}, pulse_at, pulse, pulse_before)
    VALUES %s
    ON CONFLICT (batch_id, shard) DO UPDATE SET
        {", ".join(f"{name} = t.{name} + excluded.{name}" for name in _COUNTS)},
        pulse_at = COALESCE(excluded.pulse_at, t.pulse_at),
        pulse_before = CASE
            WHEN excluded.pulse_at IS NULL OR excluded.pulse_at = t.pulse_at THEN t.pulse_before
            WHEN excluded.pulse_at = t.pulse_at + interval '{_PULSE_SECONDS} seconds' THEN t.pulse
            ELSE 0 END,
        pulse = CASE
            WHEN excluded.pulse_at IS NULL OR excluded.pulse_at = t.pulse_at
            THEN t.pulse + excluded.pulse
            ELSE excluded.pulse END
"""
_ADD_TO_MINUTE = """
    INSERT INTO sending_sentminute AS t (pace_key, minute, shard, sent)
    VALUES %s
    ON CONFLICT (pace_key, minute, shard) DO UPDATE SET sent = t.sent + excluded.sent
"""

# (tenant id, batch id) -> name of a count -> how much it changes
Changes = Mapping[tuple[int, int], Mapping[str, int]]


def shard() -> int:
    """The shard of this process."""
    return os.getpid() % _SHARDS


def add(changes: Changes, *, now: datetime) -> None:
    """Adds to the counts of batches; what is newly `sent` also counts into the rate."""
    pulse_at = now.replace(second=now.second - now.second % _PULSE_SECONDS, microsecond=0)
    mine = shard()
    rows: list[tuple[Any, ...]] = []
    # In order of the batch: two workers that lock the same rows never wait for each other.
    for (tenant_id, batch_id), counts in sorted(changes.items(), key=lambda item: item[0][1]):
        if any(counts.values()):
            fresh = max(0, counts.get("sent", 0))
            rows.append(
                (
                    tenant_id,
                    batch_id,
                    mine,
                    *(counts.get(name, 0) for name in _COUNTS),
                    pulse_at if fresh else None,
                    fresh,
                    0,
                )
            )
    if rows:
        with connection.cursor() as cursor:
            execute_values(cursor, _ADD_TO_BATCH, rows, page_size=len(rows))


def add_used(pace_keys: Iterable[str], *, now: datetime) -> None:
    """Counts one recipient against the 24-hour quota for each pace key given."""
    minute = now.replace(second=0, microsecond=0)
    mine = shard()
    rows = [(key, minute, mine, sent) for key, sent in sorted(Counter(pace_keys).items())]
    if rows:
        with connection.cursor() as cursor:
            execute_values(cursor, _ADD_TO_MINUTE, rows, page_size=len(rows))


_STATUS_COUNTS = {
    Status.SENT: "sent",
    Status.UNKNOWN: "unknown",
    Status.SKIPPED: "skipped",
    Status.FAILED: "failed",
}
# (message, tenant, batch, status before, status now, address, …)
Changed = tuple[Any, ...]


def status_changes(rows: Iterable[Changed]) -> defaultdict[tuple[int, int], Counter[str]]:
    """What changed rows change in the counts of their batches."""
    changes: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for _, tenant_id, batch_id, before, after, *_ in rows:
        counts = changes[tenant_id, batch_id]
        if before != after:
            if before in _STATUS_COUNTS:
                counts[_STATUS_COUNTS[before]] -= 1
            if after in _STATUS_COUNTS:
                counts[_STATUS_COUNTS[after]] += 1
    return changes


def newly_used(rows: Iterable[Changed]) -> Iterator[Changed]:
    """Those that count against the day's quota: each claim once, when it is sent or may be.

    Whoever comes first counts it: the worker, the sweep that gives it up, or SES's event.
    """
    used = (Status.SENT, Status.UNKNOWN)
    return (row for row in rows if row[3] == Status.SENDING and row[4] in used)


def newly_sent(rows: Iterable[Changed]) -> Iterator[Changed]:
    """Those of which it is known only now that SES has accepted them; none is so twice."""
    return (row for row in rows if row[3] != Status.SENT and row[4] == Status.SENT)
