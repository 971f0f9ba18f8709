"""Values of contact fields: text as people write it, JSON as it is kept."""

import math
import re
from datetime import date, datetime
from decimal import Decimal

from lists.errors import FieldRefused
from lists.models import FieldKind

LENGTH = 1000

Value = str | int | float | bool

_YES, _NO = {"yes", "true", "1", "on", "y"}, {"no", "false", "0", "off", "n"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# The day first, with dots: the one other way to write a date that cannot be read as another day.
_DATES = ("%Y-%m-%d", "%d.%m.%Y")
# JSON's readers, ours too, keep integers exact up to here.
_LARGEST = 2**53


def parse(kind: str, text: str) -> Value:
    """The value that a text which is not blank stands for; a date as YYYY-MM-DD.

    Raises FieldRefused with a sentence that says how to write it.
    """
    text = text.strip()
    match kind:
        case FieldKind.NUMBER:
            return _number(text)
        case FieldKind.BOOLEAN:
            return _boolean(text)
        case FieldKind.DATE:
            return _date(text)
        case _:
            return _string(text)


def from_json(kind: str, value: object) -> Value:
    """The value that a program gives: of JSON's own kind, or text that parse() reads.

    Raises FieldRefused.
    """
    text = from_json_text(kind, value)
    if not text.strip():
        raise _not_of(kind)
    return parse(kind, text)


def from_json_text(kind: str, value: object) -> str:
    """What a program gives, as the text that parse() reads; blank where it gives a blank text.

    Raises FieldRefused for JSON of another kind.
    """
    if isinstance(value, bool):
        if kind == FieldKind.BOOLEAN:
            return "yes" if value else "no"
    elif isinstance(value, (int, float)):
        if kind == FieldKind.NUMBER:
            return f"{Decimal(repr(value)):f}"
    elif isinstance(value, str):
        return value
    raise _not_of(kind)


def _not_of(kind: str) -> FieldRefused:
    return FieldRefused(f"This is no value of the kind {kind}.")


def show(value: Value) -> str:
    """A value in words, as parse() reads it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def is_of_kind(kind: str, value: Value) -> bool:
    """Whether a kept value is one of this kind."""
    match kind:
        case FieldKind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case FieldKind.BOOLEAN:
            return isinstance(value, bool)
        case FieldKind.DATE:
            return isinstance(value, str) and _DAY.fullmatch(value) is not None
        case _:
            return isinstance(value, str)


def _string(text: str) -> str:
    if len(text) > LENGTH:
        raise FieldRefused(f"{len(text):,} characters are too many; {LENGTH:,} are the most.")
    if "\0" in text:
        raise FieldRefused("A NUL character cannot be stored; delete it.")
    return text


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise FieldRefused("This is not a number. Write it like 1200 or -3.5, without commas.")
    return _in_range(float(text))


def _in_range(number: float) -> int | float:
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise FieldRefused(f"This number is too large; {_LARGEST:,} is the most.")
    return int(number) if float(number).is_integer() else number


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO:
        raise FieldRefused("This is neither yes nor no. Write yes, no, true, false, 1 or 0.")
    return word in _YES


def _date(text: str) -> str:
    # A time behind it, as databases write it, is left out.
    day = re.split(r"[ T]", text, maxsplit=1)[0]
    for written in _DATES:
        try:
            found: date = datetime.strptime(day, written).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
        return found.isoformat()
    raise FieldRefused("This is not a date. Write it like 2026-03-31 or 31.03.2026.")
