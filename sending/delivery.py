"""Drains: each takes due work for a bounded time and has every message sent at its slot.

One event loop per process; PostgreSQL and Valkey are asked in threads, always for many messages at
a time. Several drains in any number of processes and machines share the wheel. Reasons:
docs/decisions/asyncio-sender.md.
"""

import asyncio
import contextlib
import logging
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import uuid4

import uvloop

from sending import feed, ledger, parking, queue, quota
from sending.errors import ContentError
from sending.flight import Window
from sending.ledger import Claimed
from sending.outbound import Outbound, load
from sending.pace import SLOW
from sending.recording import Recorder, untouched
from sending.schedule import Job, Schedule
from sending.sender import Sender
from sending.slotless import Slotless
from sending.threads import ServerClock, Threads
from sending.transport import Transport

logger = logging.getLogger(__name__)

_LINGER = 1.0  # a drain without work stays this long, one of them longer while something waits
_WATCH = 10.0  # seconds; what is due later is for the sweep
_AFRESH = 20.0  # what is learnt of accounts and batches, their keys too, is forgotten after this
# A look finds all that may be taken ahead (sending.pace). Of a hundred slow accounts one is always
# due: looked at less often, they share a claim, which costs the same for one as for many.
_LOOK_AGAIN, _LOOK_AT_SLOW = 0.02, 0.05
_CROWDED = 0.005
# Times the window: as many wait for a place as are in flight, twice as many are being claimed. A
# claim costs PostgreSQL the same time to plan for ten messages as for two hundred. What waits for
# slots at a pace is not counted: sending.pace limits it.
_ROOM, _CLAIM = 3, 2
_COMPANY_EVERY = 0.25
_ASK_EVERY = 0.5  # a pause is heard of within this, whatever is claimed already
_RUN_OUT = 0.3
# A thread that makes something of rows lets the event loop have Python after this, or sends are
# late: Python's own 5 ms are nearly all that they may be (sending.lateness).
_SWITCH = 0.0005
_PATIENCE = 5.0  # for answers still missing when the time is over


class Engine:
    """What the drains of a process share, one after the other: the event loop, the connections to
    SES, and how many are worth having. Opening them anew for each drain costs slots and CPU.
    """

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH)
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._transport = Transport()
        self._window = Window()

    def run(self, *, seconds: float, stopping: Callable[[], bool]) -> None:
        """Drains for about `seconds`, or until nothing is left, or until stopping() is true."""
        self._runner.run(self._run(seconds, stopping))

    def close(self) -> None:
        """Ends the connections and the event loop."""
        with self._runner:
            self._transport.close()

    async def _run(self, seconds: float, stopping: Callable[[], bool]) -> None:
        told, end, name = asyncio.Event(), time.monotonic() + seconds, uuid4().hex

        def over() -> bool:
            return told.is_set() or stopping() or time.monotonic() >= end

        async with Threads() as threads:
            with _on_sigterm(told.set):
                await self._drain(threads, name, over)
            # Who saw this drain idle did not ring, so look once more whether somebody must.
            await threads.run(queue.end_idle, name)
            if await threads.run(queue.work_is_due):
                await threads.run(queue.ring_for_company)

    async def _drain(self, threads: Threads, name: str, over: Callable[[], bool]) -> None:
        """One drain after the other, until over() or idle. The next one takes while the one before
        lets its last messages leave, so that no slot is lost in between.
        """
        leaving: list[asyncio.Task[None]] = []
        idle = False
        try:
            while not (idle or over()):
                drain = Drain(self._transport, threads, self._window, name)
                until = time.monotonic() + _AFRESH
                try:
                    idle = await drain.take(lambda: over() or time.monotonic() >= until)  # noqa: B023
                finally:
                    leaving.append(asyncio.create_task(drain.leave()))
        finally:
            await asyncio.gather(*leaving)


