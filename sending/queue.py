"""What waits, and when it may leave: the wheel in Valkey.

PostgreSQL is the truth; everything here can be lost and is built again from it. The scripts in
sending/lua change several keys at once, which is what makes two workers safe side by side.
Decisions and their reasons: docs/decisions/queue-and-pace.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from sending.pace import Budget, ahead, effective_rate, lease_size

# Ids of a batch that wait in Valkey; the rest wait in PostgreSQL only.
WINDOW = 10_000
LOW_WATER = WINDOW // 4
# Within so many seconds a worker has claimed what it took, and it counts as used.
_UNCLAIMED = 1.0
# A slot is of no use when the answer that tells of it comes later than the slot.
_ANSWER_TAKES = 0.003
# AIMD: SES's own bucket may be in debt after a throttle, so nothing leaves for the rest of REST
# seconds. One alone says that a mail came too near to another on its way, and that is all. If one
# comes within MEMORY seconds of the last, the rate is not what we think: it takes 30 %, which grows
# back by 3 % of the quota a second, never below 5 %.
GROWTH = 0.03
_CUT, _FLOOR, _REST, _MEMORY = 0.7, 0.05, 0.5, 30.0

# The keys, as sending/lua/common.lua names them too.
_TAG = "{send}"
WHEEL = f"{_TAG}:wheel"
_IDLE_KEY = f"{_TAG}:idle"
_IDLE_MS = 300
_LUA = Path(__file__).with_name("lua")
_DRAIN = "sending.tasks.drain"


@dataclass(frozen=True)
class Group:
    """Ids of one batch in a lease."""

    batch_id: int
    lane: int
    ids: list[int]
    left: int  # how many of the batch still wait in Valkey
    has_more: bool  # PostgreSQL may have more behind them


@dataclass(frozen=True)
class Lease:
    """Ids of one pace key that a worker has taken; slots are `interval` seconds apart."""

    pace_key: str
    interval: float
    groups: list[Group]

    @property
    def size(self) -> int:
        return sum(len(group.ids) for group in self.groups)


@dataclass(frozen=True)
class Ask:
    """What a worker says of a pace key when it asks for slots."""

    wanted: int
    missed: int = 0  # messages whose slots passed, and that want another
    late: float = 0.0  # seconds by which the slots after those of late sends must move


@dataclass(frozen=True)
class Slots:
    """`count` slots, `interval` seconds apart from `start`, and the next that is free.

    Server time.
    """

    start: float
    interval: float
    count: int
    free: float


@dataclass(frozen=True)
class Taken:
    """What one call of take() found."""

    server_time: float
    wait: float  # seconds until something is due, 0 when something is now, -1 when nothing waits
    unknown: list[str]  # pace keys whose rate Valkey does not know: set_rate() them
    spent: list[str]  # pace keys that stand still because the day's budget is used up
    leases: list[Lease]


@cache
def valkey() -> Redis:
    """The process's client. redis-py connects on first use, so it is safe across fork()."""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


@cache
def _script(name: str) -> Script:
    source = (_LUA / "common.lua").read_text() + (_LUA / f"{name}.lua").read_text()
    return Script(valkey(), source)


def _run(name: str, *arguments: object) -> Any:
    # No KEYS: the keys depend on what the wheel holds, and the hash tag keeps them together.
    return _script(name)(args=[str(argument) for argument in arguments])


def pace_hash(pace_key: str) -> str:
    """The key of what is known of a pace key: rate, cut, budget, next free slot."""
    return f"{_TAG}:pace:{pace_key}"


def ring_list(pace_key: str, lane: int) -> str:
    """The key of the batches of a lane that have ids waiting."""
    return f"{_TAG}:ring:{pace_key}:{lane}"


def ids_list(batch_id: int) -> str:
    """The key of the ids of a batch that wait."""
    return f"{_TAG}:ids:{batch_id}"


def cursor_key(batch_id: int) -> str:
    """The key of the highest id of a batch that was taken into its list."""
    return f"{_TAG}:cursor:{batch_id}"


# --- filling -------------------------------------------------------------------------------------
def push(pace_key: str, lane: int, batch_id: int, ids: Sequence[int]) -> None:
    """Appends ids to what waits of a batch. Pushing an id twice is harmless: a claim is one."""
    if ids:
        _run("push", pace_key, lane, batch_id, "back", *ids)


def put_back(pace_key: str, lane: int, batch_id: int, ids: Sequence[int]) -> None:
    """Puts ids that were taken and not sent in front again, in their order."""
    if ids:
        _run("push", pace_key, lane, batch_id, "front", *ids)


def window(batch_id: int) -> tuple[int | None, int]:
    """(cursor, how many wait): the cursor is the highest id that refill() has taken.

    None means that PostgreSQL has no more behind it, or that nothing was ever taken.
    """
    pipe = valkey().pipeline(transaction=False)
    pipe.get(cursor_key(batch_id))
    pipe.llen(ids_list(batch_id))
    cursor, waiting = pipe.execute()
    return None if cursor is None else int(cursor), int(waiting)


def refill(
    pace_key: str, lane: int, batch_id: int, ids: Sequence[int], *, behind: int, more: bool
) -> bool:
    """Appends ids found behind cursor `behind`, unless another refill came first (False)."""
    cursor: int | str = (ids[-1] if ids else behind) if more else ""
    return bool(_run("refill", pace_key, lane, batch_id, behind, cursor, *ids))


def drop(pace_key: str, lane: int, batch_id: int) -> None:
    """Forgets what waits of a batch, at any size in one step."""
    _run("drop", pace_key, lane, batch_id)


