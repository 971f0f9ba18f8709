"""How late a send may still leave, and what that moves.

A slot that is given up is lost, and one of an account at 14 a second is 71 ms long. A send that is
late by less moves all slots behind it by its lateness instead, which costs only that. It is as
safe: a late send puts one too many into the second that begins with it, unless the slot a second
later moves too. That one is still free: slots are given a few hundredths of a second ahead.
"""

import asyncio
from collections import defaultdict

from sending.pace import FAST
from sending.schedule import Job

# The scheduled share of the quota (sending.pace) leaves room for sends that come 20 ms late. This
# is spent here, the network has the rest.
_FREE = 0.008
# With the time that slots are given ahead, and the time to tell Valkey: less than a second.
_MOST = 0.25


class Lateness:
    """Says of each send whether its slot may still be used, and keeps what follows from it.

    `news` is set when take_slips() has something to tell.
    """

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._slipped: defaultdict[str, float] = defaultdict(float)
        self._untold: defaultdict[str, float] = defaultdict(float)

    def planned(self, job: Job, *, slot: float, interval: float) -> None:
        """Gives a job its slot. What its pace key slips from now on lies behind that."""
        job.slot, job.interval = slot, interval
        job.slipped = self._slipped[job.outbound.pace_key]

    def allows(self, job: Job, now: float) -> bool:
        """Whether the job may leave now."""
        owed = self._owed(job, now)
        return owed <= 0 or (now - job.slot <= _MOST and owed < job.interval)

    def left(self, job: Job, now: float) -> None:
        """Takes that the job has left by now. Moves the slots behind it where it was late."""
        if (owed := self._owed(job, now)) > 0:
            self._slipped[job.outbound.pace_key] += owed
            self._untold[job.outbound.pace_key] += owed
            self.news.set()

    def _owed(self, job: Job, now: float) -> float:
        """By how much the slots behind it must move still. Sends that are held up together move the
        same slots.
        """
        if job.interval <= 1 / FAST:
            return 0.0
        moved = self._slipped[job.outbound.pace_key] - job.slipped
        return now - job.slot - _FREE - moved

    def take_slips(self) -> dict[str, float]:
        """Seconds by pace key that its slots must move, each told once."""
        untold, self._untold = self._untold, defaultdict(float)
        return untold
