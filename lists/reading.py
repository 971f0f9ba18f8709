"""The rows of a file in chunks, checked, without what the file repeats."""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from lists.csvfile import CsvFormat, read_records
from lists.rows import Chunk, RowReader, public_ids
from lists.seen import Seen

Chunks = Generator[Chunk, None, None]


@dataclass(frozen=True)
class Sizes:
    """The rows of a file and of its chunks. One chunk ends at row `border`, which an earlier run
    may have reached by chunks of another size.
    """

    file: int
    chunk: int
    border: int = 0


def read_chunks(file: IO[bytes], fmt: CsvFormat, reader: RowReader, sizes: Sizes) -> Chunks:
    """The rows of the file in chunks; the same ones at each reading."""
    seen = Seen(sizes.file)
    records = read_records(file, fmt)
    next(records)  # the names of the columns
    first = 0
    while True:
        most = min(sizes.chunk, sizes.border - first) if first < sizes.border else sizes.chunk
        chunk = Chunk(first)
        lines = reader.read(islice(records, most), seen, chunk, public_ids(most))
        if not chunk.rows:
            return
        first += chunk.rows
        lines.sort()  # neighbours in the index of addresses: written one after the other
        # Bytes take half of what the lines take, of which several chunks are kept.
        chunk.kept, chunk.copy = len(lines), "".join(lines).encode()
        del lines
        yield chunk
