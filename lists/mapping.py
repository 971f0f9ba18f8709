"""Which column of a file becomes what of a contact."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import IntEnum

from lists.addresses import normalise_pair
from lists.errors import FieldRefused, FileRefused, InvalidAddress
from lists.fields import parse
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
# Columns of digits that are no numbers.
_NAMES_OF_DIGITS = re.compile(r"phone|mobile|sms|tel|fax|zip|post|code|\bid\b", re.IGNORECASE)
_SURE_BOOLEANS = {"yes", "no", "true", "false"}


class State(IntEnum):
    """What a status column says of a row. The higher one wins where a file says both."""

    ACTIVE = 0
    UNCONFIRMED = 1
    UNSUBSCRIBED = 2
    BLOCKED = 3
    BOUNCED = 4
    COMPLAINED = 5


_STATE_WORDS = {
    State.ACTIVE: "active subscribed confirmed enabled optedin",
    State.UNCONFIRMED: "unconfirmed pending notconfirmed",
    State.UNSUBSCRIBED: "unsubscribed unsub inactive disabled optedout",
    State.BLOCKED: "blocked blocklisted blacklisted suppressed",
    State.BOUNCED: "bounced bounce hardbounce hardbounced cleaned",
    State.COMPLAINED: "complained complaint spam abuse junk",
}
A_TIME = "time"
A_DAY = re.compile(r"\s*\d+[-/.]\d+[-/.]\d+")  # with a time behind it or not
_STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split()}


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


def with_kind(target: str, kind: FieldKind) -> str:
    """A target that names the kind of a new field, as split_kind() reads it; text needs none."""
    return target if kind == FieldKind.STRING else f"{target}:{kind}"


def suggest(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, str]:
    """Column -> email, first_name, last_name, status or field:<key>[:<kind>]; every column has one.

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
        values = values_of(sample, index)
        if target == "status" and values and all(state_of(value) is None for value in values):
            target = ""  # of something else. One known word makes it ours: who left is not mailed
        if not target or target in mapping.values():
            target = FIELD_PREFIX + (field_key(column) or f"column_{index + 1}")
            if target in {split_kind(one)[0] for one in mapping.values()}:
                target += f"_{index + 1}"
            target = with_kind(target, guess_kind(values, column))
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


def values_of(sample: Sequence[Sequence[str]], index: int) -> list[str]:
    """What a column holds in these rows, blanks left out."""
    return [row[index] for row in sample if index < len(row) and row[index].strip()]


def state_of(
    text: str, blank: State = State.ACTIVE, words: Mapping[str, State] | None = None
) -> State | None:
    """What a status says, in any case and with any signs between its letters; None where that is
    unknown. `words` come before the usual ones, with A_TIME for a day and what stands behind it;
    `blank` is what nothing says.
    """
    word = re.sub(r"[^a-z]", "", text.lower()) or (A_TIME if A_DAY.match(text) else "")
    if words and word in words:
        return words[word]
    return _STATES.get(word) if text.strip() else blank


def guess_kind(values: Sequence[str], column: str = "") -> FieldKind:
    """The kind of a new field, from the first values that are not blank and the column's name.

    Text where there is a doubt: 1 and 0 may be a number or not, and what begins with a zero or
    has more than fifteen digits is no number but a name made of digits.
    """
    if not values:
        return FieldKind.STRING
    if all(value.strip().lower() in _SURE_BOOLEANS for value in values):
        return FieldKind.BOOLEAN
    named = _NAMES_OF_DIGITS.search(column) or any(
        re.match(r"\s*(\+|0\d|\S{16})", value) for value in values
    )
    if not named and _all(FieldKind.NUMBER, values):
        return FieldKind.NUMBER
    return FieldKind.DATE if _all(FieldKind.DATE, values) else FieldKind.STRING


def _all(kind: FieldKind, values: Sequence[str]) -> bool:
    try:
        for value in values:
            parse(kind, value)
    except FieldRefused:
        return False
    return True
