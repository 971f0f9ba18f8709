"""What a sign-up form asks beside the address, and the reading of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lists.errors import FieldRefused
from lists.fields import Value, parse
from lists.mapping import NAME_LENGTH
from lists.models import FieldKind

NAMES = {"first_name": "First name", "last_name": "Last name"}


@dataclass(frozen=True)
class Asked:
    """One question of a form. `key` is one of NAMES, or names a field of the workspace."""

    key: str
    label: str
    required: bool
    kind: FieldKind

    @property
    def param(self) -> str:
        """Where its answer stands: first_name, fields.city."""
        return self.key if self.key in NAMES else f"fields.{self.key}"


def read(asked: Asked, text: str) -> Value | None:
    """The answer as it is kept; None for a blank one that may be. Raises FieldRefused."""
    text = text.strip()
    if not text:
        if asked.required:
            raise FieldRefused("This is needed.", param=asked.param)
        return None
    try:
        value = parse(asked.kind, text)
    except FieldRefused as error:
        raise FieldRefused(error.message, param=asked.param) from error
    if value is False and asked.required:
        raise FieldRefused("This is needed: tick the box.", param=asked.param)
    if asked.key not in NAMES:
        return value
    name = " ".join(text.split())
    if len(name) > NAME_LENGTH:
        raise FieldRefused(
            f"{len(name):,} characters are too many; {NAME_LENGTH} are the most.",
            param=asked.param,
        )
    return name


def read_json(asked: Sequence[Asked], given: Mapping[str, object]) -> dict[str, Value]:
    """The answers of a program, by key, without the blank ones. Raises FieldRefused."""
    answers = {one.key: read(one, _text(one, given.get(one.key))) for one in asked}
    return {key: value for key, value in answers.items() if value is not None}


def _text(asked: Asked, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        if asked.kind == FieldKind.BOOLEAN:
            return "yes" if value else "no"
    elif isinstance(value, int | float) and asked.kind == FieldKind.NUMBER:
        return f"{Decimal(repr(value)):f}"  # not 1e+16, which nobody writes so
    raise FieldRefused(f"This is not a {asked.kind.label.lower()}.", param=asked.param)
