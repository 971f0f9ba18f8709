"""Which conditions there are: the tables that reading, SQL, wording and the builder go by.

A definition is an OR of groups, a group an AND of conditions. The language is closed: what is not
in these tables cannot be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lists.models import FieldKind, Source

MOST_GROUPS, MOST_CONDITIONS = 10, 20  # groups of a definition, conditions of a group
LONGEST_TEXT = 200
MOST_DAYS = 3650


class Takes(StrEnum):
    """What a value of a condition is; in JSON a string, but for NUMBER and DAYS."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"  # YYYY-MM-DD, a day of the workspace's time zone
    DAYS = "days"
    TAG = "tag"  # like LIST and CAMPAIGN a public id
    LIST = "list"
    CAMPAIGN = "campaign"
    SOURCE = "source"


@dataclass(frozen=True)
class Operator:
    """`label` in the builder; `phrase` in a sentence, with {what} and the values by position."""

    label: str
    phrase: str
    takes: tuple[Takes, ...] = ()


@dataclass(frozen=True)
class Condition:
    """One question about a contact.

    `what` is a key of SUBJECTS, or `<kind>:<key>` for a field; `op` a key of its operators;
    `values` are what the operator takes, with ids and dates as strings.
    """

    what: str
    op: str
    values: tuple[str | int | float, ...] = ()

    @property
    def field(self) -> tuple[str, str] | None:
        """Kind and key of the field that it asks for, if it asks for one."""
        kind, colon, key = self.what.partition(":")
        return (kind, key) if colon else None


@dataclass(frozen=True)
class Definition:
    """Contacts for whom all conditions of at least one group hold."""

    groups: tuple[tuple[Condition, ...], ...]


_IS_SET = {
    "set": Operator("is set", "{what} is set"),
    "not_set": Operator("is not set", "{what} is not set"),
}
_TEXT = {
    "is": Operator("is", "{what} is {0}", (Takes.TEXT,)),
    "is_not": Operator("is not", "{what} is not {0}", (Takes.TEXT,)),
    "contains": Operator("contains", "{what} contains {0}", (Takes.TEXT,)),
    "starts": Operator("starts with", "{what} starts with {0}", (Takes.TEXT,)),
}
_NUMBER = {
    "eq": Operator("is", "{what} is {0}", (Takes.NUMBER,)),
    "ne": Operator("is not", "{what} is not {0}", (Takes.NUMBER,)),
    "lt": Operator("is less than", "{what} is less than {0}", (Takes.NUMBER,)),
    "le": Operator("is at most", "{what} is at most {0}", (Takes.NUMBER,)),
    "gt": Operator("is more than", "{what} is more than {0}", (Takes.NUMBER,)),
    "ge": Operator("is at least", "{what} is at least {0}", (Takes.NUMBER,)),
    "between": Operator(
        "is between", "{what} is between {0} and {1}", (Takes.NUMBER, Takes.NUMBER)
    ),
}
_BOOLEAN = {"yes": Operator("is yes", "{what} is yes"), "no": Operator("is no", "{what} is no")}
_DATE = {
    "on": Operator("is on", "{what} is on {0}", (Takes.DATE,)),
    "before": Operator("is before", "{what} is before {0}", (Takes.DATE,)),
    "after": Operator("is after", "{what} is after {0}", (Takes.DATE,)),
    "last": Operator(
        "is within the last … days", "{what} is within the last {0} days", (Takes.DAYS,)
    ),
    "next": Operator(
        "is within the next … days", "{what} is within the next {0} days", (Takes.DAYS,)
    ),
    "ago": Operator("is more than … days ago", "{what} is more than {0} days ago", (Takes.DAYS,)),
    "anniversary": Operator(
        "has its day of the year within the next … days",
        "the day of the year of {what} is within the next {0} days",
        (Takes.DAYS,),
    ),
}
_ADDED = {
    "last": Operator("within the last … days", "added within {0} days", (Takes.DAYS,)),
    "ago": Operator("more than … days ago", "added more than {0} days ago", (Takes.DAYS,)),
    "before": Operator("before", "added before {0}", (Takes.DATE,)),
    "after": Operator("after", "added after {0}", (Takes.DATE,)),
}
_TAG = {
    "has": Operator("has", "has the tag {0}", (Takes.TAG,)),
    "has_not": Operator("has not", "has not the tag {0}", (Takes.TAG,)),
}
_LIST = {
    "on": Operator("is on", "on {0}", (Takes.LIST,)),
    "not_on": Operator("is not on", "not on {0}", (Takes.LIST,)),
    "active": Operator("is active on", "active on {0}", (Takes.LIST,)),
    "paused": Operator("is paused on", "paused on {0}", (Takes.LIST,)),
    "unconfirmed": Operator("is unconfirmed on", "unconfirmed on {0}", (Takes.LIST,)),
    "unsubscribed": Operator("has left", "unsubscribed from {0}", (Takes.LIST,)),
}
_CONSENT = {
    "confirmed": Operator("was confirmed by mail", "consent was confirmed by mail"),
    "not_confirmed": Operator("was not confirmed by mail", "consent was not confirmed by mail"),
    "attested": Operator("was attested by an import", "consent was attested by an import"),
    "not_attested": Operator(
        "was not attested by an import", "consent was not attested by an import"
    ),
    "source": Operator("came from", "consent came from {0}", (Takes.SOURCE,)),
    "since": Operator("was given on or after", "consent was given on or after {0}", (Takes.DATE,)),
}


def _engagement(did: str, did_not: str) -> dict[str, Operator]:
    return {
        "within": Operator("within … days", f"{did} a mail within {{0}} days", (Takes.DAYS,)),
        "not_within": Operator(
            "not within … days", f"{did_not} a mail within {{0}} days", (Takes.DAYS,)
        ),
        "campaign": Operator("of the campaign", f"{did} {{0}}", (Takes.CAMPAIGN,)),
        "not_campaign": Operator("not of the campaign", f"{did_not} {{0}}", (Takes.CAMPAIGN,)),
    }


_OPERATORS: Mapping[str, Mapping[str, Operator]] = {
    FieldKind.STRING: _TEXT | _IS_SET,
    FieldKind.NUMBER: _NUMBER | _IS_SET,
    FieldKind.BOOLEAN: _BOOLEAN | _IS_SET,
    FieldKind.DATE: _DATE | _IS_SET,
}
# What can be asked of every contact: its name in the builder, its operators.
SUBJECTS: Mapping[str, tuple[str, Mapping[str, Operator]]] = {
    "email": ("Address", _TEXT),
    "first_name": ("First name", _TEXT | _IS_SET),
    "last_name": ("Last name", _TEXT | _IS_SET),
    "added": ("Added", _ADDED),
    "list": ("List", _LIST),
    "tag": ("Tag", _TAG),
    "consent": ("Consent", _CONSENT),
    "sent": ("Was sent a mail", _engagement("was sent", "was not sent")),
    "delivered": ("Received a mail", _engagement("received", "did not receive")),
    "opened": ("Opened a mail", _engagement("opened", "did not open")),
    "clicked": ("Clicked in a mail", _engagement("clicked in", "did not click in")),
}
ENGAGEMENT = ("sent", "delivered", "opened", "clicked")
SOURCES = dict(Source.choices)


def operators_of(what: str) -> Mapping[str, Operator]:
    """The operators of a subject; none for what is no subject."""
    kind, colon, key = what.partition(":")
    if colon:
        return _OPERATORS.get(kind, {}) if key else {}
    return SUBJECTS[what][1] if what in SUBJECTS else {}
