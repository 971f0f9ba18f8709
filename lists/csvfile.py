"""CSV files as people have them: found out, checked from end to end, then read in a stream.

Nothing here keeps more than a block of the file in memory.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO

from lists.charsets import find_encoding
from lists.errors import FileRefused

MAX_BYTES = 200 * 1024 * 1024
MAX_ROWS = 5_000_000
MAX_COLUMNS = 200
MAX_COLUMN_NAME = 190
MAX_VALUE = 100_000  # characters; a longer one is a quote that is not closed
MAX_LINE = 1_000_000  # characters
SAMPLE_ROWS = 50

_BLOCK = 256 * 1024
_HEAD = 64 * 1024
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
_OTHER_KINDS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
_OLE = b"\xd0\xcf\x11\xe0"
_WEB_PAGE = (b"<!doctype html", b"<html", b"<?xml")

csv.field_size_limit(MAX_VALUE)


@dataclass(frozen=True)
class CsvFormat:
    encoding: str
    delimiter: str
    names_line: int = 1  # 2 behind Excel's "sep=;", 0 where no line names the columns
    by_record: bool = False  # records are counted, not lines: of a workbook, whose rows they are


@dataclass(frozen=True)
class CsvHead:
    """What a file says of itself: its format, its columns (unique names), its first rows."""

    format: CsvFormat
    columns: list[str]
    sample: list[list[str]]


def inspect(
    file: IO[bytes],
    encoding: str = "",
    delimiter: str = "",
    *,
    names: Sequence[str] = (),
    by_record: bool = False,
) -> CsvHead:
    """Format, columns and first rows; `encoding` and `delimiter` where a person knows better.

    `names` are the columns of a file whose first line does not name them. Raises FileRefused for
    what is not a CSV.
    """
    file.seek(0)
    head = file.read(_HEAD)
    whole = len(head) < _HEAD
    _refuse_other_kinds(head)
    encoding = encoding or find_encoding(file, head)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError as error:
        raise _no_text(_lines(head[: error.start], encoding) + 1, error, encoding) from error
    _refuse_nul(text, line=1)
    if not whole:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    fmt = _find_format(text, encoding)
    fmt = replace(
        fmt,
        delimiter=delimiter or fmt.delimiter,
        names_line=0 if names else fmt.names_line,
        by_record=by_record,
    )
    records: list[list[str]] = []
    try:
        for _, values in _parse(io.StringIO(text, newline=""), fmt):
            records.append(values)
            if len(records) > SAMPLE_ROWS:
                break
    except FileRefused:
        if whole or len(records) < 2:
            raise
    if not records:
        raise FileRefused("The file holds no rows.")
    if names:
        records[0] = [*names, *[""] * (len(records[-1]) - len(names))]
    columns = _name_columns(records[0])
    if len(records) == 1:
        raise FileRefused("The file has column names but no rows below them.")
    return CsvHead(fmt, columns, records[1:])


def survey(file: IO[bytes], fmt: CsvFormat) -> int:
    """Reads the whole file once and returns how many rows it has below the column names.

    Raises FileRefused, naming the line, for anything that would stop a later reading: bytes that
    are not text in this encoding, NUL, a line or value without end, broken quotes, too many rows.
    """
    rows = _check_text(file, fmt.encoding)
    if rows is None:
        rows = sum(1 for _ in read_records(file, fmt)) - 1
    else:
        rows -= fmt.names_line
    if rows > MAX_ROWS:
        raise FileRefused(
            f"The file has {rows:,} rows; {MAX_ROWS:,} can be imported at once. "
            "Split it and import the parts one after the other."
        )
    return rows


def read_records(file: IO[bytes], fmt: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, values) of each record that is not empty, the column names first.

    Raises FileRefused, naming the line, where the quotes are broken.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=fmt.encoding, newline="")
    try:
        yield from _parse(text, fmt)
    finally:
        text.detach()


def _parse(text: io.TextIOBase, fmt: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """As read_records(); where no line names the columns, one without a value comes first."""
    if not fmt.names_line:
        yield 0, []
    for _ in range(1, fmt.names_line):
        text.readline()
    reader = csv.reader(text, delimiter=fmt.delimiter, strict=True)
    first = line = max(fmt.names_line, 1)
    try:
        if fmt.by_record:
            for line, values in enumerate(reader, first):
                if values:
                    yield line, values
            return
        for values in reader:
            if values:
                yield line, values
            line = first + reader.line_num
    except csv.Error as error:
        raise FileRefused(
            f"From line {line:,} on, the quotes are not right ({error}). A value with quotes in "
            'it is written "say ""yes""", and every quote has to be closed.'
        ) from error


