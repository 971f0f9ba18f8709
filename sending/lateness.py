"""How late a send may still leave, and what that moves.

A slot that is given up is lost, and one of an account at 14 a second is 71 ms long. A send that is
late by less moves all slots behind it by its lateness instead, which costs only that. It is as
safe: a late send puts one too many into the second that begins with it, unless the slot a second
later moves too. That one is still free: slots are taken less than half a second ahead.
"""

from collections import defaultdict
from collections.abc import Callable

from sending.schedule import Job

# The scheduled share of the quota (sending.pace) leaves room for sends that come 20 ms late. This
# is spent here, the network has the rest.
_FREE = 0.006
# With the half second that slots are taken ahead, and the time to tell Valkey: less than a second.
_MOST = 0.25
# Above this rate slots are no limit any more.
UNPACED = 1 / 5000


class Lateness:
    """Says of each send whether its slot may still be used, and keeps what follows from it.

    `on_news` is called when there is something that take_slips() or take_missed() returns.
    """

    def __init__(self, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        self._slipped: defaultdict[str, float] = defaultdict(float)
        self._untold: defaultdict[str, float] = defaultdict(float)
        self._missed: defaultdict[str, list[Job]] = defaultdict(list)

    def planned(self, job: Job, *, slot: float, interval: float) -> None:
        """Gives a job its slot. What its pace key slips from now on lies behind that."""
        job.slot, job.interval = slot, interval
        job.slipped = self._slipped[job.outbound.pace_key]

    def allows(self, job: Job, now: float) -> bool:
        """Whether the job may leave now. Moves the slots behind it where it is late."""
        if job.interval <= UNPACED:
            return True
        late, key = now - job.slot, job.outbound.pace_key
        # Sends that were held up together have moved the same slots.
        owed = late - _FREE - (self._slipped[key] - job.slipped)
        if owed <= 0:
            return True
        if late > _MOST or owed >= job.interval:
            return False
        self._slipped[key] += owed
        self._untold[key] += owed
        self._on_news()
        return True

    def missed(self, job: Job) -> None:
        """Takes a job that needs a new slot."""
        self._missed[job.outbound.pace_key].append(job)
        self._on_news()

    def take_slips(self) -> dict[str, float]:
        """Seconds by pace key that its slots must move, each told once."""
        untold, self._untold = self._untold, defaultdict(float)
        return untold

    def take_missed(self) -> dict[str, list[Job]]:
        """The jobs by pace key that need new slots, each once."""
        missed, self._missed = self._missed, defaultdict(list)
        return missed
