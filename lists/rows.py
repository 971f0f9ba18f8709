"""Rows of a table, read into lines that PostgreSQL copies: half of what an import costs."""

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from lists.addresses import normalise_pair
from lists.consent_columns import Said, said_by, says_who_is_mailed
from lists.errors import FieldRefused, InvalidAddress
from lists.fields import LENGTH, Value, parse
from lists.hygiene import Hygiene, hygiene_of, plain_person
from lists.mapping import FIELD_PREFIX, NAME_LENGTH, State
from lists.models import FieldKind
from lists.seen import Seen

Record = tuple[int, list[str]]  # the line it begins on, its values

COPY_COLUMNS = "email_norm, line, email, first_name, last_name, fields, state, public_id"

_REFUSED = "Whoever reads this address reports spam: a mail to it counts as a complaint."
_NO_STATUS = (
    "This status is none that we know: active, unconfirmed, unsubscribed, blocked, bounced or "
    "complained. Yes and no are read in a column named such as Subscribed or Unsubscribed."
)
_NO_ANSWER = "This is neither yes nor no, nor a status that we know. Write yes or no."
_REMEMBERED = 120_000  # values of all columns together, each short
_SHORT = 40  # characters
# What is asked of each row, by names of ours: Python 3.11 is slow to find members of an Enum.
_LEFT, _WRITTEN = State.UNSUBSCRIBED, {state: str(int(state)) for state in State}
_PERSON, _ROLE, _COMPLAINTS = Hygiene.PERSON, Hygiene.ROLE, Hygiene.REFUSED
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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
    kept: int = 0  # rows to write, which are `copy`
    copy: bytes = b""  # COPY text format, columns of COPY_COLUMNS
    # A status that stops mail counts even where its row repeats an earlier address.
    stops: dict[str, State] = field(default_factory=dict)
    invalid: list[tuple[int, str, str, str]] = field(default_factory=list)
    duplicates: list[tuple[int, str, int]] = field(default_factory=list)
    role: list[tuple[int, str]] = field(default_factory=list)
    disposable: list[tuple[int, str]] = field(default_factory=list)
    stopped: int = 0  # rows whose status stops mail
    unconfirmed: int = 0  # rows that wait for a confirmation by their status


def public_ids(count: int) -> list[str]:
    """UUIDs of version 7 (RFC 9562) with 72 random bits behind the time, without dashes.

    They go into their index at its end; made in bulk, at a tenth of what uuid4() or PostgreSQL's
    uuidv7() cost.
    """
    now = f"{time.time_ns() // 1_000_000:012x}7"
    raw = os.urandom(9 * count).hex("\n", 9).split()
    return [f"{now}{random[:3]}a{random[3:]}" for random in raw]


class Remembered(dict[str, Any]):
    """What a function makes of a text, looked up where it was asked before.

    A hit costs a third of what functools.lru_cache takes, which asks two questions of Python.
    """

    def __init__(self, function: Callable[[str], Any], most: int) -> None:
        super().__init__()
        self._function = function
        self._most = most

    def __missing__(self, text: str) -> Any:
        made = self._function(text)
        if len(text) <= _SHORT:
            if len(self) >= self._most:
                self.clear()
            self[text] = made
        return made


