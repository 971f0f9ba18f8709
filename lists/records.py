"""Contacts as a program sends them, turned into the table that the import engine reads.

Their shape is looked at here, and one that is wrong stops them all: it is a mistake of the program.
Whether an address can be mailed and a value be kept is the engine's to say, record by record.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from lists.errors import FieldRefused, RecordsRefused
from lists.fields import from_json_text
from lists.mapping import FIELD_PREFIX

MOST_RECORDS = 10_000
# Far beyond what any value may have, so that the engine says so; and a row stays short.
MOST_CHARACTERS = 2_000

_NAMES = ("email", "first_name", "last_name")
_KNOWN = {*_NAMES, "fields"}


def to_table(records: Sequence[Any], kinds: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Column -> what it becomes of a contact, and the records as CSV in UTF-8.

    `kinds` are those of the workspace's fields, by key; a field has a column where a record names
    it. Raises RecordsRefused for more than MOST_RECORDS, and for the first whose shape is wrong.
    """
    if not records or len(records) > MOST_RECORDS:
        raise RecordsRefused(f"Send 1 to {MOST_RECORDS:,} contacts.", param="contacts")
    used: dict[str, None] = {}
    read = [_read(number, record, kinds, used) for number, record in enumerate(records)]
    columns = {name: name for name in _NAMES} | {
        f"fields.{key}": FIELD_PREFIX + key for key in used
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="")
    writer.writeheader()
    writer.writerows(read)
    return columns, text.getvalue().encode()


def _read(
    number: int, record: Any, kinds: Mapping[str, str], used: dict[str, None]
) -> dict[str, str]:
    at = f"contacts.{number}"
    if not isinstance(record, dict):
        raise RecordsRefused("A contact is an object.", param=at)
    for name in record:
        if name not in _KNOWN:
            raise RecordsRefused(
                f"There is no field {name[:60]!r} here. Known fields: {', '.join(sorted(_KNOWN))}.",
                param=f"{at}.{name[:60]}",
            )
    if "email" not in record:
        raise RecordsRefused("Every contact has an address.", param=f"{at}.email")
    found = {name: _text(record[name], f"{at}.{name}") for name in _NAMES if name in record}
    fields = record.get("fields", {})
    if not isinstance(fields, dict):
        raise RecordsRefused("Fields are an object.", param=f"{at}.fields")
    for key, value in fields.items():
        path = f"{at}.fields.{key[:60]}"
        if key not in kinds:
            message = f"Contacts have no field {key[:60]!r}. POST /fields makes it."
            raise RecordsRefused(message, param=path)
        try:
            text = from_json_text(kinds[key], value)
        except FieldRefused as error:
            raise RecordsRefused(error.message, param=path) from error
        found[f"fields.{key}"] = _text(text, path)
        used[key] = None
    return found


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise RecordsRefused("Write it as text.", param=path)
    if len(value) > MOST_CHARACTERS:
        raise RecordsRefused(
            f"{len(value):,} characters are too many for a value of a contact.", param=path
        )
    return value
