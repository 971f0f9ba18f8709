"""Chunks of one import written side by side, and committed one after the other.

Each writer is a thread with a connection of its own. A chunk does all its work, then waits for its
turn: until the chunk before it is committed. It waits for a lock of PostgreSQL, whose search for
deadlocks therefore sees it: somebody else may hold what that chunk waits for, and want what this
one holds.
"""

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import cycle

from django.db import connection, connections

from lists.reading import Chunks
from lists.rows import Chunk
from lists.staging import Written

# Chunks that are read and wait for a thread: where two end at once, neither waits for the next.
_AHEAD = 2
# Seconds after which the thread that reads lets another have Python. Those that write ask for it
# some twenty times a chunk, each time for less than a millisecond.
_SWITCH = 0.0005


@dataclass(frozen=True)
class Turn:
    """The place of a chunk, which begins behind row `first`, among those of its import."""

    import_id: int
    first: int
    first_before: int = 0
    before: "Future[Written] | None" = None  # the chunk before; None where nothing is under way

    def begin(self) -> None:
        """From now on the next chunk waits for the end of this transaction, whatever it is."""
        self._lock("pg_advisory_xact_lock", self.first)

    def come(self) -> bool:
        """Waits for the end of the transaction of the chunk before. True where that chunk has ended
        for good; else it may have to be tried again, and this one after it.
        """
        if self.before is None or self.before.done():
            return True
        self._lock("pg_advisory_xact_lock_shared", self.first_before)
        return False

    def wait(self) -> None:
        """Waits until the chunk before is written, while this one holds nothing that others want.
        Raises what that one raised.
        """
        if self.before:
            self.before.result()

    def _lock(self, function: str, first: int) -> None:
        # Locks of two numbers are for imports alone.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [self.import_id & 0x7FFFFFFF, first])


def in_turn(
    import_id: int, chunks: Chunks, write: Callable[[Chunk, Turn], Written], writers: int
) -> Generator[tuple[Chunk, Written], None, None]:
    """Each chunk with what `write` made of it, in their order, while the next ones are read and
    written by so many threads; by this one alone where there are none.

    Raises what `write` raised first. Whoever stops early waits for the chunks that have begun.
    """
    with closing(chunks), ExitStack() as stack:
        if not writers:
            for chunk in chunks:
                yield chunk, write(chunk, Turn(import_id, chunk.first))
            return
        threads = cycle([stack.enter_context(_writer()) for _ in range(writers)])
        stack.enter_context(_short_switches())
        begun: deque[tuple[Chunk, Future[Written]]] = deque()
        stack.callback(lambda: [written.cancel() for _, written in begun])
        first_before = 0
        before: Future[Written] | None = None
        for chunk in chunks:
            turn = Turn(import_id, chunk.first, first_before, before)
            first_before, before = chunk.first, next(threads).submit(write, chunk, turn)
            begun.append((chunk, before))
            if len(begun) == writers + _AHEAD:
                ended, written = begun.popleft()
                yield ended, written.result()
        for chunk, written in begun:
            yield chunk, written.result()


@contextmanager
def _writer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as thread:
        try:
            yield thread
        finally:
            thread.submit(connections.close_all)


@contextmanager
def _short_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
