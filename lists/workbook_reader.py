"""Reads one Excel workbook in a process of its own: workbook on stdin, CSV of a sheet on stdout.

Run by lists.workbooks, which gives it little memory and time: what a hostile file makes of the
parser ends with this process. The last line on stderr is JSON: the names of the sheets and the one
that was read, or what is wrong. It imports nothing of ours, so it starts at once.
"""

import csv
import datetime
import json
import resource
import sys
from contextlib import suppress
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

_MIDNIGHT = datetime.time()
_DIGITS = 15  # what Excel keeps of a number


def shown(value: Any) -> str:
    """A cell's value as its reader sees it, dates as YYYY-MM-DD."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else f"{value:.{_DIGITS}g}"
        case datetime.datetime():
            return str(value.date() if value.time() == _MIDNIGHT else value)
        case _:
            return str(value)


def write_sheet(sheet: CalamineSheet, most_rows: int) -> int:
    """Writes the sheet as CSV, record n being row n; how many rows hold something."""
    if sheet.end is None:
        return 0
    last = sheet.end[0] + 1
    if last > most_rows + 1:  # the first names the columns
        raise ValueError("rows", last)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    filled = 0
    for row in sheet.iter_rows():
        values = [shown(value) for value in row]
        while values and not values[-1]:
            values.pop()
        filled += bool(values)
        writer.writerow(values)
    return filled


def read(wanted: str, most_rows: int) -> dict[str, Any]:
    """Writes the wanted sheet, or the first that holds anything."""
    book = CalamineWorkbook.from_object(sys.stdin.buffer)
    names = [
        one.name
        for one in book.sheets_metadata
        if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
    ]
    for name in [wanted] if wanted else names:
        if name in names and write_sheet(book.get_sheet_by_name(name), most_rows):
            return {"sheets": names, "sheet": name}
    return {"sheets": names, "sheet": ""}


def main(wanted: str, most_rows: int, most_bytes: int, seconds: int) -> None:
    # macOS takes no limit of the address space.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    try:
        said = read(wanted, most_rows)
    except CalamineError as error:
        said = {"error": "broken", "detail": str(error)}
    except ValueError as error:
        said = {"error": "rows", "detail": error.args[-1]}
    sys.stdout.flush()
    print(json.dumps(said), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
