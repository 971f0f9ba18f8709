"""The rows of a file in chunks, checked, without what the file repeats."""

import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from typing import IO

from lists.csvfile import CsvFormat, read_records
from lists.rows import Chunk, RowReader, public_ids
from lists.seen import Seen

Chunks = Generator[Chunk, None, None]

# Seconds after which the thread that reads lets the other have Python. That one asks for it some
# twenty times a chunk, each time for less than a millisecond, while PostgreSQL has nothing to do.
_TURN = 0.0005


def read_chunks(
    file: IO[bytes], fmt: CsvFormat, reader: RowReader, rows_total: int, size: int
) -> Chunks:
    """The rows of the file in chunks of `size`; the same ones at each reading."""
    seen = Seen(rows_total)
    records = read_records(file, fmt)
    next(records)  # the names of the columns
    first = 0
    while True:
        chunk = Chunk(first)
        reader.read(islice(records, size), seen, chunk, public_ids(size))
        if not chunk.rows:
            return
        first += chunk.rows
        chunk.lines.sort()  # neighbours in the index of addresses: written one after the other
        yield chunk


def ahead(chunks: Chunks) -> Chunks:
    """The same chunks, the next one read in a thread while the caller works on this one."""
    with (
        closing(chunks),
        _short_turns(),
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as thread,
    ):
        waiting = thread.submit(next, chunks, None)
        while (chunk := waiting.result()) is not None:
            waiting = thread.submit(next, chunks, None)
            yield chunk


@contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
