"""Whom lists, segments and exclusions together reach: of these SENDABLE_SQL lets some be mailed."""
# ruff: noqa: S608 (constants and SQL of lists.segments.sql, with bound parameters)

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from lists.models import List
from lists.segments.language import Definition
from lists.segments.names import Broken, names_for
from lists.segments.reading import dump, parse
from lists.segments.sql import Clock, any_of, compile_definition, found_by
from lists.selectors.audience import SENDABLE_SQL, STAYED_SQL
from tenants.models import Tenant


@dataclass(frozen=True)
class Audience:
    """Lists and segments, without the members of others.

    With `unengaged_days`, also without those who are here for longer and have opened or clicked
    nothing for as long.
    """

    lists: tuple[int, ...]
    segments: tuple[Definition, ...] = ()
    not_lists: tuple[int, ...] = ()
    not_segments: tuple[Definition, ...] = ()
    unengaged_days: int | None = None

    @property
    def is_plain(self) -> bool:
        """Only lists: everyone with an active place on them."""
        return self == Audience(self.lists)

    def consent_lists(self, tenant: Tenant) -> list[int]:
        """The lists on one of which an active place is consent to this mail: for a segment any."""
        if not self.segments:
            return list(self.lists)
        return list(List.objects.for_tenant(tenant).values_list("pk", flat=True))

    def to_json(self) -> dict[str, Any]:
        """What from_json() reads; empty for a plain one."""
        if self.is_plain:
            return {}
        return {
            "lists": list(self.lists),
            "segments": [dump(one) for one in self.segments],
            "not_lists": list(self.not_lists),
            "not_segments": [dump(one) for one in self.not_segments],
            "unengaged_days": self.unengaged_days,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Audience":
        """Raises SegmentRefused when a definition does not read any more."""
        return cls(
            lists=tuple(document["lists"]),
            segments=tuple(map(parse, document["segments"])),
            not_lists=tuple(document["not_lists"]),
            not_segments=tuple(map(parse, document["not_segments"])),
            unengaged_days=document["unengaged_days"],
        )


_ACTIVE_ON = (
    "EXISTS (SELECT 1 FROM lists_subscription {alias} WHERE {alias}.contact_id = c.id "
    "AND {alias}.tenant_id = c.tenant_id AND {alias}.list_id = ANY(%({lists})s::bigint[]) "
    "AND {alias}.status = 'active')"
)
_LEFT = (
    "EXISTS (SELECT 1 FROM lists_subscription l WHERE l.contact_id = c.id "
    "AND l.tenant_id = c.tenant_id AND l.list_id = ANY(%(chosen)s::bigint[]) "
    "AND l.status = 'unsubscribed')"
)
_UNENGAGED = (
    "(c.created_at < %(unengaged_since)s AND NOT EXISTS (SELECT 1 FROM lists_engagement u "
    "WHERE u.contact_id = c.id AND u.tenant_id = c.tenant_id "
    "AND (u.last_opened_at >= %(unengaged_since)s OR u.last_clicked_at >= %(unengaged_since)s)))"
)
_NEVER = "FALSE"


@dataclass(frozen=True)
class Reach:
    """Conditions over `c`, a row of lists_contact, with `params`; `%(now)s` is now for all.

    `named`: on a list or in a segment of the audience, for which one of these must hold; of them
    `consented` says who has an active place, paused or not; `sendable` is who may be mailed now;
    for whom one of `excluded` holds, and the `unengaged`, are left out. Where something is broken
    nobody is named, for nobody knows who is excluded.
    """

    named: tuple[str, ...]
    consented: str
    sendable: str
    excluded: tuple[str, ...]
    unengaged: str
    params: dict[str, Any]
    broken: tuple[Broken, ...]

    @property
    def members(self) -> str:
        """Who of those named gets a mail, or would if it were not for a pause or a suppression."""
        left_out = f"NOT {any_of(self.excluded)} AND NOT {self.unengaged}"
        return f"({self.consented}) AND {left_out}"


def reach_of(audience: Audience, tenant: Tenant, now: datetime) -> Reach:
    """The conditions of an audience, relative ones as of `now`."""
    names = names_for(tenant, [*audience.segments, *audience.not_segments])
    clock = Clock.of(tenant, now)
    included = [
        compile_definition(one, names, clock, prefix=f"in{number}_")
        for number, one in enumerate(audience.segments)
    ]
    excluded = [
        compile_definition(one, names, clock, prefix=f"out{number}_")
        for number, one in enumerate(audience.not_segments)
    ]
    params: dict[str, Any] = {
        "tenant_id": tenant.pk,
        "chosen": list(audience.lists),
        "list_ids": audience.consent_lists(tenant),
        "not_lists": list(audience.not_lists),
        "now": now,
    }
    for one in (*included, *excluded):
        params |= one.params
    if audience.unengaged_days is not None:
        params["unengaged_since"] = now - timedelta(days=audience.unengaged_days)
    broken = tuple(found for one in (*included, *excluded) for found in one.broken)
    named = [group for one in included for group in one.groups]
    consented, sendable = _ACTIVE_ON.format(alias="k", lists="list_ids"), SENDABLE_SQL
    if audience.lists:
        named.insert(0, _ACTIVE_ON.format(alias="n", lists="chosen"))
    if audience.segments:
        consented += f" AND ({_ACTIVE_ON.format(alias='a', lists='chosen')} OR NOT {_LEFT})"
        sendable += f" AND {STAYED_SQL}"
    out = [group for one in excluded for group in one.groups]
    if audience.not_lists:
        out.insert(0, _ACTIVE_ON.format(alias="o", lists="not_lists"))
    return Reach(
        named=() if broken else tuple(named),
        consented=consented,
        sendable=sendable,
        excluded=tuple(out),
        unengaged=_NEVER if audience.unengaged_days is None else _UNENGAGED,
        params=params,
        broken=broken,
    )


# What keeps somebody from a campaign, in the order in which it is asked.
LEFT_OUT = {
    "excluded": "on an excluded list or in an excluded segment",
    "unengaged": "have opened or clicked nothing for too long",
    "unsubscribed": "unsubscribed from everything",
    "suppressed": "suppressed",
    "no_list": "in a segment, but active on no list, or have left a chosen one",
    "paused": "paused",
}


@dataclass(frozen=True)
class Headcount:
    """How many would be mailed now, and how many not for each key of LEFT_OUT."""

    recipients: int
    left_out: dict[str, int]
    broken: tuple[Broken, ...]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Those of LEFT_OUT that keep anybody, with their words."""
        return [(self.left_out[key], why) for key, why in LEFT_OUT.items() if self.left_out[key]]


def headcount(*, tenant: Tenant, audience: Audience) -> Headcount:
    """Who would be mailed now, each counted once, and why others of the audience are left out."""
    reach = reach_of(audience, tenant, timezone.now())
    named, excluded = found_by(reach.named), found_by(reach.excluded)
    # Who may be mailed for lists alone is on one of them: that need not be asked twice.
    only_lists = not audience.segments and not reach.broken
    recipients = reach.sendable if only_lists else f"{named} AND {reach.sendable}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH recipients AS MATERIALIZED (
                SELECT c.id FROM lists_contact c
                WHERE c.tenant_id = %(tenant_id)s AND {recipients}
                  AND NOT {excluded} AND NOT {reach.unengaged}
            )
            SELECT 'recipients', count(*) FROM recipients
            UNION ALL
            SELECT CASE
                WHEN {any_of(reach.excluded)} THEN 'excluded'
                WHEN {reach.unengaged} THEN 'unengaged'
                WHEN c.unsubscribed_at IS NOT NULL THEN 'unsubscribed'
                WHEN EXISTS (SELECT 1 FROM lists_suppression x
                             WHERE x.tenant_id = c.tenant_id AND x.email_norm = c.email_norm)
                THEN 'suppressed'
                WHEN NOT ({reach.consented}) THEN 'no_list'
                ELSE 'paused' END AS why, count(*)
            FROM lists_contact c
            WHERE c.tenant_id = %(tenant_id)s AND {named}
              AND NOT EXISTS (SELECT 1 FROM recipients r WHERE r.id = c.id)
            GROUP BY why
            """,
            reach.params,
        )
        counts = dict(cursor.fetchall())
    left_out = {key: counts.get(key, 0) for key in LEFT_OUT}
    return Headcount(counts["recipients"], left_out, reach.broken)
