"""A definition as a condition of PostgreSQL, with every value a bound parameter.

The SQL is put together from the constants below only: of a definition nothing but parameters
reaches the database. Every condition is a question with yes or no for an answer, so that `not` is
its plain opposite: who has no value is not Oslo either.
"""

# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lists.models import FieldKind
from lists.segments import mail
from lists.segments.language import ENGAGEMENT, Condition, Definition, Takes, operators_of
from lists.segments.names import Broken, Names
from lists.segments.reading import day
from tenants.models import Tenant

_NOBODY = "FALSE"
# A statement asks for contacts with ids above `beyond`, up to `up_to`. What a condition looks into
# is bound alike, so that no more of an index is read.
EVERYBODY = {"beyond": 0, "up_to": 2**63 - 1}
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """The moment that relative conditions go by, and the zone in which days begin."""

    now: datetime
    zone: ZoneInfo

    @classmethod
    def of(cls, tenant: Tenant, now: datetime) -> "Clock":
        return cls(now, ZoneInfo(tenant.timezone))

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def start(self, of: date) -> datetime:
        """When a day begins."""
        return datetime.combine(of, time(), tzinfo=self.zone)

    def end(self, of: date) -> datetime:
        """When the day after it begins; the calendar's last day has none."""
        return self.start(of + timedelta(days=1)) if of < date.max else _NEVER

    def days_of_year(self, days: int) -> list[str]:
        """Month and day (MM-DD) from today to `days` later.

        29 February is kept on the 28th where the year has none.
        """
        found = set()
        for offset in range(min(days, 366) + 1):
            one = self.today + timedelta(days=offset)
            found.add(f"{one:%m-%d}")
            if (one.month, one.day) == (2, 28) and (one + timedelta(days=1)).month == 3:
                found.add("02-29")
        return sorted(found)


@dataclass(frozen=True)
class Compiled:
    """Conditions over `c`, a row of lists_contact that the caller has narrowed to its tenant, one
    for each group: one of them must hold. Where something is broken there is none: nobody.

    They hold for contacts within the parameters of EVERYBODY, which are among `params`.
    """

    groups: tuple[str, ...]
    params: dict[str, Any]
    broken: tuple[Broken, ...] = ()
    conditions: int = 0

    @property
    def sql(self) -> str:
        """The groups as one condition."""
        return any_of(self.groups)


def any_of(conditions: Sequence[str]) -> str:
    """One of these conditions over `c`, asked of one contact after the other."""
    return f"({' OR '.join(conditions)})" if conditions else _NOBODY


def found_by(conditions: Sequence[str]) -> str:
    """The same, for a statement over all contacts of %(tenant_id)s.

    PostgreSQL joins whole tables for what is asked with AND, but looks up each contact for what is
    asked with OR: so each condition finds its contacts by itself.
    """
    if len(conditions) < 2:
        return any_of(conditions)
    found = " UNION ALL ".join(
        f"SELECT c.id FROM lists_contact c WHERE c.tenant_id = %(tenant_id)s AND {one}"
        for one in conditions
    )
    return f"EXISTS (SELECT 1 FROM ({found}) f WHERE f.id = c.id)"


def compile_definition(
    definition: Definition, names: Names, clock: Clock, *, prefix: str = "s"
) -> Compiled:
    """The condition for a definition; its parameters begin with `prefix`, a constant of ours."""
    broken = tuple(names.broken(definition))
    if broken:
        return Compiled((), {}, broken)
    compiler = _Compiler(names, clock, prefix)
    groups = tuple(
        f"({' AND '.join(map(compiler.condition, group))})" for group in definition.groups
    )
    conditions = sum(map(len, definition.groups))
    return Compiled(groups, compiler.params | EVERYBODY, conditions=conditions)


