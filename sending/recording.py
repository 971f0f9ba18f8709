"""Writes results in groups, and puts back what was not sent once that is written."""

import asyncio
import logging
import time
from collections import defaultdict

from redis.exceptions import RedisError

from sending import ledger, queue
from sending.ledger import Claimed, Result
from sending.models import Status
from sending.outbound import Outbound
from sending.schedule import Job
from sending.threads import Threads

logger = logging.getLogger(__name__)

_EVERY = 0.3
_AT_MOST = 400
_KEEP_TRYING = 60.0  # seconds; then the sweep calls the rows unknown and events settle them


class Recorder:
    """Collects results on the event loop; a task writes them."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._results: list[Result] = []
        self._returned: list[tuple[Outbound, int]] = []
        self._wake = asyncio.Event()
        self._closed = False

    def settle(self, job: Job, status: Status, reason: str = "", ses_message_id: str = "") -> None:
        """Takes what became of a message."""
        one, key = job.claimed, job.outbound.pace_key
        self.add(Result(one.message_id, one.claimed_at, status, key, reason, ses_message_id))

    def give_back(self, job: Job) -> None:
        """The message was not sent: it is queued again, and waits in front of its batch."""
        self._returned.append((job.outbound, job.claimed.message_id))
        self.add(untouched(job.claimed, job.outbound.pace_key))

    def add(self, result: Result) -> None:
        """Takes a result."""
        self._results.append(result)
        if len(self._results) >= _AT_MOST:
            self._wake.set()

    def close(self) -> None:
        """Lets run() write the rest and end."""
        self._closed = True
        self._wake.set()

    async def run(self) -> None:
        """Writes every 300 ms or 400 results until closed."""
        while not self._closed or self._results:
            if not self._closed:
                try:
                    async with asyncio.timeout(_EVERY):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        results, self._results = self._results, []
        returned, self._returned = self._returned, []
        if not results:
            return
        give_up = time.monotonic() + _KEEP_TRYING
        while True:
            try:
                await self._threads.run(ledger.record, results)
                break
            except Threads.database_errors:
                if time.monotonic() > give_up:
                    logger.exception("Results of %d messages could not be written", len(results))
                    return
                await asyncio.sleep(0.5)
            except Exception:
                # A fault of ours must not stop the drain: the sweep and the events settle these.
                logger.exception("Results of %d messages could not be written", len(results))
                return
        try:
            await self._put_back(returned)
        except RedisError:
            logger.exception("Valkey does not answer; the sweep rings %d mails", len(returned))

    async def _put_back(self, returned: list[tuple[Outbound, int]]) -> None:
        groups: dict[tuple[str, int, int], list[int]] = defaultdict(list)
        for out, message_id in sorted(returned, key=lambda one: one[1]):
            groups[out.pace_key, out.lane, out.batch_id].append(message_id)
        for group, ids in groups.items():
            await self._threads.run(queue.put_back, *group, ids)


def untouched(claimed: Claimed, pace_key: str) -> Result:
    """What releases a claim: the message is queued as if it had never been taken."""
    return Result(claimed.message_id, claimed.claimed_at, Status.QUEUED, pace_key)
