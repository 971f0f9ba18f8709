"""What Valkey says of the queue at this moment: many keys in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass

from sending.queue import GROWTH, WHEEL, WINDOW, cursor_key, ids_list, pace_hash, valkey
from sending.signs import DRAINS, WORKERS

_PACE = ("rate", "cut", "cut_at", "throttles")


@dataclass(frozen=True)
class Window:
    """The oldest ids of a batch that wait in Valkey, and the cursor behind which others do not."""

    ids: frozenset[int]
    cursor: int | None

    def knows(self, message_id: int) -> bool:
        """Whether a queued message comes by itself: it waits, or feed() has yet to come to it."""
        return message_id in self.ids or (self.cursor is not None and message_id > self.cursor)


def windows(batch_ids: Sequence[int]) -> dict[int, Window]:
    """What waits of each of these batches."""
    pipe = valkey().pipeline(transaction=False)
    for batch_id in batch_ids:
        pipe.lrange(ids_list(batch_id), 0, WINDOW - 1)
        pipe.get(cursor_key(batch_id))
    answers = pipe.execute()
    return {
        batch_id: Window(frozenset(map(int, ids)), None if cursor is None else int(cursor))
        for batch_id, ids, cursor in zip(batch_ids, answers[::2], answers[1::2], strict=True)
    }


@dataclass(frozen=True)
class Pace:
    """A pace key at this moment, and when somebody worked last.

    `overdue`: seconds since its turn came, below 0 when it is to come, None when nothing waits.
    `drained`, `heard`: seconds since a drain, since any worker gave a sign of life, whatever it is
    for; None when none has, or it was lost.
    """

    pace_key: str
    rate: float  # mails a second as scheduled, 0 when Valkey does not know it
    cut: float  # share of it in use: below 1 after a throttle, until it has grown back
    throttles: int
    overdue: float | None
    drained: float | None
    heard: float | None


def pace_of(pace_key: str) -> Pace:
    """One pace key. Raises RedisError when Valkey does not answer."""
    return paces([pace_key])[0]


def paces(keys: Sequence[str]) -> list[Pace]:
    """The same of many, in their order."""
    pipe = valkey().pipeline(transaction=False)
    pipe.time()
    for kind in (WORKERS, DRAINS):
        pipe.zrange(kind, 0, 0, desc=True, withscores=True)
    for key in keys:
        pipe.hmget(pace_hash(key), _PACE)
        pipe.zscore(WHEEL, key)
    (seconds, micros), workers, drains, *answers = pipe.execute()
    now = seconds + micros / 1e6
    drained = min((now - at for _, at in drains), default=None)
    heard = min((now - at for _, at in (*workers, *drains)), default=None)
    found = []
    for key, values, due in zip(keys, answers[::2], answers[1::2], strict=True):
        rate, cut, cut_at, throttles = (float(value or 0) for value in values)
        grown = min(1.0, cut + max(0.0, now - cut_at) * GROWTH) if cut_at else 1.0
        overdue = None if due is None else now - due
        found.append(Pace(key, rate, grown, int(throttles), overdue, drained, heard))
    return found
