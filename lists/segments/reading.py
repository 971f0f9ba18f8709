"""Definitions as JSON: read with every error named by its group and condition, and written."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from lists import fields
from lists.errors import FieldRefused, SegmentRefused
from lists.models import FieldKind
from lists.segments.language import (
    LONGEST_TEXT,
    MOST_CONDITIONS,
    MOST_DAYS,
    MOST_GROUPS,
    SOURCES,
    Condition,
    Definition,
    Takes,
    operators_of,
)

_CHOOSE = {
    Takes.TAG: "Choose a tag.",
    Takes.LIST: "Choose a list.",
    Takes.CAMPAIGN: "Choose a campaign.",
}


class _Wrong(Exception):
    """A condition that cannot be read, in words."""


def parse(document: Any) -> Definition:
    """The definition that a JSON document holds: {"groups": [[{"what", "op", "values"}]]}.

    Numbers may be strings, as a form posts them. Whether the lists, tags, fields and campaigns
    exist is not asked here: names.Names says that, whenever the definition is used.

    Raises SegmentRefused with all that is wrong.
    """
    if not isinstance(document, dict) or document.keys() != {"groups"}:
        raise SegmentRefused([(0, 0, 'A definition is an object with "groups".')])
    groups = document["groups"]
    if not isinstance(groups, list) or not groups:
        raise SegmentRefused([(0, 0, "Say which contacts you mean: add a condition.")])
    if len(groups) > MOST_GROUPS:
        raise SegmentRefused([(0, 0, f"{MOST_GROUPS} groups are the most.")])
    wrong: list[tuple[int, int, str]] = []
    read = tuple(_group(number, group, wrong) for number, group in enumerate(groups, start=1))
    if wrong:
        raise SegmentRefused(wrong)
    return Definition(read)


def dump(definition: Definition) -> dict[str, Any]:
    """The document that parse() reads as this definition."""
    return {
        "groups": [
            [{"what": one.what, "op": one.op, "values": list(one.values)} for one in group]
            for group in definition.groups
        ]
    }


def conditions(definition: Definition) -> Iterable[tuple[int, int, Condition]]:
    """Each condition behind the numbers of its group and of itself, both from 1 on."""
    for g, group in enumerate(definition.groups, start=1):
        for c, condition in enumerate(group, start=1):
            yield g, c, condition


def _group(number: int, group: Any, wrong: list[tuple[int, int, str]]) -> tuple[Condition, ...]:
    if not isinstance(group, list) or not group:
        wrong.append((number, 0, "Add a condition, or remove the group."))
        return ()
    if len(group) > MOST_CONDITIONS:
        wrong.append((number, 0, f"{MOST_CONDITIONS} conditions are the most."))
        return ()
    read = []
    for position, one in enumerate(group, start=1):
        try:
            read.append(_condition(one))
        except _Wrong as error:
            wrong.append((number, position, str(error)))
    return tuple(read)


def _condition(document: Any) -> Condition:
    if not isinstance(document, dict) or not document.keys() <= {"what", "op", "values"}:
        raise _Wrong('A condition is an object with "what", "op" and "values".')
    what, op, values = document.get("what"), document.get("op"), document.get("values", [])
    operators = operators_of(what) if isinstance(what, str) else {}
    if not operators:
        raise _Wrong("Choose what it is about.")
    operator = operators.get(op) if isinstance(op, str) else None
    if operator is None:
        raise _Wrong("Choose how to compare.")
    if not isinstance(values, list) or len(values) != len(operator.takes):
        raise _Wrong(f"It takes {len(operator.takes)} values.")
    read = tuple(_value(*pair) for pair in zip(operator.takes, values, strict=True))
    if op == "between" and read[0] > read[1]:  # type: ignore[operator]  # two numbers
        raise _Wrong("Write the smaller number first.")
    return Condition(str(what), str(op), read)


def _value(takes: Takes, value: Any) -> str | int | float:
    if takes in (Takes.NUMBER, Takes.DAYS):
        return _number(takes, value)
    if not isinstance(value, str):
        raise _Wrong("Write it as text.")
    value = value.strip()
    match takes:
        case Takes.TEXT:
            return _text(value)
        case Takes.DATE:
            return str(_field_value(FieldKind.DATE, value, "Choose a day."))
        case Takes.SOURCE:
            if value not in SOURCES:
                raise _Wrong("Choose where the consent came from.")
            return str(value)
        case _:
            try:
                return str(UUID(value))
            except ValueError:
                raise _Wrong(_CHOOSE[takes]) from None


def _text(value: str) -> str:
    if not value:
        raise _Wrong("Write what to compare with.")
    if len(value) > LONGEST_TEXT:
        raise _Wrong(f"{len(value):,} characters are too many; {LONGEST_TEXT} are the most.")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _Wrong("It holds a character that cannot be stored.")
    return value


def _number(takes: Takes, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Wrong("Write a number.")
    number = _field_value(FieldKind.NUMBER, str(value), "Write a number.")
    if isinstance(number, int) and (takes is Takes.NUMBER or 0 <= number <= MOST_DAYS):
        return number
    if isinstance(number, float) and takes is Takes.NUMBER:
        return number
    raise _Wrong(f"Write a whole number of days, at most {MOST_DAYS:,}.")


def _field_value(kind: FieldKind, text: str, blank: str) -> str | int | float:
    if not text.strip():
        raise _Wrong(blank)
    try:
        return fields.parse(kind, text)
    except FieldRefused as error:
        raise _Wrong(error.message) from error


def day(text: str | int | float) -> date:
    """The day of a DATE value."""
    return date.fromisoformat(str(text))
