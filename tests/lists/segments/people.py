"""Random contacts, and what a definition says of them in plain Python: the SQL must agree."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from lists.segments.language import (
    ENGAGEMENT,
    SUBJECTS,
    Condition,
    Definition,
    Takes,
    operators_of,
)
from lists.segments.reading import parse

NOW = datetime(2027, 3, 1, 0, 30, tzinfo=ZoneInfo("UTC"))
ZONE = ZoneInfo("Europe/Oslo")  # it is 1:30 on 1 March there
TODAY = date(2027, 3, 1)

_WORDS = ["Oslo", "oslo", "Os", "%", "_", "a'b", "New York", "ÅS", "\\"]
_DAYS = [0, 1, 2, 7, 30, 365, 366]
_MOMENTS = st.builds(
    lambda days, hours: NOW - timedelta(days=days, hours=hours),
    st.sampled_from([0, 1, 2, 6, 7, 8, 29, 30, 31, 366]),
    st.sampled_from([0, 1, 23]),
)
_DATES = st.sampled_from(
    [TODAY + timedelta(days=days) for days in (-366, -31, -30, -8, -7, -2, -1, 0, 1, 2, 7, 8, 31)]
    + [date(2000, 2, 29), date(1999, 2, 28), date(1950, 3, 1), date(1980, 3, 8), date(1, 1, 1)]
)


@dataclass(frozen=True)
class Place:
    status: str
    paused_until: datetime | None
    confirmed_at: datetime | None
    is_imported: bool
    source: str
    created_at: datetime


@dataclass(frozen=True)
class Somebody:
    """All that a condition may ask of a contact. Lists and tags go by their place in a world."""

    email: str
    first_name: str
    last_name: str
    fields: dict[str, Any]
    created_at: datetime
    tags: frozenset[int]
    places: dict[int, Place]
    last: dict[str, datetime | None]
    did: frozenset[str]  # of ENGAGEMENT, with the one campaign
    unfolded_at: datetime | None = field(default=None)  # sent a mail that is not folded yet


def _moments_or_none() -> Any:
    return st.none() | _MOMENTS


_PLACES = st.builds(
    Place,
    status=st.sampled_from(["active", "active", "unconfirmed", "unsubscribed"]),
    paused_until=st.none() | st.sampled_from([NOW - timedelta(days=1), NOW + timedelta(days=1)]),
    confirmed_at=_moments_or_none(),
    is_imported=st.booleans(),
    source=st.sampled_from(["form", "import"]),
    created_at=_MOMENTS,
)
SOMEBODY = st.builds(
    Somebody,
    email=st.sampled_from(["ada@example.com", "bo@oslo.example", "os@x.com"]),
    first_name=st.sampled_from(["", *_WORDS]),
    last_name=st.sampled_from(["", "Oslo"]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "city": st.sampled_from(_WORDS),
            "age": st.sampled_from([0, -1, 18, 18.5, 65, 2**53]),
            "vip": st.booleans(),
            "born": _DATES.map(date.isoformat),
        },
    ),
    created_at=_MOMENTS,
    tags=st.frozensets(st.sampled_from([0, 1])),
    places=st.dictionaries(st.sampled_from([0, 1]), _PLACES),
    last=st.fixed_dictionaries({act: _moments_or_none() for act in ENGAGEMENT}),
    did=st.frozensets(st.sampled_from(ENGAGEMENT)),
    unfolded_at=_moments_or_none(),
)


@st.composite
def definitions(
    draw: st.DrawFn, *, lists: list[str], tags: list[str], campaigns: list[str]
) -> Definition:
    """Any definition over these public ids and the fields of SOMEBODY."""
    values = {
        Takes.TEXT: st.sampled_from([*_WORDS, "ada@EXAMPLE.com", "@", "example"]),
        Takes.NUMBER: st.sampled_from([0, -1, 18, 18.5, 20, 65, 2**53]),
        Takes.DATE: _DATES.map(date.isoformat),
        Takes.DAYS: st.sampled_from(_DAYS),
        Takes.TAG: st.sampled_from(tags),
        Takes.LIST: st.sampled_from(lists),
        Takes.CAMPAIGN: st.sampled_from(campaigns),
        Takes.SOURCE: st.sampled_from(["form", "import"]),
    }

    def condition() -> dict[str, Any]:
        subjects = [*SUBJECTS, "string:city", "number:age", "boolean:vip", "date:born"]
        what = draw(st.sampled_from(subjects))
        op = draw(st.sampled_from(list(operators_of(what))))
        said = [draw(values[takes]) for takes in operators_of(what)[op].takes]
        return {"what": what, "op": op, "values": sorted(said) if op == "between" else said}

    groups = [
        [condition() for _ in range(draw(st.integers(1, 3)))]
        for _ in range(draw(st.integers(1, 3)))
    ]
    return parse({"groups": groups})


@dataclass(frozen=True)
class Ids:
    """The public ids that definitions() drew from, to find their places."""

    lists: list[str]
    tags: list[str]


def holds(definition: Definition, one: Somebody, ids: Ids) -> bool:
    return any(all(_holds(c, one, ids) for c in group) for group in definition.groups)


def _holds(c: Condition, one: Somebody, ids: Ids) -> bool:
    if c.what == "email":
        return _text(c, one.email)
    if c.what in ("first_name", "last_name"):
        return _text(c, getattr(one, c.what) or None)
    if c.field is not None:
        kind, key = c.field
        value = one.fields.get(key)
        if c.op in ("set", "not_set"):
            return (value is not None) == (c.op == "set")
        return {"string": _text, "number": _number, "boolean": _boolean, "date": _date}[kind](
            c, value
        )
    match c.what:
        case "added":
            return _added(c, one.created_at)
        case "tag":
            return (ids.tags.index(str(c.values[0])) in one.tags) == (c.op == "has")
        case "list":
            return _place(c, one.places.get(ids.lists.index(str(c.values[0]))))
        case "consent":
            return _consent(c, [p for p in one.places.values() if p.status == "active"])
        case _:
            return _engaged(c, one)


def _text(c: Condition, value: str | None) -> bool:
    if c.op in ("set", "not_set"):
        return (value is not None) == (c.op == "set")
    have, want = (value or "\0").lower(), str(c.values[0] if c.values else "").lower()
    if c.op == "contains":
        return want in have
    return have.startswith(want) if c.op == "starts" else (have == want) == (c.op == "is")


def _number(c: Condition, value: Any) -> bool:
    if value is None:
        return c.op == "ne"
    first: Any = c.values[0]
    answers: dict[str, bool] = {
        "eq": value == first,
        "ne": value != first,
        "lt": value < first,
        "le": value <= first,
        "gt": value > first,
        "ge": value >= first,
        "between": first <= value <= c.values[-1],
    }
    return answers[c.op]


def _boolean(c: Condition, value: Any) -> bool:
    return value is (c.op == "yes")


def _date(c: Condition, value: Any) -> bool:
    if value is None:
        return False
    have = date.fromisoformat(value)
    if c.op in ("on", "before", "after"):
        want = date.fromisoformat(str(c.values[0]))
        return {"on": have == want, "before": have < want, "after": have > want}[c.op]
    days = timedelta(days=int(c.values[0]))
    match c.op:
        case "last":
            return TODAY - days <= have <= TODAY
        case "next":
            return TODAY <= have <= TODAY + days
        case "ago":
            return have < TODAY - days
        case _:
            coming = (_in_year(have, year) for year in (TODAY.year, TODAY.year + 1))
            return any(TODAY <= one <= TODAY + days for one in coming)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _added(c: Condition, at: datetime) -> bool:
    if c.op in ("last", "ago"):
        return (at >= NOW - timedelta(days=int(c.values[0]))) == (c.op == "last")
    have, want = at.astimezone(ZONE).date(), date.fromisoformat(str(c.values[0]))
    return have < want if c.op == "before" else have > want


def _place(c: Condition, place: Place | None) -> bool:
    active = place is not None and place.status == "active"
    paused = bool(place and place.paused_until and place.paused_until > NOW)
    return {
        "on": active,
        "not_on": not active,
        "active": active and not paused,
        "paused": active and paused,
        "unconfirmed": place is not None and place.status == "unconfirmed",
        "unsubscribed": place is not None and place.status == "unsubscribed",
    }[c.op]


def _consent(c: Condition, places: list[Place]) -> bool:
    match c.op:
        case "confirmed" | "not_confirmed":
            return any(p.confirmed_at for p in places) == (c.op == "confirmed")
        case "attested" | "not_attested":
            return any(p.is_imported for p in places) == (c.op == "attested")
        case "source":
            return any(p.source == c.values[0] for p in places)
        case _:
            since = date.fromisoformat(str(c.values[0]))
            given = [p.confirmed_at or p.created_at for p in places]
            return any(at.astimezone(ZONE).date() >= since for at in given)


def _engaged(c: Condition, one: Somebody) -> bool:
    if c.op in ("campaign", "not_campaign"):
        # Nobody gets, opens or clicks what was not sent.
        sent = "sent" in one.did
        return (sent and c.what in one.did) == (c.op == "campaign")
    moments = [one.last[c.what]] + ([one.unfolded_at] if c.what == "sent" else [])
    since = NOW - timedelta(days=int(c.values[0]))
    return any(at is not None and at >= since for at in moments) == (c.op == "within")
