"""Files of addresses to suppress: one a line, CSV with or without column names, what SES writes.

SES writes JSON (ListSuppressedDestinations, saved from its command line) and takes CSV or JSON, an
object a line, for its import jobs:
https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
Nothing but a whole JSON document is held in memory.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import IO, Any

import orjson

from lists.addresses import normalise
from lists.csvfile import inspect, read_records, survey
from lists.errors import FileRefused, InvalidAddress
from lists.models import SuppressionReason

MAX_JSON = 50 * 1024 * 1024
# In a cell beside the address, or as the value of "reason": ours, SES's, and other products' words.
_REASONS = {
    "bounce": SuppressionReason.HARD_BOUNCE,
    "bounced": SuppressionReason.HARD_BOUNCE,
    "hard_bounce": SuppressionReason.HARD_BOUNCE,
    "complaint": SuppressionReason.COMPLAINT,
    "complained": SuppressionReason.COMPLAINT,
    "spam": SuppressionReason.COMPLAINT,
    "soft_bounce": SuppressionReason.SOFT_BOUNCE,
    "provider": SuppressionReason.PROVIDER,
    "manual": SuppressionReason.MANUAL,
}
_JSON_ADDRESS = ("emailaddress", "email_address", "email", "address")
_FORMULA_STARTS = "=+-@"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with an address, and the reason that it names; or what is wrong with it."""

    number: int
    value: str
    email_norm: str = ""
    reason: SuppressionReason | None = None
    problem: str = ""


def count_lines(file: IO[bytes]) -> int:
    """How many entries a file has, after reading it once to its end.

    Raises FileRefused for what is no such file, or breaks off.
    """
    if _is_json(file):
        return sum(1 for _ in _entries(file))
    return survey(file, inspect(file, names=["address"]).format)


def read_lines(file: IO[bytes]) -> Generator[Line, None, None]:
    """The entries of a file, but for a line of column names. Raises FileRefused."""
    if _is_json(file):
        for number, entry in _entries(file):
            yield _line(number, *_of_json(entry))
        return
    records = read_records(file, inspect(file, names=["address"]).format)
    next(records)
    for position, (number, values) in enumerate(records):
        cells = [cell.strip() for cell in values]
        if not any(cells) or (position == 0 and _names_columns(cells)):
            continue
        address = next((cell for cell in cells if "@" in cell), "")
        words = next((cell for cell in cells if cell.lower() in _REASONS), "")
        yield _line(number, address or cells[0], words)


def _names_columns(cells: list[str]) -> bool:
    """Words, and no address: only the first line may be that."""
    return not any("@" in cell for cell in cells) and any(
        "mail" in cell.lower() or "address" in cell.lower() for cell in cells
    )


def _line(number: int, value: str, words: str) -> Line:
    # Our own exports keep spreadsheets from computing: '+a@example.com
    address = value[1:] if value[:1] == "'" and value[1:2] in _FORMULA_STARTS else value
    if "@" not in address:
        return Line(number, value[:200], problem="There is no address in this line.")
    try:
        email_norm = normalise(address).email_norm
    except InvalidAddress as error:
        return Line(number, value[:200], problem=error.message)
    return Line(number, value[:200], email_norm, _REASONS.get(words.lower()))


def _is_json(file: IO[bytes]) -> bool:
    file.seek(0)
    return file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _entries(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """(number, entry): lines that are an object each, or the parts of a whole document."""
    file.seek(0)
    first = file.readline().strip()
    try:
        by_line = isinstance(orjson.loads(first), dict) and bool(file.read(1))
    except orjson.JSONDecodeError:
        by_line = False
    file.seek(0)
    if not by_line:
        yield from enumerate(_document(file), start=1)
        return
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError:
                yield number, line.decode(errors="replace").strip()


def _document(file: IO[bytes]) -> list[Any]:
    text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise FileRefused(
            f"A JSON file may have {MAX_JSON // 1024 // 1024} MB. Save one object a line, or CSV."
        )
    try:
        found = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise FileRefused(f"This is no JSON: {error}.") from error
    if isinstance(found, dict):
        found = found.get("SuppressedDestinationSummaries", [found])
    if not isinstance(found, list):
        raise FileRefused("This JSON holds no list of addresses.")
    return found


def _of_json(entry: Any) -> tuple[str, str]:
    """Address and words of the reason, "" where there is none."""
    if isinstance(entry, str):
        return entry, ""
    if not isinstance(entry, dict):
        return "", ""
    values = {str(key).lower(): str(value) for key, value in entry.items()}
    address = next((values[name] for name in _JSON_ADDRESS if name in values), "")
    return address or str(entry)[:200], values.get("reason", "")
