"""The file that names each row which did not come in as it stood, and why."""

import csv
from io import TextIOWrapper
from typing import IO

from lists.csvexport import safe_cell
from lists.rows import Chunk
from lists.staging import Written

Row = tuple[int, str, str, str]  # line, column, value, reason


class Report:
    """Writes rows by line into a file; nothing where there are none."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self.rows = 0

    def add(self, chunk: Chunk, written: Written) -> None:
        rows = _rows(chunk, written)
        if rows and not self.rows:
            self._writer.writerow(["line", "column", "value", "reason"])
        self._writer.writerows([safe_cell(value) for value in row] for row in sorted(rows))
        self.rows += len(rows)

    def close(self) -> None:
        """Ends the text; the file stays open, at its beginning."""
        self._text.seek(0)
        self._text.detach()


def _rows(chunk: Chunk, written: Written) -> list[Row]:
    rows: list[Row] = list(chunk.invalid)
    rows += [
        (line, "", email, f"Left out: line {earlier:,} has the same address.")
        for line, email, earlier in chunk.duplicates
    ]
    rows += [
        (line, "", email, "Stays unsubscribed: an import never subscribes anyone again.")
        for line, email in written.unsubscribed
    ]
    rows += [
        (line, "", email, f"Stays suppressed ({reason}): nothing is sent to this address.")
        for line, email, reason in written.suppressed
    ]
    rows += [
        (line, "", email, "Kept, but an office reads this address, not one person.")
        for line, email in chunk.role
    ]
    rows += [
        (line, "", email, "Kept, but this domain is for mail that is thrown away.")
        for line, email in chunk.disposable
    ]
    return rows
