"""The blocking side of a drain: its database threads, and the time of the Valkey server."""

import threading
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar, TypeVarTuple

from django.db import InterfaceError, OperationalError, connection

_THREADS = 3  # claiming, recording, and errands never wait for one another

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Threads:
    """Runs blocking functions beside the event loop, each thread with its own connection."""

    database_errors = (OperationalError, InterfaceError)

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="drain")
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="slots")

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """The function's result. A connection that broke is replaced on the next call."""
        return await get_running_loop().run_in_executor(
            self._pool, self._call, function, *arguments
        )

    async def run_apart(self, function: Callable[[], T]) -> T:
        """The result of a function that needs no database, and must not wait for it."""
        return await get_running_loop().run_in_executor(self._apart, function)

    def _call(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        try:
            return function(*arguments)
        except self.database_errors:
            connection.close()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        # Each thread closes its own connection: the barrier makes each of them take one call.
        everyone = threading.Barrier(_THREADS)

        def close() -> None:
            everyone.wait()
            connection.close()

        for _ in range(_THREADS):
            self._pool.submit(close)
        self._pool.shutdown()
        self._apart.shutdown()


class ServerClock:
    """Server time in terms of our monotonic clock, from the quickest answer seen.

    A worker that is held up between request and answer would misjudge the server's time; the
    shortest round trip is the one that was not held up.
    """

    def __init__(self) -> None:
        self._round_trip = float("inf")
        self._offset = 0.0

    def observe(self, before: float, server_time: float, after: float) -> None:
        """Takes one reading: monotonic time before and after, server time in between."""
        if after - before < self._round_trip:
            self._round_trip = after - before
            self._offset = server_time - (before + after) / 2

    def local(self, server_time: float) -> float:
        """The monotonic time at which the server's clock shows this."""
        return server_time - self._offset
