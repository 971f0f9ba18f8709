"""The questions of a sign-up form as its builder edits them: added, moved, removed, renamed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lists.models import FieldKind, SignupForm
from lists.selectors.fields import fields_of
from lists.signup_fields import NAMES, Asked

MOST = 30
LABEL_LENGTH = 120


class Posted(Protocol):
    """What is needed of Django's QueryDict."""

    def getlist(self, key: str, /) -> Sequence[Any]: ...
    def get(self, key: str, /) -> Any: ...


@dataclass
class Row:
    key: str
    name: str  # what the workspace calls the field
    kind: FieldKind
    label: str
    required: bool
    error: str = ""


class FormRows:
    """The rows of a form: as they are stored, or as they were posted.

    A row posts its key as `rows`, and label-<key> and required-<key>. What names no field of the
    workspace, or names one twice, is left out.
    """

    def __init__(self, form: SignupForm, posted: Posted | None = None) -> None:
        self._fields = dict.fromkeys(NAMES, FieldKind.STRING)
        self._names = dict(NAMES)
        self.focus = ""  # the id of what a keyboard is at after an act
        for field in fields_of(form.tenant):
            self._fields[field.key] = FieldKind(field.kind)
            self._names[field.key] = field.label
        if posted is None:
            self.rows = [
                self._row(one["key"], one["label"], one["required"])
                for one in form.fields
                if one["key"] in self._fields
            ]
            return
        keys = [key for key in dict.fromkeys(posted.getlist("rows")) if key in self._fields]
        self.rows = [
            self._row(
                key, str(posted.get(f"label-{key}") or ""), bool(posted.get(f"required-{key}"))
            )
            for key in keys[:MOST]
        ]

    def _row(self, key: str, label: str, required: bool) -> Row:
        return Row(key, self._names[key], self._fields[key], label, required)

    def left(self) -> list[tuple[str, str]]:
        """(key, name) of the fields that may still be added."""
        used = {row.key for row in self.rows}
        return [(key, name) for key, name in self._names.items() if key not in used]

    def act(self, act: str, new: str = "") -> str:
        """Does what a button asks for, up:<key>, down:<key>, remove:<key> or add; in words.

        `new` is the key of the field that is added. "" when there was nothing to do.
        """
        verb, _, key = act.partition(":")
        if verb == "add" and new in dict(self.left()) and len(self.rows) < MOST:
            self.rows.append(self._row(new, self._names[new], required=False))
            self.focus = f"label-{new}"
            return f"{self._names[new]} is added."
        place = next((n for n, row in enumerate(self.rows) if row.key == key), None)
        if place is None:
            return ""
        if verb == "remove":
            self.focus = "new-field"
            return f"{self.rows.pop(place).name} is removed."
        self.focus = f"act-{verb}-{key}"
        to = place + {"up": -1, "down": 1}.get(verb, 0)
        if to == place or not 0 <= to < len(self.rows):
            return ""
        self.rows.insert(to, self.rows.pop(place))
        return f"{self.rows[to].name} is at place {to + 1} of {len(self.rows)}."

    def is_valid(self) -> bool:
        """Whether all may be stored; a row that may not says why in its `error`."""
        for row in self.rows:
            row.label = row.label.strip()
            if not row.label:
                row.error = "Write what the visitor reads beside this field."
            elif len(row.label) > LABEL_LENGTH:
                row.error = f"{LABEL_LENGTH} characters are the most."
            elif "\0" in row.label:
                row.error = "A NUL character cannot be stored; delete it."
        return not any(row.error for row in self.rows)

    def asked(self) -> list[Asked]:
        """The questions as the public page asks them."""
        return [Asked(row.key, row.label, row.required, row.kind) for row in self.rows]

    def stored(self) -> list[dict[str, Any]]:
        """What SignupForm.fields keeps."""
        return [{"key": row.key, "label": row.label, "required": row.required} for row in self.rows]
