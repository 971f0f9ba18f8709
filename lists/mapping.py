"""Which column of a file becomes what of a contact, and the reading of one row by it."""

import os
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import orjson

from lists.addresses import normalise_pair
from lists.errors import FieldRefused, FileRefused, InvalidAddress
from lists.fields import LENGTH, Value, parse
from lists.models import FieldKind

NAME_LENGTH = 120  # of Contact.first_name and last_name
FIELD_PREFIX = "field:"

TARGETS = {
    "email": "Email address",
    "first_name": "First name",
    "last_name": "Last name",
    "status": "Subscription status",
}

_SAME_NAMES = {
    "email": {"email", "emailaddress", "mail", "mailaddress", "subscriberemail"},
    "first_name": {"firstname", "fname", "givenname", "forename", "first"},
    "last_name": {"lastname", "lname", "surname", "familyname", "last"},
    "status": {"status", "subscriptionstatus", "subscriberstatus", "emailstatus", "state"},
}
# Letters that Unicode does not take apart into a plain one and its mark.
_UNDIVIDED = str.maketrans(
    {"æ": "ae", "ð": "d", "đ": "d", "\u0131": "i", "ł": "l", "ø": "o", "œ": "oe", "þ": "th"}
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class State(IntEnum):
    """What a status column says of a row. The higher one wins where a file says both."""

    ACTIVE = 0
    UNCONFIRMED = 1
    UNSUBSCRIBED = 2
    BOUNCED = 3
    COMPLAINED = 4


_STATE_WORDS = {
    State.ACTIVE: "active subscribed confirmed enabled optedin",
    State.UNCONFIRMED: "unconfirmed pending notconfirmed",
    State.UNSUBSCRIBED: "unsubscribed unsub inactive disabled optedout blocklisted blacklisted",
    State.BOUNCED: "bounced bounce hardbounce hardbounced cleaned suppressed",
    State.COMPLAINED: "complained complaint spam abuse junk",
}
_STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split()}