class RowReader:
    """Reads the values of records into lines for COPY."""

    def __init__(
        self,
        columns: Sequence[str],
        mapping: Mapping[str, str],
        kinds: Mapping[str, str],
        state: State = State.ACTIVE,
        words: Mapping[str, State] | None = None,
    ) -> None:
        """`kinds` are those of the contact fields, by key; others are text. `state` is that of
        rows without a status; `words` are statuses that a product writes besides the usual ones.
        """
        self._columns = columns
        at = {target: columns.index(column) for column, target in mapping.items()}
        self._email = at["email"]
        self._first_name = at.get("first_name")
        self._last_name = at.get("last_name")
        self._state = state
        own = [target for target in at if target.startswith(FIELD_PREFIX)]
        # First names, cities and days repeat: each is looked at once.
        most = _REMEMBERED // (len(own) + 3)
        self._first = Remembered(partial(self._read_name, self._first_name or 0), most)
        self._last = Remembered(partial(self._read_name, self._last_name or 0), most)
        self._statuses = [
            (index, Remembered(partial(self._read_state, index, said_by(name, state, words)), most))
            for index, name in enumerate(columns)
            if mapping.get(name) == "status"
        ]
        self._fields = [
            (at[target], Remembered(self._field_reader(target, at[target], kinds), most))
            for target in own
        ]

    def read(
        self, records: Iterable[Record], seen: Seen, chunk: Chunk, ids: list[str]
    ) -> list[str]:
        """Reads records into lines for COPY, and into the chunk what is wrong in those that cannot
        be stored; `ids` are public_ids() for at least as many.

        The loop is most of what Python does in an import; what it asks of each row is written out
        in it, and what is not usual is left to the functions below.
        """
        columns, fields = len(self._columns), self._fields
        first_of, last_of, statuses = self._first, self._last, self._statuses
        email_at, usual = self._email, self._state
        first_at, last_at = self._first_name, self._last_name
        lines: list[str] = []
        remember, keep = seen.add, lines.append
        next_id = ids.pop
        for line, values in records:
            chunk.rows += 1
            try:
                if len(values) != columns:
                    values = self._fitted(values, columns)  # noqa: PLW2901
                email = values[email_at]
                if email_norm := plain_person(email):
                    hygiene = _PERSON
                else:
                    email, email_norm, hygiene = self._address(email)
                first = "" if first_at is None else first_of[values[first_at]]
                last = "" if last_at is None else last_of[values[last_at]]
                # Where the columns differ, the strictest holds.
                state = max([said[values[at]] for at, said in statuses]) if statuses else usual
                # Blank values are no part of it: they overwrite nothing.
                found = ",".join([text for at, read in fields if (text := read[values[at]])])
            except RowRefused as refused:
                chunk.invalid.append((line, refused.column, refused.value, refused.reason))
                continue
            if state:
                self._count(chunk, email_norm, state)
            if earlier := remember(email_norm, line):
                chunk.duplicates.append((line, email_norm, earlier))
                continue
            keep(
                f"{email_norm}\t{line}\t{email}\t{first}\t{last}\t{{{found}}}"
                f"\t{_WRITTEN[state]}\t{next_id()}\n"
            )
            if hygiene is not _PERSON:
                named = chunk.role if hygiene is _ROLE else chunk.disposable
                named.append((line, email_norm))
        return lines

    def _count(self, chunk: Chunk, email_norm: str, state: State) -> None:
        if state < _LEFT:
            chunk.unconfirmed += 1
        else:
            chunk.stopped += 1
            chunk.stops[email_norm] = max(state, chunk.stops.get(email_norm, state))

    def _address(self, value: str) -> tuple[str, str, Hygiene]:
        try:
            email, email_norm = normalise_pair(value)
        except InvalidAddress as error:
            raise self._refused(self._email, value, error.message) from error
        hygiene = hygiene_of(email_norm)
        if hygiene is _COMPLAINTS:
            raise self._refused(self._email, email, _REFUSED)
        return email, email_norm, hygiene

    def _fitted(self, values: list[str], columns: int) -> list[str]:
        if len(values) < columns:
            return values + [""] * (columns - len(values))
        if any(values[columns:]):
            raise RowRefused(
                "",
                values[columns],
                f"The line has {len(values)} values for {columns} columns. A value with the "
                "delimiter in it has to be in quotes.",
            )
        return values

    def _read_name(self, index: int, value: str) -> str:
        value = " ".join(value.split())
        if len(value) > NAME_LENGTH:
            raise self._too_long(index, value, NAME_LENGTH)
        self._check(value, index)
        return value.replace("\\", "\\\\")

    def _read_state(self, index: int, said: Said, text: str) -> State:
        state = said(text)
        if state is None:
            raise self._refused(
                index, text, _NO_ANSWER if says_who_is_mailed(self._columns[index]) else _NO_STATUS
            )
        return state

    def _field_reader(
        self, target: str, index: int, kinds: Mapping[str, str]
    ) -> Callable[[str], str]:
        """A function from a cell to `"key":value` in JSON, escaped for COPY; "" for a blank one."""
        key = target.removeprefix(FIELD_PREFIX)
        kind = FieldKind(kinds.get(key, FieldKind.STRING))
        named = f"{orjson.dumps(key).decode()}:"

        def read(text: str) -> str:
            text = text.strip()
            return named + self._value(text, index, kind) if text else ""

        return read

    def _value(self, text: str, index: int, kind: FieldKind) -> str:
        value: Value = text
        if kind != FieldKind.STRING:
            try:
                value = parse(kind, text)
            except FieldRefused as error:
                raise self._refused(index, text, error.message) from error
        elif len(text) > LENGTH:
            raise self._too_long(index, text, LENGTH)
        else:
            self._check(text, index)
        return orjson.dumps(value).decode().replace("\\", "\\\\")

    def _check(self, value: str, index: int) -> None:
        if not value.isprintable() and _CONTROLS.search(value):
            raise self._refused(index, value, "The value holds a control character; delete it.")

    def _too_long(self, index: int, value: str, most: int) -> RowRefused:
        return self._refused(
            index, value, f"The value has {len(value):,} characters; {most:,} are the most."
        )

    def _refused(self, index: int, value: str, reason: str) -> RowRefused:
        return RowRefused(self._columns[index], value, reason)
