"""The builder of segments: what a person has said so far, right or wrong, as rows of controls."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms

from lists.models import Segment
from lists.segments.language import (
    MOST_CONDITIONS,
    MOST_GROUPS,
    SOURCES,
    SUBJECTS,
    Definition,
    Takes,
    operators_of,
)
from lists.segments.names import names_for
from lists.segments.reading import dump
from lists.selectors.segments import campaigns_to_choose
from tenants.models import Tenant

_CONTROL = re.compile(r"g(\d{1,3})c(\d{1,3})_(what|op|v0|v1)", re.ASCII)
# <what to do>, or <what to do>:<group>, or <what to do>:<group>:<condition>
_CHANGE = re.compile(r"(or|add|remove)(?::(\d{1,3}))?(?::(\d{1,3}))?", re.ASCII)
_PARTS = {
    "Contact": ("email", "first_name", "last_name", "added"),
    "Lists, tags and consent": ("list", "tag", "consent"),
    "Mails": ("sent", "delivered", "opened", "clicked"),
}
_BLANK = {"what": "list", "op": "on", "values": [""]}
_LABELS = {
    Takes.TEXT: "Text",
    Takes.NUMBER: "Number",
    Takes.DATE: "Day",
    Takes.DAYS: "Days",
    Takes.TAG: "Tag",
    Takes.LIST: "List",
    Takes.CAMPAIGN: "Campaign",
    Takes.SOURCE: "Source",
}

_Choices = list[tuple[str, str]]


class SegmentForm(forms.ModelForm):
    class Meta:
        model = Segment
        fields = ("name",)


@dataclass(frozen=True)
class Control:
    """One input of a condition. With `choices` a select; `chosen` is its value."""

    name: str
    label: str
    chosen: str
    choices: _Choices | None = None
    kind: str = "text"
    most: int | None = None


@dataclass(frozen=True)
class Row:
    """A condition: what it is about, how it compares, with what; and what is wrong with it."""

    name: str
    label: str
    what: str
    op: str
    operators: _Choices
    values: list[Control]
    remove: str
    error: str = ""


@dataclass(frozen=True)
class Group:
    number: int
    rows: list[Row]
    add: str
    error: str = ""


@dataclass
class Builder:
    """Groups of conditions as JSON, as far as they are said, and the errors of the last reading."""

    tenant: Tenant
    said: list[list[dict[str, Any]]] = field(default_factory=lambda: [[dict(_BLANK)]])
    problems: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of_definition(cls, tenant: Tenant, definition: Definition) -> "Builder":
        return cls(tenant, dump(definition)["groups"])

    @classmethod
    def of_post(cls, tenant: Tenant, posted: Mapping[str, str]) -> "Builder":
        """What the controls say. An operator that its subject does not have becomes its first."""
        found: dict[int, dict[int, dict[str, str]]] = {}
        for name in posted:
            if match := _CONTROL.fullmatch(name):
                group, row, part = int(match[1]), int(match[2]), match[3]
                found.setdefault(group, {}).setdefault(row, {})[part] = posted[name]
        said = [
            [_said(parts) for _, parts in sorted(rows.items())] for _, rows in sorted(found.items())
        ]
        return cls(tenant, said)

    def document(self) -> dict[str, Any]:
        """For lists.segments.reading.parse()."""
        return {"groups": self.said}

    def change(self, wanted: str) -> None:
        """Adds a group (`or`), adds a condition (`add:<group>`) or removes one
        (`remove:<group>:<condition>`), counted from 0; anything else changes nothing.
        """
        match = _CHANGE.fullmatch(wanted)
        if match is None:
            return
        act, group, row = match[1], int(match[2] or 0), int(match[3] or 0)
        if act == "or" and len(self.said) < MOST_GROUPS:
            self.said.append([dict(_BLANK)])
        elif group < len(self.said):
            rows = self.said[group]
            if act == "add" and len(rows) < MOST_CONDITIONS:
                rows.append(dict(_BLANK))
            elif act == "remove" and row < len(rows):
                del rows[row]
                self.said = [rows for rows in self.said if rows]

    def mark(self, problems: Iterable[tuple[int, int, str]]) -> None:
        """Shows what SegmentRefused has found beside the rows that it is about."""
        self.problems = {(group, row): why for group, row, why in problems}

    @property
    def error(self) -> str:
        """What is wrong with the definition as a whole."""
        return self.problems.get((0, 0), "")

    @property
    def full(self) -> bool:
        return len(self.said) >= MOST_GROUPS

    @property
    def subjects(self) -> list[tuple[str, _Choices]]:
        """What a condition may be about, in parts."""
        parts = [(part, [(key, SUBJECTS[key][0]) for key in keys]) for part, keys in _PARTS.items()]
        fields = [(f"{kind}:{key}", label) for (kind, key), label in self._names.fields.items()]
        return [parts[0], ("Fields", sorted(fields, key=lambda one: one[1].lower())), *parts[1:]]

    @property
    def groups(self) -> list[Group]:
        return [
            Group(
                number=g + 1,
                rows=[self._row(g, c, one) for c, one in enumerate(rows)],
                add=f"add:{g}",
                error=self.problems.get((g + 1, 0), ""),
            )
            for g, rows in enumerate(self.said)
        ]

    def __post_init__(self) -> None:
        self._names = names_for(self.tenant, [])
        named = [value for rows in self.said for one in rows for value in one["values"]]
        campaigns = campaigns_to_choose(self.tenant, filter(None, map(_uuid, named)))
        self._choices: dict[Takes, _Choices] = {
            Takes.LIST: _by_name(self._names.lists),
            Takes.TAG: _by_name(self._names.tags),
            Takes.CAMPAIGN: [(one.public_id, one.name) for one in campaigns],
            Takes.SOURCE: list(SOURCES.items()),
        }

    def _row(self, g: int, c: int, one: dict[str, Any]) -> Row:
        name, label = f"g{g}c{c}", f"Group {g + 1}, condition {c + 1}"
        operators = operators_of(one["what"])
        takes = operators[one["op"]].takes if one["op"] in operators else ()
        values = [
            self._control(f"{name}_v{n}", kind, str(value), label)
            for n, (kind, value) in enumerate(zip(takes, one["values"], strict=False))
        ]
        return Row(
            name=name,
            label=label,
            what=one["what"],
            op=one["op"],
            operators=[(key, operator.label) for key, operator in operators.items()],
            values=values,
            remove=f"remove:{g}:{c}",
            error=self.problems.get((g + 1, c + 1), ""),
        )

    def _control(self, name: str, kind: Takes, value: str, label: str) -> Control:
        label = f"{label}: {_LABELS[kind].lower()}"
        if kind in self._choices:
            choices = [("", f"{_LABELS[kind]}…"), *self._choices[kind]]
            if value and value not in dict(choices):
                choices.append((value, "Deleted"))
            return Control(name, label, value, choices)
        types = {Takes.DATE: "date", Takes.DAYS: "number"}
        return Control(name, label, value, kind=types.get(kind, "text"))


def _said(parts: Mapping[str, str]) -> dict[str, Any]:
    what, op = parts.get("what", ""), parts.get("op", "")
    operators = operators_of(what)
    if operators and op not in operators:
        op = next(iter(operators))
    takes = operators[op].takes if operators else ()
    return {"what": what, "op": op, "values": [parts.get(f"v{n}", "") for n in range(len(takes))]}


def _by_name(named: Mapping[str, tuple[int, str]]) -> _Choices:
    choices = [(public_id, name) for public_id, (_, name) in named.items()]
    return sorted(choices, key=lambda one: one[1].lower())


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
