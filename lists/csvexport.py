"""CSV that goes out: streamed, and harmless in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
# OWASP, "CSV injection": a cell that begins with one of these is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: Any) -> str:
    """The value as text, with ' before what a spreadsheet would compute; -3.5 is a number."""
    text = "" if value is None else str(value)
    harmless = not text.startswith(_FORMULA_STARTS) or _NUMBER.fullmatch(text)
    return text if harmless else f"'{text}"


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of a CSV file, with the mark that tells Excel it is UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(list(header))
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])
