"""One row of a table, read into a line that PostgreSQL copies: what costs most of an import.

What most values are, a word of letters and digits, passes by one test; everything else takes the
long way, which accepts the same and says what is wrong with the rest.
"""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from lists.addresses import normalise_pair
from lists.errors import FieldRefused, InvalidAddress
from lists.fields import LENGTH, Value, parse
from lists.hygiene import Hygiene, hygiene_of
from lists.mapping import FIELD_PREFIX, NAME_LENGTH, State, state_of
from lists.models import FieldKind

COPY_COLUMNS = "public_id, email_norm, line, email, first_name, last_name, fields, state"

_REFUSED = "Whoever reads this address reports spam: a mail to it counts as a complaint."
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
    lines: list[str] = field(default_factory=list)  # COPY text format, columns of COPY_COLUMNS
    # A status that stops mail counts even where its row repeats an earlier address.
    stops: dict[str, State] = field(default_factory=dict)
    invalid: list[tuple[int, str, str, str]] = field(default_factory=list)
    duplicates: list[tuple[int, str, int]] = field(default_factory=list)
    role: list[tuple[int, str]] = field(default_factory=list)
    disposable: list[tuple[int, str]] = field(default_factory=list)


def finished(chunk: Chunk) -> Chunk:
    """The chunk with its rows in order of address, each with a public id.

    Neighbours in the indexes are then written one after the other. The ids are UUIDs of version 7
    (RFC 9562) with 74 random bits behind the time, so they go into their index at its end; made
    here in bulk, at a tenth of what uuid4() or PostgreSQL's uuidv7() cost.
    """
    chunk.lines.sort()
    now = f"{time.time_ns() // 1_000_000:012x}7"
    raw = os.urandom(10 * len(chunk.lines)).hex()
    chunk.lines = [
        f"{now}{raw[at : at + 3]}a{raw[at + 3 : at + 18]}\t{line}"
        for at, line in zip(range(0, len(raw), 20), chunk.lines, strict=True)
    ]
    return chunk


class RowReader:
    """Reads the values of one record into a line for COPY."""

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
        self._names = [
            (index, slot)
            for slot, target in enumerate(("first_name", "last_name"))
            if (index := at.get(target)) is not None
        ]
        self._status = at.get("status")
        self._state = state
        self._words = words or {}
        self._fields: list[tuple[str, int, FieldKind]] = []
        for target, index in at.items():
            if target.startswith(FIELD_PREFIX):
                key = target.removeprefix(FIELD_PREFIX)
                kind = FieldKind(kinds.get(key, FieldKind.STRING))
                self._fields.append((f"{orjson.dumps(key).decode()}:", index, kind))

    def read(self, line: int, values: list[str]) -> tuple[str, State, Hygiene, str]:
        """(normalised address, state, whose address it is, COPY line).

        Raises RowRefused for what cannot be stored.
        """
        columns = len(self._columns)
        if len(values) != columns:
            values = self._fitted(values, columns)
        try:
            email, email_norm = normalise_pair(values[self._email])
        except InvalidAddress as error:
            raise self._refused(self._email, values[self._email], error.message) from error
        hygiene = hygiene_of(email_norm)
        if hygiene is Hygiene.REFUSED:
            raise self._refused(self._email, email, _REFUSED)
        names = ["", ""]
        for index, slot in self._names:
            name = values[index]
            names[slot] = (
                name if name.isalnum() and len(name) <= NAME_LENGTH else (self._name(name, index))
            )
        state = self._state
        if self._status is not None and (word := values[self._status]):
            state = self._read_state(word, self._status)
        found = []
        for key, index, kind in self._fields:
            value = values[index]
            if kind == "string" and value.isalnum() and len(value) <= LENGTH:
                found.append(f'{key}"{value}"')
            elif value and not value.isspace():  # a blank value overwrites nothing
                found.append(key + self._value(value.strip(), index, kind))
        return (
            email_norm,
            state,
            hygiene,
            f"{email_norm}\t{line}\t{email}\t{names[0]}\t{names[1]}"
            f"\t{{{','.join(found)}}}\t{state:d}\n",
        )

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

    def _name(self, value: str, index: int) -> str:
        value = " ".join(value.split())
        if len(value) > NAME_LENGTH:
            raise self._too_long(index, value, NAME_LENGTH)
        self._check(value, index)
        return value.replace("\\", "\\\\")

    def _read_state(self, word: str, index: int) -> State:
        state = state_of(word, self._state, self._words)
        if state is None:
            raise self._refused(
                index,
                word,
                "This status is none that we know: active, unconfirmed, unsubscribed, blocked, "
                "bounced or complained.",
            )
        return state

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
