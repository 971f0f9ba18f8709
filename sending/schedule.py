"""Messages that wait for their slot in this process, and one timer for all of them."""

import asyncio
import heapq
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from sending.ledger import Claimed
from sending.outbound import Outbound

# A slot missed by more is given up: late sends would bunch up in one second.
_LATE = 0.012
# The sweep gives a claim up after two minutes, and the message may be sent by another claim then. A
# worker that was stopped for so long must not send it too: an answer takes half a minute at most.
_CLAIM_HOLDS = 60.0
# Above this rate slots are no limit any more.
_UNPACED = 1 / 5000
# uvloop's timers count milliseconds.
_TICK = 0.001


@dataclass(slots=True)
class Job:
    """A claimed message with its slot and the start of its claim (monotonic seconds)."""

    claimed: Claimed
    outbound: Outbound
    slot: float
    interval: float
    claimed_at: float

    def outlived(self, now: float) -> bool:
        """Whether its claim is too old to be sent on."""
        return now - self.claimed_at > _CLAIM_HOLDS

    def missed(self, now: float) -> bool:
        """Whether its slot is too long ago to be used still."""
        return now - self.slot > _LATE and self.interval > _UNPACED


class Schedule:
    """Hands over each job at its slot, and those that missed theirs by pace key."""

    def __init__(
        self, on_due: Callable[[Job], None], on_late: Callable[[str, list[Job]], None]
    ) -> None:
        self._on_due = on_due
        self._on_late = on_late
        self._loop = asyncio.get_running_loop()
        self._jobs: list[tuple[float, int, Job]] = []
        self._sequence = 0  # jobs with one slot leave in the order they came
        self._timer: asyncio.TimerHandle | None = None

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
            wait = max(0.0, self._jobs[0][0] - time.monotonic())
            self._timer = self._loop.call_later(wait, self._fire)

    def _fire(self) -> None:
        now = time.monotonic()
        late: dict[str, list[Job]] = defaultdict(list)
        while self._jobs and self._jobs[0][0] <= now + _TICK:
            job = heapq.heappop(self._jobs)[2]
            if job.missed(now):
                late[job.outbound.pace_key].append(job)
            else:
                self._on_due(job)
        for pace_key, jobs in late.items():
            self._on_late(pace_key, jobs)
        self._arm()
