"""The file that names each row which did not come in as it stood, and why."""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from typing import IO, NamedTuple

from lists.csvexport import safe_cell
from lists.rows import Chunk
from lists.staging import Written

# What became of such a row. The first two are left out, the others are kept.
KINDS = "invalid duplicate unsubscribed suppressed role disposable".split()
# The first record of a program is the second of its table, behind the names of the columns.
_FIRST_RECORD = 2


class Row(NamedTuple):
    line: int
    column: str
    value: str
    reason: str
    kind: str


class Report:
    """Writes rows by line into a file; nothing where there are none.

    `of_records`: a program has sent them, and counts them from 0.
    """

    def __init__(self, file: IO[bytes], *, of_records: bool = False) -> None:
        self._text = TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._of_records = of_records
        self.rows = 0

    def add(self, chunk: Chunk, written: Written) -> None:
        rows = sorted(_rows(chunk, written, self._of_records))
        if rows and not self.rows:
            head = "index" if self._of_records else "line"
            self._writer.writerow([head, "column", "value", "reason", "kind"])
        for row in rows:
            number = row.line - _FIRST_RECORD if self._of_records else row.line
            cells = (row.column, row.value, row.reason, row.kind)
            self._writer.writerow([number, *map(safe_cell, cells)])
        self.rows += len(rows)

    def close(self) -> None:
        """Ends the text; the file stays open, at its beginning."""
        self._text.seek(0)
        self._text.detach()


def read_report(file: IO[bytes], first: int, most: int) -> Iterator[Row]:
    """Rows of a report, from `first` (0 is the first) on; `line` is what the file says."""
    lines = csv.reader(TextIOWrapper(file, encoding="utf-8-sig", newline=""))
    for number, *cells in islice(lines, first + 1, first + 1 + most):
        yield Row(int(number), *cells)


def _rows(chunk: Chunk, written: Written, of_records: bool) -> Iterator[Row]:
    for line, column, value, reason in chunk.invalid:
        yield Row(line, column, value, reason, "invalid")
    for line, email, earlier in chunk.duplicates:
        place = f"record {earlier - _FIRST_RECORD:,}" if of_records else f"line {earlier:,}"
        yield Row(line, "", email, f"Left out: {place} has the same address.", "duplicate")
    for line, email in written.unsubscribed:
        words = "Stays unsubscribed: an import never subscribes anyone again."
        yield Row(line, "", email, words, "unsubscribed")
    for line, email, why in written.suppressed:
        words = f"Stays suppressed ({why}): nothing is sent to this address."
        yield Row(line, "", email, words, "suppressed")
    for line, email in chunk.role:
        words = "Kept, but an office reads this address, not one person."
        yield Row(line, "", email, words, "role")
    for line, email in chunk.disposable:
        words = "Kept, but this domain is for mail that is thrown away."
        yield Row(line, "", email, words, "disposable")