def _refuse_other_kinds(head: bytes) -> None:
    if not head.strip():
        raise FileRefused("The file is empty.")
    if head.startswith(_OLE):
        raise FileRefused(
            "This is an old Excel workbook (.xls), or one with a password. Save it as .xlsx "
            "without a password, or as CSV UTF-8, and choose that file."
        )
    for magic, kind in _OTHER_KINDS:
        if head.startswith(magic):
            raise FileRefused(
                f"This is {kind}, not a CSV file. Save the table as CSV (in Excel: CSV UTF-8) "
                "and choose that file."
            )
    if head.lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:15].lower().startswith(_WEB_PAGE):
        raise FileRefused("This is a web page, not a CSV file. Download the export itself.")


def _find_format(text: str, encoding: str) -> CsvFormat:
    first = text.partition("\n")[0].strip()
    if len(first) == 5 and first.lower().startswith("sep="):
        return CsvFormat(encoding, first[4], names_line=2)
    lines = text.splitlines(keepends=True)[:30]

    def score(delimiter: str) -> int:
        """High where the lines fall into many columns, and each into as many as the first."""
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths or widths[0] < 2:
            return 0
        return widths.count(widths[0]) * 1000 // len(widths) + widths[0]

    return CsvFormat(encoding, max(DELIMITERS, key=score))


def _name_columns(header: list[str]) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise FileRefused(
            f"The file has {len(header):,} columns; {MAX_COLUMNS} are the most. "
            "Delete those that you do not need."
        )
    names: list[str] = []
    for number, cell in enumerate(header, start=1):
        name = base = " ".join(cell.split()) or f"Column {number}"
        if len(name) > MAX_COLUMN_NAME:
            raise FileRefused(
                f"The name of column {number} is {len(name):,} characters long. The first line "
                "has to hold the names of the columns."
            )
        again = 2
        while name in names:
            name, again = f"{base} ({again})", again + 1
        names.append(name)
    return names


def _check_text(file: IO[bytes], encoding: str) -> int | None:
    """Every byte is text, no NUL, no line without end; raises FileRefused with the line.

    Returns how many lines are not empty where nothing is quoted and no value too long: then these
    are the records, and the csv module need not say so, which takes ten times as long.
    """
    plain = _PlainLines()
    file.seek(0)
    raw = codecs.getincrementaldecoder(encoding)()
    decoder = io.IncrementalNewlineDecoder(raw, translate=True)
    line, length, more = 1, 0, True
    while more:
        block = file.read(_BLOCK)
        more = bool(block)
        try:
            text = decoder.decode(block, final=not more)
        except UnicodeDecodeError as error:
            line += _lines(error.object[: error.start], encoding)
            raise _no_text(line, error, encoding) from error
        _refuse_nul(text, line)
        end = text.find("\n")
        length += end if end >= 0 else len(text)
        if length > MAX_LINE:
            raise FileRefused(
                f"Line {line:,} is longer than {MAX_LINE:,} characters: this is not a CSV file."
            )
        if end >= 0:
            length = len(text) - text.rfind("\n") - 1
        line += text.count("\n")
        plain.add(text)
    return plain.count


def _refuse_nul(text: str, line: int) -> None:
    """PostgreSQL stores no NUL. `line` is the one that the text begins on."""
    before, nul, _ = text.partition("\0")
    if nul:
        line += before.count("\n")
        raise FileRefused(f"Line {line:,} holds a NUL character: this is not a CSV file.")


class _PlainLines:
    """Counts the lines that are not empty in a text that comes in blocks."""

    def __init__(self) -> None:
        self._whole = 0
        self._open = 0  # characters of the line that has not ended yet
        self._plain = True

    @property
    def count(self) -> int | None:
        """None where a line has quotes or may be too long for one value."""
        return self._whole + bool(self._open) if self._plain else None

    def add(self, text: str) -> None:
        lengths = list(map(len, text.split("\n")))
        lengths[0] += self._open
        self._plain = self._plain and '"' not in text and max(lengths) <= MAX_VALUE
        self._open = lengths.pop()
        self._whole += len(lengths) - lengths.count(0)


def _lines(raw: bytes, encoding: str) -> int:
    """How many lines end in these bytes."""
    text = raw.decode(encoding, errors="ignore")
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _no_text(line: int, error: UnicodeDecodeError, encoding: str) -> FileRefused:
    return FileRefused(
        f"Line {line:,} holds a byte (0x{error.object[error.start]:02x}) that is no text in "
        f"{encoding}, which the rest of the file is in. Save the file again as CSV UTF-8. "
        "Nothing of it was imported."
    )
