"""Writes results in groups, and puts back what was not sent once that is written."""

import asyncio
import logging
import time
from collections import defaultdict

from redis.exceptions import RedisError

from sending import ledger, queue
from sending.ledger import Result
from sending.outbound import Outbound
from sending.threads import Threads

logger = logging.getLogger(__name__)

_EVERY = 0.1
_AT_MOST = 200
_KEEP_TRYING = 60.0  # seconds; then the sweep calls the rows unknown and events settle them


class Recorder:
    """Collects results on the event loop; a task writes them."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._results: list[Result] = []
        self._returned: list[tuple[Outbound, int]] = []
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, result: Result, *, back_to: Outbound | None = None) -> None:
        """Takes a result; `back_to` also puts the message in front of its batch again."""
        self._results.append(result)
        if back_to is not None:
            self._returned.append((back_to, result.message_id))
        if len(self._results) >= _AT_MOST:
            self._wake.set()

    def close(self) -> None:
        """Lets run() write the rest and end."""
        self._closed = True
        self._wake.set()

    async def run(self) -> None:
        """Writes every 100 ms or 200 results until closed."""
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