# --- taking --------------------------------------------------------------------------------------
def take(limit: int) -> Taken:
    """Up to `limit` ids that are due, the most overdue accounts first.

    Within an account lanes go in order, and the batches of a lane take turns. None may be sent
    before reserve() has given it a slot; what is not sent is given back by release().
    """
    server_time, wait, unknown, spent, leases = _run("take", limit, GROWTH)
    return Taken(
        float(server_time),
        float(wait),
        [key.decode() for key in unknown],
        [key.decode() for key in spent],
        [_lease(*raw) for raw in leases],
    )


def _lease(key: bytes, interval: bytes, *groups: list[Any]) -> Lease:
    return Lease(
        key.decode(),
        float(interval),
        [
            Group(int(batch), int(lane), [int(one) for one in ids], int(left), bool(more))
            for batch, lane, left, more, *ids in groups
        ],
    )


def reserve(asks: Mapping[str, Ask], *, within: float) -> dict[str, Slots]:
    """Slots for what was taken, by pace key: those of the next `within` seconds, as far as wanted.

    A key without a rate is not in the answer.
    """
    words = (word for key, ask in asks.items() for word in (key, ask.late, ask.missed, ask.wanted))
    answer = _run("reserve", GROWTH, _ANSWER_TAKES, within, *words)
    return {
        key.decode(): Slots(float(start), float(interval), int(count), float(free))
        for key, start, interval, count, free in answer
    }


def release(counts: Mapping[str, int]) -> None:
    """Says how many of each pace key were taken and will not be sent from this worker's hand."""
    if counts:
        _run("release", *(word for pair in counts.items() for word in pair))


# --- pace ----------------------------------------------------------------------------------------
def set_rate(pace_key: str, max_send_rate: float) -> None:
    """Sets the quota in recipients a second, as GetAccount reads it."""
    rate = effective_rate(max_send_rate)
    known: dict[str | bytes, bytes | float | int | str] = {
        "rate": rate,
        "lease": lease_size(rate),
        "ahead": ahead(rate),
    }
    valkey().hset(pace_hash(pace_key), mapping=known)


def set_budget(pace_key: str, left: Budget) -> None:
    """Sets what the rolling 24 hours still allow; workers count it down as they take.

    While somebody has just taken and may not have claimed yet, a budget is only lowered.
    """
    limits = ("" if value is None else value for value in (left.awaited, left.bulk))
    _run("budget", pace_key, _UNCLAIMED, *limits)


def throttle(pace_key: str) -> bool:
    """SES refused for the rate: pause, go slower if it is not the first. False while paused."""
    return bool(_run("throttle", pace_key, _CUT, _FLOOR, GROWTH, _REST, _MEMORY))


def rest(pace_key: str, seconds: float) -> None:
    """Lets nothing leave for a few seconds: SES cannot be reached."""
    _run("rest", pace_key, seconds)


def park(pace_key: str, seconds: float, *, from_lane: int = 0) -> None:
    """Stops this lane and those after it for a time; what waits stays."""
    _run("park", pace_key, seconds, from_lane)


def unpark(pace_key: str) -> None:
    """Ends a parking, if there is one."""
    _run("park", pace_key, 0, 0)


# --- watching ------------------------------------------------------------------------------------
def pace_keys() -> list[str]:
    """Pace keys that have something waiting, the most overdue first."""
    return [key.decode() for key in valkey().zrange(WHEEL, 0, -1)]


def work_is_due() -> bool:
    """Whether a drain would find something to do now."""
    pipe = valkey().pipeline(transaction=False)
    pipe.time()
    pipe.zrange(WHEEL, 0, 0, withscores=True)
    (seconds, micros), head = pipe.execute()
    return bool(head) and head[0][1] <= seconds + micros / 1e6


# --- the bell ------------------------------------------------------------------------------------
def ring() -> None:
    """Makes sure that a drain looks at the wheel soon.

    Nothing is sent when one is waiting in the broker or an idle one is looking already. Two rings
    at once may send two, which costs a task that finds nothing.
    """
    pipe = valkey().pipeline(transaction=False)
    pipe.llen("send")
    pipe.exists(_IDLE_KEY)
    if not any(pipe.execute()):
        send_drain()


def push_and_ring(pace_key: str, lane: int, batch_id: int, message_id: int) -> None:
    """push() of one id and ring(), in one question where the script is known."""
    pipe = valkey().pipeline(transaction=False)
    sha = _script("push").sha  # type: ignore[attr-defined]  # unknown to the stubs
    pipe.evalsha(sha, 0, pace_key, str(lane), str(batch_id), "back", str(message_id))
    pipe.llen("send")
    pipe.exists(_IDLE_KEY)
    try:
        _, waiting, idle = pipe.execute()
    except NoScriptError:
        push(pace_key, lane, batch_id, [message_id])
        ring()
    else:
        if not waiting and not idle:
            send_drain()


def ring_for_company() -> None:
    """For a drain that cannot keep up: one more worker slot, and always one successor."""
    if not valkey().llen("send"):
        send_drain()


def send_drain() -> None:
    """Puts a drain task into the broker."""
    current_app.send_task(_DRAIN)


def say_idle(drain: str) -> bool:
    """A drain without work says that it looks again by itself: for a moment pushes need not ring.

    One drain is enough; the others get False and may leave.
    """
    if valkey().set(_IDLE_KEY, drain, nx=True, px=_IDLE_MS):
        return True
    if valkey().get(_IDLE_KEY) != drain.encode():
        return False
    valkey().pexpire(_IDLE_KEY, _IDLE_MS)
    return True


def end_idle(drain: str) -> None:
    """A drain is about to stop; it must look once more after this, for who did not ring."""
    if valkey().get(_IDLE_KEY) == drain.encode():
        valkey().delete(_IDLE_KEY)