_COLUMNS = {"email": "c.email_norm", "first_name": "c.first_name", "last_name": "c.last_name"}
_SAME = "{0}.contact_id = c.id AND {0}.contact_id > %(beyond)s AND {0}.contact_id <= %(up_to)s"
# Of a list or a tag, which is of the tenant, the index alone answers.
_PLACE = f"EXISTS (SELECT 1 FROM lists_subscription s WHERE {_SAME.format('s')} AND {{}})"
_TAGGED = f"EXISTS (SELECT 1 FROM lists_contacttag g WHERE {_SAME.format('g')} AND g.tag_id = {{}})"
_ENGAGED = (
    "SELECT e.contact_id FROM lists_engagement e WHERE e.tenant_id = {} AND e.last_{}_at >= {}"
)
_AMONG = f"EXISTS (SELECT 1 FROM ({{}}) m WHERE {_SAME.format('m')})"
_ON_LIST = {
    "on": "s.status = 'active'",
    "not_on": "s.status = 'active'",
    "active": "s.status = 'active' AND (s.paused_until IS NULL OR s.paused_until <= {now})",
    "paused": "s.status = 'active' AND s.paused_until > {now}",
    "unconfirmed": "s.status = 'unconfirmed'",
    "unsubscribed": "s.status = 'unsubscribed'",
}
_NUMBERS = {"eq": "=", "ne": "=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_DAYS = {"on": "=", "before": "<", "after": ">"}
# What a field holds of its kind. jsonb_typeof guards the cast: a value of another kind is none.
_FIELD = {
    FieldKind.STRING: "(c.fields ->> {key})",
    FieldKind.NUMBER: "(CASE WHEN jsonb_typeof(c.fields -> {key}) = 'number' "
    "THEN (c.fields ->> {key})::numeric END)",
    FieldKind.BOOLEAN: "(c.fields ->> {key})",
    # YYYY-MM-DD sorts as text, byte by byte.
    FieldKind.DATE: '((c.fields ->> {key}) COLLATE "C")',
}


class _Compiler:
    """Turns conditions into SQL and gathers their parameters."""

    def __init__(self, names: Names, clock: Clock, prefix: str) -> None:
        self._names, self._clock, self._prefix = names, clock, prefix
        self.params: dict[str, Any] = {}

    def condition(self, one: Condition) -> str:
        if one.field is not None:
            return self._of_field(one, FieldKind(one.field[0]), one.field[1])
        if one.what in _COLUMNS:
            return self._text(one, _COLUMNS[one.what])
        if one.what in ENGAGEMENT:
            return self._engagement(one)
        by_subject: dict[str, Callable[[Condition], str]] = {
            "added": self._added,
            "list": self._list,
            "tag": self._tag,
            "consent": self._consent,
        }
        return by_subject[one.what](one)

    def _bind(self, value: Any, cast: str = "") -> str:
        name = f"{self._prefix}{len(self.params)}"
        self.params[name] = value
        return f"%({name})s{cast}"

    def _ago(self, days: str | int | float) -> str:
        return self._bind(self._clock.now - timedelta(days=int(days)), "::timestamptz")

    def _start(self, of: date) -> str:
        return self._bind(self._clock.start(of), "::timestamptz")

    def _of_field(self, one: Condition, kind: FieldKind, key: str) -> str:
        value = _FIELD[kind].format(key=self._bind(key, "::text"))
        match kind:
            case FieldKind.STRING:
                return self._text(one, value)
            case FieldKind.NUMBER:
                return self._number(one, value)
            case FieldKind.BOOLEAN:
                return self._boolean(one, value)
            case _:
                return self._date(one, value)

    def _text(self, one: Condition, value: str) -> str:
        """Capital letters make no difference."""
        match one.op:
            case "set":
                return _yes(f"{value} <> ''")
            case "not_set":
                return _no(f"{value} <> ''")
        wanted = f"lower({self._bind(one.values[0], '::text')})"
        match one.op:
            case "contains":
                return _yes(f"strpos(lower({value}), {wanted}) > 0")
            case "starts":
                return _yes(f"starts_with(lower({value}), {wanted})")
            case _:
                same = f"lower({value}) = {wanted}"
                return _no(same) if one.op == "is_not" else _yes(same)

    def _number(self, one: Condition, value: str) -> str:
        match one.op:
            case "set":
                return f"({value} IS NOT NULL)"
            case "not_set":
                return f"({value} IS NULL)"
        bound = [self._bind(number, "::numeric") for number in one.values]
        if one.op == "between":
            return _yes(f"{value} BETWEEN {bound[0]} AND {bound[1]}")
        compared = f"{value} {_NUMBERS[one.op]} {bound[0]}"
        return _no(compared) if one.op == "ne" else _yes(compared)

    def _boolean(self, one: Condition, value: str) -> str:
        match one.op:
            case "set":
                return f"({value} IS NOT NULL)"
            case "not_set":
                return f"({value} IS NULL)"
        return _yes(f"{value} = 'true'" if one.op == "yes" else f"{value} = 'false'")

    def _date(self, one: Condition, value: str) -> str:
        match one.op:
            case "set":
                return f"({value} IS NOT NULL)"
            case "not_set":
                return f"({value} IS NULL)"
            case "anniversary":
                days = self._bind(self._clock.days_of_year(int(one.values[0])), "::text[]")
                return _yes(f"substr({value}, 6) = ANY({days})")
            case "last" | "next" | "ago":
                return self._relative_date(one, value)
        wanted = self._bind(day(one.values[0]).isoformat(), "::text")
        return _yes(f"{value} {_DAYS[one.op]} {wanted}")

    def _relative_date(self, one: Condition, value: str) -> str:
        today, distance = self._clock.today, timedelta(days=int(one.values[0]))
        if one.op == "ago":
            return _yes(f"{value} < {self._bind((today - distance).isoformat(), '::text')}")
        first, last = (today - distance, today) if one.op == "last" else (today, today + distance)
        bound = [self._bind(one_day.isoformat(), "::text") for one_day in (first, last)]
        return _yes(f"{value} BETWEEN {bound[0]} AND {bound[1]}")

    def _added(self, one: Condition) -> str:
        match one.op:
            case "last":
                return f"c.created_at >= {self._ago(one.values[0])}"
            case "ago":
                return f"c.created_at < {self._ago(one.values[0])}"
            case "before":
                return f"c.created_at < {self._start(day(one.values[0]))}"
            case _:
                end = self._clock.end(day(one.values[0]))
                return f"c.created_at >= {self._bind(end, '::timestamptz')}"

    def _list(self, one: Condition) -> str:
        of_list = self._bind(self._names.key(Takes.LIST, str(one.values[0])), "::bigint")
        place = _ON_LIST[one.op]
        if "{now}" in place:
            place = place.format(now=self._bind(self._clock.now, "::timestamptz"))
        found = _PLACE.format(f"s.list_id = {of_list} AND {place}")
        return f"NOT {found}" if one.op == "not_on" else found

    def _tag(self, one: Condition) -> str:
        tag = self._bind(self._names.key(Takes.TAG, str(one.values[0])), "::bigint")
        return f"NOT {_TAGGED.format(tag)}" if one.op == "has_not" else _TAGGED.format(tag)

    def _consent(self, one: Condition) -> str:
        """Of the places that are active: consent that was taken back is none."""
        match one.op.removeprefix("not_"):
            case "confirmed":
                proof = "s.confirmed_at IS NOT NULL"
            case "attested":
                proof = "s.imported_id IS NOT NULL"
            case "source":
                proof = f"s.source = {self._bind(one.values[0], '::text')}"
            case _:
                since = self._start(day(one.values[0]))
                proof = f"COALESCE(s.confirmed_at, s.created_at) >= {since}"
        found = _PLACE.format(f"s.tenant_id = c.tenant_id AND s.status = 'active' AND {proof}")
        return f"NOT {found}" if one.op.startswith("not_") else found

    def _engagement(self, one: Condition) -> str:
        if Takes.CAMPAIGN in operators_of(one.what)[one.op].takes:
            found = self._of_campaign(one)
        else:
            found = self._within(one)
        return f"NOT {found}" if one.op.startswith("not_") else found

    def _within(self, one: Condition) -> str:
        since = self._ago(one.values[0])
        tenant = self._bind(self._names.tenant_id, "::bigint")
        found = _ENGAGED.format(tenant, one.what, since)
        history = mail.history()
        if history and one.what in history.of_unfolded and self._names.unfolded:
            unfolded = self._bind(list(self._names.unfolded), "::bigint[]")
            found += " UNION ALL " + history.of_unfolded[one.what] % {
                "since": since,
                "unfolded": unfolded,
            }
        return _AMONG.format(found)

    def _of_campaign(self, one: Condition) -> str:
        history = mail.history()
        if history is None:
            return _NOBODY
        campaign = self._bind(self._names.key(Takes.CAMPAIGN, str(one.values[0])), "::bigint")
        return _AMONG.format(history.of_campaign[one.what] % {"campaign": campaign})


def _yes(condition: str) -> str:
    """Unknown counts as no."""
    return f"(({condition}) IS TRUE)"


def _no(condition: str) -> str:
    """Unknown counts as no, and so its opposite as yes."""
    return f"(({condition}) IS NOT TRUE)"
