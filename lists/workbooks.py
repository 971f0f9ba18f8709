"""Excel workbooks: a sheet becomes CSV, whatever the file tries."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from lists.errors import FileRefused

MAGIC = b"PK\x03\x04"
MAX_BYTES = 30 * 1024 * 1024
MAX_UNPACKED = 300 * 1024 * 1024
MAX_ROWS = 200_000
_MAX_MEMORY = 1024 * 1024 * 1024  # address space, of which Python and the parser take a quarter
_SECONDS = 60
_READER = Path(__file__).with_name("workbook_reader.py")
_AS_CSV = "Open it in Excel, save the sheet as CSV UTF-8, and choose that file."


@dataclass(frozen=True)
class Sheets:
    names: list[str]
    read: str


def to_csv(workbook: IO[bytes], out: IO[bytes], sheet: str = "") -> Sheets:
    """Writes a sheet of the workbook as CSV in UTF-8, record n being row n of the sheet.

    The sheet is the one asked for, or the first visible one that holds anything. Dates become
    YYYY-MM-DD, formulas what they came to. Raises FileRefused.
    """
    with TemporaryFile() as copy:
        workbook.seek(0)
        while block := workbook.read(1 << 20):
            copy.write(block)
        _refuse_bombs(copy)
        copy.seek(0)
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_READER), sheet]
                + [str(limit) for limit in (MAX_ROWS, _MAX_MEMORY, _SECONDS)],
                stdin=copy,
                stdout=out,
                stderr=subprocess.PIPE,
                timeout=_SECONDS * 2,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FileRefused(f"This workbook takes too long to read. {_AS_CSV}") from error
    return _said(done, sheet)


def _refuse_bombs(file: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileRefused(f"This workbook is damaged and cannot be opened. {_AS_CSV}") from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise FileRefused("This workbook is encrypted. Take its password away and save it again.")
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        raise FileRefused(
            "This is a zip archive, not a workbook. Unpack it and choose the file in it."
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED:
        raise FileRefused(
            f"Unpacked, this workbook has {unpacked / 1024 / 1024:,.0f} MB; "
            f"{MAX_UNPACKED // 1024 // 1024} MB are the most. {_AS_CSV}"
        )


def _said(done: "subprocess.CompletedProcess[bytes]", sheet: str) -> Sheets:
    lines = done.stderr.decode(errors="replace").splitlines()
    if done.returncode or not lines:
        raise FileRefused(f"This workbook cannot be read: it is damaged or too large. {_AS_CSV}")
    said = json.loads(lines[-1])
    match said.get("error"):
        case "rows":
            raise FileRefused(
                f"The sheet has {said['detail']:,} rows; {MAX_ROWS:,} of a workbook can be "
                f"imported at once, more of a CSV file. {_AS_CSV}"
            )
        case "broken":
            raise FileRefused(f"This workbook is damaged and cannot be read. {_AS_CSV}")
    if not said["sheet"]:
        where = f"The sheet {sheet}" if sheet else "The workbook"
        raise FileRefused(f"{where} holds no rows.")
    return Sheets(said["sheets"], said["sheet"])
