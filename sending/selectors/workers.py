"""The operator's view: every tenant's queue, who works at it, and what went wrong."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from sending.models import Batch, BatchState, BatchTally, Lane, SesAccount
from sending.queue import ids_list, pace_keys, ring_list, valkey
from sending.selectors.accounts import has_work, in_hand
from sending.selectors.pace import Pace, paces
from sending.signs import DRAINS, FAULTS, WORKERS

_MOST = 200  # pace keys that are shown
_ALIVE = timedelta(seconds=30)  # a worker says so every ten


@dataclass(frozen=True)
class Row:
    """A pace key with what waits and runs on it; `waiting` are ids in Valkey by lane, `left` what
    the running batches have not sent yet.
    """

    pace: Pace
    waiting: list[int]
    accounts: list[SesAccount]
    running: int
    sending: int
    left: int

    @property
    def parked(self) -> list[SesAccount]:
        return [account for account in self.accounts if account.parked_reason]

    @property
    def rate_now(self) -> float:
        """Mails a second that may leave now."""
        return self.pace.rate * self.pace.cut


@dataclass(frozen=True)
class Fault:
    """A warning or an error of the send engine; the text holds no addresses."""

    at: datetime
    pace_key: str
    source: str
    text: str


@dataclass(frozen=True)
class Overview:
    """What the operator sees; signs of life are (name, when), the latest first."""

    rows: list[Row]
    more: int  # pace keys that are not shown
    workers: list[tuple[str, datetime]]
    drains: list[tuple[str, datetime]]
    faults: list[Fault]

    @property
    def alive(self) -> int:
        """How many workers were heard of lately."""
        return sum(timezone.now() - at < _ALIVE for _, at in self.workers)

    @property
    def in_flight(self) -> int:
        """Mails that a worker has claimed and not answered for."""
        return sum(row.sending for row in self.rows)

    @property
    def left(self) -> int:
        """Mails of running batches that have not left."""
        return sum(row.left for row in self.rows)

    @property
    def oldest_due(self) -> float:
        """Seconds by which the most overdue pace key is late, 0 when none is."""
        return max([0.0, *(row.pace.overdue or 0.0 for row in self.rows)])


def overview() -> Overview:
    """The queue of all tenants at this moment. Raises RedisError when Valkey does not answer."""
    waiting = pace_keys()
    accounts = _accounts(waiting[:_MOST])
    keys = list(dict.fromkeys([*waiting, *accounts]))
    shown = keys[:_MOST]
    ids = [account.pk for key in shown for account in accounts.get(key, [])]
    running, sending, left = _running(ids), _sending(ids), _left(ids)
    rows = [
        Row(
            pace,
            depth,
            owners := accounts.get(pace.pace_key, []),
            sum(running.get(one.pk, 0) for one in owners),
            sum(sending.get(one.pk, 0) for one in owners),
            sum(left.get(one.pk, 0) for one in owners),
        )
        for pace, depth in zip(paces(shown), _depths(shown), strict=True)
    ]
    return Overview(rows, len(keys) - len(shown), *_signs())


def _accounts(waiting: Sequence[str]) -> dict[str, list[SesAccount]]:
    """Accounts with something to send or parked, and those of these pace keys, by pace key."""
    aws_ids = {key.partition(":")[0] for key in waiting}
    wanted = Q(has_work()) | ~Q(parked_reason="") | Q(aws_account_id__in=aws_ids)
    found: dict[str, list[SesAccount]] = defaultdict(list)
    for account in SesAccount.unscoped.filter(wanted).select_related("tenant").order_by("pk"):
        found[account.pace_key].append(account)
    return found


def _running(account_ids: list[int]) -> dict[int, int]:
    batches = Batch.unscoped.filter(ses_account__in=account_ids, state=BatchState.RUNNING)
    return dict(batches.values_list("ses_account").annotate(Count("pk")))


def _sending(account_ids: list[int]) -> dict[int, int]:
    """Messages that a worker has claimed and not answered for, by account."""
    return dict(in_hand(account_ids).values_list("batch__ses_account").annotate(Count("pk")))


def _left(account_ids: list[int]) -> dict[int, int]:
    tallies = BatchTally.unscoped.filter(
        batch__ses_account__in=account_ids, batch__state=BatchState.RUNNING
    )
    ended = F("sent") + F("unknown") + F("skipped") + F("failed")
    return dict(tallies.values_list("batch__ses_account").annotate(left=Sum(F("total") - ended)))


def _depths(keys: Sequence[str]) -> list[list[int]]:
    """How many ids wait in Valkey, by lane, for each pace key."""
    rings = [ring_list(key, lane) for key in keys for lane in Lane]
    pipe = valkey().pipeline(transaction=False)
    for ring in rings:
        pipe.lrange(ring, 0, -1)
    batches = pipe.execute()
    for ring in batches:
        for batch in ring:
            pipe.llen(ids_list(int(batch)))
    lengths = iter(pipe.execute())
    depths = [sum(next(lengths) for _ in ring) for ring in batches]
    return [depths[first : first + len(Lane)] for first in range(0, len(depths), len(Lane))]


def _signs() -> tuple[list[tuple[str, datetime]], list[tuple[str, datetime]], list[Fault]]:
    pipe = valkey().pipeline(transaction=False)
    for kind in (WORKERS, DRAINS):
        pipe.zrange(kind, 0, _MOST - 1, desc=True, withscores=True)
    pipe.lrange(FAULTS, 0, -1)
    workers, drains, faults = pipe.execute()
    return _times(workers), _times(drains), [_fault(orjson.loads(raw)) for raw in faults]


def _times(scored: list[tuple[bytes, float]]) -> list[tuple[str, datetime]]:
    return [(name.decode(), datetime.fromtimestamp(at, UTC)) for name, at in scored]


def _fault(raw: dict[str, Any]) -> Fault:
    at = datetime.fromtimestamp(raw["at"], UTC)
    return Fault(at, raw["pace_key"], raw["source"], raw["text"])
