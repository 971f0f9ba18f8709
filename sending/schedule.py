"""Messages that wait for their slot in this process, and one timer for all of them."""

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass

from sending.ledger import Claimed
from sending.outbound import Outbound

# The sweep gives a claim up after two minutes, and the message may be sent by another claim then. A
# worker that was stopped for so long must not send it too: an answer takes half a minute at most.
_CLAIM_HOLDS = 60.0
# uvloop's timers count milliseconds. One wake for the jobs of several costs much less than one for
# each, and sends may be late by more (sending.lateness).
_TICK = 0.001
_GAP = 0.004


@dataclass(slots=True)
class Job:
    """A claimed message, the start of its claim, and its slot (monotonic seconds)."""

    claimed: Claimed
    outbound: Outbound
    claimed_at: float
    slot: float = 0.0
    interval: float = 0.0
    slipped: float = 0.0  # of the pace key when the slot was given (sending.lateness)

    def outlived(self, now: float) -> bool:
        """Whether its claim is too old to be sent on."""
        return now - self.claimed_at > _CLAIM_HOLDS


class Schedule:
    """Hands over each job at its slot, or as soon after it as may be."""

    def __init__(self, on_due: Callable[[Job], None]) -> None:
        self._on_due = on_due
        self._loop = asyncio.get_running_loop()
        self._jobs: list[tuple[float, int, Job]] = []
        self._sequence = 0  # jobs with one slot leave in the order they came
        self._timer: asyncio.TimerHandle | None = None
        self._fired = 0.0

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, jobs: list[Job]) -> None:
        """Adds jobs; each is handed over once."""
        for job in jobs:
            self._sequence += 1
            heapq.heappush(self._jobs, (job.slot, self._sequence, job))
        self._arm()

    def close(self) -> list[Job]:
        """Stops the timer and returns the jobs that were not handed over."""
        rest = [job for _, _, job in self._jobs]
        self._jobs.clear()
        self._arm()
        return rest

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._jobs:
            at = max(self._jobs[0][0], self._fired + _GAP)
            self._timer = self._loop.call_later(max(0.0, at - time.monotonic()), self._fire)

    def _fire(self) -> None:
        self._fired = time.monotonic()
        soon = self._fired + _TICK
        while self._jobs and self._jobs[0][0] <= soon:
            self._on_due(heapq.heappop(self._jobs)[2])
        self._arm()