@contextlib.contextmanager
def _on_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """Has SIGTERM do this for the block; only the main thread can be asked."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


class Drain:
    """What is taken for a while, with what was learnt of the accounts and batches meanwhile."""

    def __init__(self, transport: Transport, threads: Threads, window: Window, name: str) -> None:
        self._threads = threads
        self._name = name
        self._clock = ServerClock()
        self._recorder = Recorder(threads)
        self._slotless = Slotless(threads, self._clock)
        self._sender = Sender(transport, threads, window, self._recorder, self._slotless)
        self._schedule = Schedule(self._sender.start)
        self._outbounds: dict[int, Outbound] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._feeding: set[int] = set()
        self._recording = asyncio.create_task(self._recorder.run())
        self._giving_slots = asyncio.create_task(
            self._slotless.run(self._schedule.put, self._recorder.give_back)
        )

    async def leave(self) -> None:
        """Ends in order: what is in flight is answered, the rest given back."""
        await self._run_out()
        self._slotless.close()
        await asyncio.wait([self._giving_slots])
        await self._land()
        self._recorder.close()
        await self._recording
        self._giving_slots.result()

    # --- taking ------------------------------------------------------------------------------
    async def take(self, over: Callable[[], bool]) -> bool:
        """Takes what is due and has it sent, until over() or idle; whether it is idle."""
        busy_at = company_at = asked_at = time.monotonic()
        while not (over() or self._giving_slots.done()):
            if self._in_hand and time.monotonic() - asked_at > _ASK_EVERY:
                asked_at = time.monotonic()
                self._errand(self._ask_what_stopped())
            flight = self._sender.window
            room = _ROOM * flight - self._slotless.unpaced - self._sender.waiting
            if room < _CLAIM * flight:
                await asyncio.sleep(_CROWDED)
                continue
            taken = await self._take(room)
            now = time.monotonic()
            if taken.leases:
                busy_at = now
                await self._claim(taken.leases)
            # After the claim, which makes what was just taken count as used.
            for pace_key in {*taken.unknown, *taken.spent}:
                await self._threads.run(quota.refresh, pace_key)
            if taken.wait == 0:
                if now - company_at > _COMPANY_EVERY:
                    company_at = now
                    await self._threads.run(queue.ring_for_company)
                continue
            watching = await self._threads.run(queue.say_idle, self._name)
            idle = not (self._in_hand or now - busy_at < _LINGER)
            if idle and not (watching and 0 < taken.wait < _WATCH):
                return True
            slow = taken.leases and all(lease.interval > 1 / SLOW for lease in taken.leases)
            await asyncio.sleep(_LOOK_AT_SLOW if slow else _LOOK_AGAIN)
        if self._giving_slots.done():  # never, but by a fault of ours
            self._giving_slots.result()
        return False

    async def _take(self, room: int) -> queue.Taken:
        before, taken, after = await self._threads.run(_timed_take, room)
        self._clock.observe(before, taken.server_time, after)
        return taken

    async def _claim(self, leases: list[queue.Lease]) -> None:
        groups = [(lease, group) for lease in leases for group in lease.groups]
        started = time.monotonic()
        try:
            claim = await self._threads.run(
                ledger.claim, [one for _, group in groups for one in group.ids]
            )
        except Threads.database_errors:
            logger.exception("The database does not answer; what was taken goes back")
            for lease, group in groups:
                await self._threads.run(
                    queue.put_back, lease.pace_key, group.lane, group.batch_id, group.ids
                )
            await self._threads.run(queue.release, _sizes(leases))
            await asyncio.sleep(0.5)
            return
        await self._load({one.batch_id for one in claim.claimed.values()})
        unclaimed = _sizes(leases)
        for lease in leases:
            jobs = self._jobs(lease, claim.claimed, started)
            unclaimed[lease.pace_key] -= len(jobs)
            self._slotless.add(lease.pace_key, lease.interval, jobs)
        await self._threads.run(queue.release, +unclaimed)
        for lease, group in groups:
            if group.batch_id in claim.held_batches:
                await self._threads.run(queue.drop, lease.pace_key, group.lane, group.batch_id)
            elif group.has_more and group.left < queue.LOW_WATER:
                self._feed(group.batch_id)

    async def _ask_what_stopped(self) -> None:
        with contextlib.suppress(*Threads.database_errors):
            await self._sender.heard(
                await self._threads.run(ledger.not_running, list(self._outbounds))
            )

    async def _load(self, batch_ids: set[int]) -> None:
        """Makes batches and their accounts ready; what cannot be sent is stopped with the reason.

        What is not ready afterwards is given back by those who look for it.
        """
        try:
            if fresh := batch_ids - self._outbounds.keys():
                for batch_id, out in (await self._threads.run(load, fresh)).items():
                    if isinstance(out, ContentError):
                        await self._threads.run(parking.pause_batch, batch_id, str(out))
                    else:
                        self._outbounds[batch_id] = out
            ready = [self._outbounds[i] for i in batch_ids if i in self._outbounds]
            await asyncio.gather(
                *(
                    self._sender.prepare(out)
                    for out in {one.account_id: one for one in ready}.values()
                )
            )
        except Threads.database_errors:
            logger.exception("Batches could not be read; their messages go back")

    def _jobs(
        self, lease: queue.Lease, claimed: dict[int, Claimed], claimed_at: float
    ) -> list[Job]:
        """The claimed messages of a lease, in order; what is not ready to be sent goes back."""
        jobs: list[Job] = []
        for group in lease.groups:
            out = self._outbounds.get(group.batch_id)
            # An id that waited twice may come twice. There is one claim of it, which is used up.
            for one in (claimed.pop(i) for i in group.ids if i in claimed):
                if out is None:
                    self._recorder.add(untouched(one, lease.pace_key))
                else:
                    jobs.append(Job(one, out, claimed_at))
        return jobs

    def _feed(self, batch_id: int) -> None:
        if batch_id not in self._feeding:
            self._feeding.add(batch_id)
            self._errand(self._feed_once(batch_id))

    async def _feed_once(self, batch_id: int) -> None:
        try:
            await self._threads.run(feed.feed, batch_id)
        finally:
            self._feeding.discard(batch_id)

    # --- what is left ----------------------------------------------------------------------------
    @property
    def _in_hand(self) -> int:
        """Messages claimed and not answered: each waits for its slot, or SES."""
        return len(self._slotless) + len(self._schedule) + len(self._sender)

    async def _run_out(self) -> None:
        """Lets what has a slot already be sent at it: given back, its slots would be lost."""
        end = time.monotonic() + _RUN_OUT
        while self._in_hand and time.monotonic() < end:
            await asyncio.sleep(_LOOK_AGAIN)

    async def _land(self) -> None:
        """Waits for answers, gives the rest back, calls unknown what stays unanswered."""
        self._sender.land()
        end = time.monotonic() + _PATIENCE
        while self._errands and time.monotonic() < end:
            await asyncio.wait(self._errands, timeout=end - time.monotonic())
        for job in self._schedule.close() + await self._slotless.withdraw(lambda _: True):
            self._recorder.give_back(job)
        await self._sender.finish(end)
        for errand in self._errands:  # or it would wake up in the next drain
            errand.cancel()

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errand_done)

    def _errand_done(self, task: asyncio.Task[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("An errand of a drain failed", exc_info=task.exception())


def _timed_take(room: int) -> tuple[float, queue.Taken, float]:
    before = time.monotonic()
    taken = queue.take(room)
    return before, taken, time.monotonic()


def _sizes(leases: list[queue.Lease]) -> Counter[str]:
    sizes = Counter[str]()
    for lease in leases:
        sizes[lease.pace_key] += lease.size
    return sizes
