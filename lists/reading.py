"""The rows of a file in chunks, checked, without what the file repeats."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO

from lists.csvfile import CsvFormat, read_records
from lists.hygiene import Hygiene
from lists.mapping import State
from lists.rows import Chunk, RowReader, RowRefused, finished
from lists.seen import Seen

Chunks = Generator[Chunk, None, None]


def read_chunks(
    file: IO[bytes], fmt: CsvFormat, reader: RowReader, rows_total: int, size: int
) -> Chunks:
    """The rows of the file in chunks of `size`; the same ones at each reading."""
    seen = Seen(rows_total)
    records = read_records(file, fmt)
    next(records)  # the names of the columns
    chunk = Chunk(first=0)
    for line, values in records:
        chunk.rows += 1
        try:
            email_norm, state, hygiene, copied = reader.read(line, values)
        except RowRefused as refused:
            chunk.invalid.append((line, refused.column, refused.value, refused.reason))
        else:
            if state >= State.UNSUBSCRIBED:
                chunk.stops[email_norm] = max(state, chunk.stops.get(email_norm, state))
            if earlier := seen.add(email_norm, line):
                chunk.duplicates.append((line, email_norm, earlier))
            else:
                chunk.lines.append(copied)
                if hygiene:
                    named = chunk.role if hygiene is Hygiene.ROLE else chunk.disposable
                    named.append((line, email_norm))
        if chunk.rows == size:
            yield finished(chunk)
            chunk = Chunk(first=chunk.first + size)
    if chunk.rows:
        yield finished(chunk)


def ahead(chunks: Chunks) -> Chunks:
    """The same chunks, the next one read in a thread while the caller works on this one."""
    with (
        closing(chunks),
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as thread,
    ):
        waiting = thread.submit(next, chunks, None)
        while (chunk := waiting.result()) is not None:
            waiting = thread.submit(next, chunks, None)
            yield chunk
