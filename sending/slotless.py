"""Claimed messages without a slot, and the asking for slots: as late as may be.

A worker that stands still loses the slots that it has in hand, and with them a part of the quota;
what is only claimed waits until it goes on. Reasons: docs/decisions/queue-and-pace.md.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from sending import queue
from sending.lateness import Lateness
from sending.outbound import Outbound
from sending.pace import FAST, soon
from sending.schedule import Job
from sending.threads import ServerClock, Threads

# Seconds before the next free slot comes that it is asked for: at least, and as a share of those
# that slots are given for. All accounts share a question, two are asked in that time.
_MARGIN, _MARGIN_SHARE = 0.017, 0.25


@dataclass
class _Line:
    """The jobs of a pace key that wait; those that somebody waits for go first."""

    interval: float
    awaited: deque[Job] = field(default_factory=deque)
    bulk: deque[Job] = field(default_factory=deque)
    missed: int = 0
    ask_at: float = 0.0

    def __len__(self) -> int:
        return len(self.awaited) + len(self.bulk)

    def of(self, job: Job) -> deque[Job]:
        return self.awaited if job.outbound.awaited else self.bulk

    def pop(self, count: int) -> list[Job]:
        return [(self.awaited or self.bulk).popleft() for _ in range(min(count, len(self)))]


class Slotless:
    """The jobs of a drain that wait for slots, and whether a slot may still be used."""

    def __init__(self, threads: Threads, clock: ServerClock) -> None:
        self._threads = threads
        self._clock = clock
        self._lateness = Lateness()
        self._lines: dict[str, _Line] = {}
        self._news = self._lateness.news
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def unpaced(self) -> int:
        """How many wait of accounts so fast that slots are no limit."""
        return sum(len(line) for line in self._lines.values() if line.interval <= 1 / FAST)

    def add(self, pace_key: str, interval: float, jobs: Iterable[Job]) -> None:
        """Takes jobs of one pace key; `interval` is the distance of its slots in seconds."""
        line = self._lines.setdefault(pace_key, _Line(interval))
        line.interval = interval
        for job in jobs:
            line.of(job).append(job)
        self._news.set()

    def may_leave(self, job: Job, now: float) -> bool:
        """Whether the slot of a job may still be used."""
        return self._lateness.allows(job, now)

    def left(self, job: Job) -> None:
        """Takes that a job has left by now: one that was late moves the slots behind it."""
        self._lateness.left(job, time.monotonic())

    def missed(self, job: Job) -> None:
        """Takes a job whose slot may not be used any more: it goes before the others."""
        line = self._lines.setdefault(job.outbound.pace_key, _Line(job.interval))
        line.of(job).appendleft(job)
        line.missed += 1
        self._news.set()

    async def withdraw(self, held: Callable[[Outbound], bool]) -> list[Job]:
        """The jobs for whose batch this is true; they do not wait any more."""
        out: list[Job] = []
        for line in self._lines.values():
            for jobs in (line.awaited, line.bulk):
                for job in [jobs.popleft() for _ in range(len(jobs))]:
                    (out if held(job.outbound) else jobs).append(job)
        if out:
            with contextlib.suppress(RedisError):  # nobody counts what is out while it is away
                counts = Counter(job.outbound.pace_key for job in out)
                await self._threads.run(queue.release, counts)
        return out

    def close(self) -> None:
        """Lets run() end."""
        self._closed = True
        self._news.set()

    async def run(self, put: Callable[[list[Job]], None], give_back: Callable[[Job], None]) -> None:
        """Gives each job its slot and puts it into the schedule, until closed.

        What gets none, since Valkey does not answer or does not know the rate, is given back.
        """
        while not self._closed:
            if asks := self._asks():
                within = soon(sum(1 for line in self._lines.values() if line))
                margin = max(_MARGIN, within * _MARGIN_SHARE)
                for job in await self._ask(asks, within, margin, put):
                    give_back(job)
                await asyncio.sleep(margin / 2)
            else:
                await self._until_one_may_ask()

    async def _until_one_may_ask(self) -> None:
        self._news.clear()
        due = min((line.ask_at for line in self._lines.values() if line), default=None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - time.monotonic()):
                await self._news.wait()

    def _asks(self) -> dict[str, queue.Ask]:
        now, late = time.monotonic(), self._lateness.take_slips()
        asks: dict[str, queue.Ask] = {}
        for key, line in self._lines.items():
            if (line and line.ask_at <= now) or key in late:
                asks[key] = queue.Ask(len(line), line.missed, late.get(key, 0.0))
                line.missed = 0
        return asks

    async def _ask(
        self,
        asks: dict[str, queue.Ask],
        within: float,
        margin: float,
        put: Callable[[list[Job]], None],
    ) -> list[Job]:
        """Those that get no slot."""
        slotless: list[Job] = []
        try:
            found = await self._threads.run_apart(lambda: queue.reserve(asks, within=within))
        except RedisError:
            found = {}
        for key in asks:
            line, slots = self._lines[key], found.get(key)
            if slots is None:
                slotless += line.pop(len(line))
                continue
            line.interval, line.ask_at = slots.interval, self._clock.local(slots.free) - margin
            jobs, start = line.pop(slots.count), self._clock.local(slots.start)
            for i, job in enumerate(jobs):
                self._lateness.planned(
                    job, slot=start + i * slots.interval, interval=slots.interval
                )
            put(jobs)
        return slotless