@dataclass(frozen=True)
class RowRefused(Exception):
    column: str
    value: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Rows read and ready to be written, with what is wrong in the others."""

    first: int  # rows of the file before this chunk
    rows: int = 0
    lines: list[str] = field(default_factory=list)  # COPY text format, columns of COPY_COLUMNS
    # A status that stops mail counts even where its row repeats an earlier address.
    stops: dict[str, State] = field(default_factory=dict)
    invalid: list[tuple[int, str, str, str]] = field(default_factory=list)
    duplicates: list[tuple[int, str, int]] = field(default_factory=list)


COPY_COLUMNS = "line, public_id, email, email_norm, first_name, last_name, fields, state"


def field_key(column: str) -> str:
    """The name of a contact's own field in merge tags: lower case, digits and _ only.

    "" where no letter of the column's name can be written so.
    """
    letters = unicodedata.normalize("NFKD", column.casefold().translate(_UNDIVIDED))
    plain = letters.encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:60]
    return f"f_{key}" if key[:1].isdigit() else key


def in_words(target: str, labels: Mapping[str, str]) -> str:
    """What a target is called on a page; `labels` are those of the fields, by key."""
    if not target:
        return "Skipped"
    key = target.removeprefix(FIELD_PREFIX)
    return TARGETS.get(target) or f"Field {labels.get(key, key)}"


def split_kind(target: str) -> tuple[str, FieldKind]:
    """A chosen target and the kind of its field, where a new one is wanted: field:key:kind."""
    head, _, kind = target.rpartition(":")
    if target.startswith(FIELD_PREFIX) and head.startswith(FIELD_PREFIX):
        return head, FieldKind(kind)
    return target, FieldKind.STRING


def suggest(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, str]:
    """Column -> email, first_name, last_name, status or field:<key>; every column has one.

    Raises FileRefused where no column holds addresses, or the names of the columns are missing.
    """
    if any(_is_address(name) for name in columns):
        raise FileRefused(
            "The first line holds an address, not the names of the columns. Put a line such as "
            "email,first_name,last_name above it."
        )
    mapping: dict[str, str] = {}
    for index, column in enumerate(columns):
        plain = re.sub(r"[^a-z]", "", column.lower())
        target = next((name for name, same in _SAME_NAMES.items() if plain in same), "")
        values = [row[index] for row in sample if index < len(row) and row[index].strip()]
        if target == "status" and not all(_state(value) is not None for value in values):
            target = ""
        if not target or target in mapping.values():
            target = FIELD_PREFIX + (field_key(column) or f"column_{index + 1}")
            if target in mapping.values():
                target += f"_{index + 1}"
        mapping[column] = target
    if "email" not in mapping.values():
        mapping[_column_of_addresses(columns, sample)] = "email"
    return mapping


def _column_of_addresses(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> str:
    for index, column in enumerate(columns):
        values = [row[index] for row in sample if index < len(row)]
        if sum(map(_is_address, values)) * 2 > len(values):
            return column
    raise FileRefused(
        f"No column holds email addresses. The columns found are: {', '.join(columns)[:200]}."
    )


def _is_address(value: str) -> bool:
    try:
        normalise_pair(value)
    except InvalidAddress:
        return False
    return True


def _state(value: str) -> State | None:
    return _STATES.get(re.sub(r"[^a-z]", "", value.lower())) if value.strip() else State.ACTIVE


def public_ids() -> Iterator[str]:
    """Random UUIDs of version 7 (RFC 9562): 74 random bits behind the time.

    Made in bulk at a tenth of the cost of uuid4(); in order of time, so that a million of them
    go into an index at its end instead of all over it.
    """
    while True:
        now = f"{time.time_ns() // 1_000_000:012x}"
        raw = os.urandom(10 * 256).hex()
        for at in range(0, len(raw), 20):
            yield f"{now}7{raw[at : at + 3]}a{raw[at + 3 : at + 18]}"


class RowReader:
    """Reads the values of one record into a line for COPY."""

    def __init__(
        self, columns: Sequence[str], mapping: Mapping[str, str], kinds: Mapping[str, str]
    ) -> None:
        """`kinds` are those of the contact fields, by key; others are text."""
        self._columns = columns
        at = {target: columns.index(column) for column, target in mapping.items()}
        self._email = at["email"]
        self._first = at.get("first_name")
        self._last = at.get("last_name")
        self._status = at.get("status")
        keys = [
            (target.removeprefix(FIELD_PREFIX), index)
            for target, index in at.items()
            if target.startswith(FIELD_PREFIX)
        ]
        self._fields = [
            (key, index, kinds.get(key, FieldKind.STRING) != FieldKind.STRING)
            for key, index in keys
        ]
        self._kinds = kinds
        self._ids = public_ids()

    def read(self, line: int, values: list[str]) -> tuple[str, State, str]:
        """(normalised address, state, COPY line). Raises RowRefused for what cannot be stored."""
        missing = len(self._columns) - len(values)
        if missing > 0:
            values = values + [""] * missing
        elif missing < 0 and any(values[missing:]):
            raise RowRefused(
                "",
                values[len(self._columns)],
                f"The line has {len(values)} values for {len(self._columns)} columns. A value "
                "with the delimiter in it has to be in quotes.",
            )
        try:
            email, email_norm = normalise_pair(values[self._email])
        except InvalidAddress as error:
            raise RowRefused(
                self._columns[self._email], values[self._email], error.message
            ) from error
        first = "" if self._first is None else self._name(values, self._first)
        last = "" if self._last is None else self._name(values, self._last)
        state = State.ACTIVE if self._status is None else self._read_state(values, self._status)
        fields = self._read_fields(values) if self._fields else "{}"
        copied = (
            f"{line}\t{next(self._ids)}\t{email}\t{email_norm}\t{first}\t{last}\t{fields}"
            f"\t{state:d}\n"
        )
        return email_norm, state, copied

    def _name(self, values: list[str], index: int) -> str:
        value = " ".join(values[index].split())
        if len(value) > NAME_LENGTH:
            raise self._too_long(index, value, NAME_LENGTH)
        return self._copied(value, index)

    def _copied(self, value: str, index: int) -> str:
        if not value.isprintable() and _CONTROLS.search(value):
            raise RowRefused(
                self._columns[index], value, "The value holds a control character; delete it."
            )
        return value.replace("\\", "\\\\") if "\\" in value else value

    def _read_state(self, values: list[str], index: int) -> State:
        state = _state(values[index])
        if state is None:
            raise RowRefused(
                self._columns[index],
                values[index],
                "This status is none that we know: active, unconfirmed, unsubscribed, bounced or "
                "complained.",
            )
        return state

    def _read_fields(self, values: list[str]) -> str:
        found: dict[str, Value] = {}
        for key, index, is_typed in self._fields:
            value = values[index].strip()
            if not value:
                continue  # a blank value overwrites nothing
            if is_typed:
                found[key] = self._typed(key, value, index)
                continue
            if len(value) > LENGTH:
                raise self._too_long(index, value, LENGTH)
            if not value.isprintable():
                self._copied(value, index)
            found[key] = value
        return orjson.dumps(found).decode().replace("\\", "\\\\")

    def _typed(self, key: str, value: str, index: int) -> Value:
        try:
            return parse(self._kinds[key], value)
        except FieldRefused as error:
            raise RowRefused(self._columns[index], value, error.message) from error

    def _too_long(self, index: int, value: str, most: int) -> RowRefused:
        return RowRefused(
            self._columns[index],
            value,
            f"The value has {len(value):,} characters; {most:,} are the most.",
        )
