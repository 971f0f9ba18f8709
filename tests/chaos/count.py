"""Who got what, counted from the simulator's ledger and held against the database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import psycopg2

# A mail that was claimed before somebody was suppressed may be on its way that long.
ON_ITS_WAY = 5.0
_FOR_CAMPAIGNS = 0.9  # of a day's quota; the rest is kept for awaited mail


class Status(IntEnum):
    """As sending.models.Status numbers them; read here as a stranger to the product would."""

    QUEUED = 0
    SENDING = 1
    SENT = 2
    UNKNOWN = 3
    SKIPPED = 4
    FAILED = 5


@dataclass(frozen=True)
class Row:
    """A message in the database."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Campaign:
    """One campaign from both sides.

    `accepted` are the times at which SES took a mail to an address (seconds since 1970), `refused`
    the refusals for a quota that nobody ordered, `shown` the figures of the report, `used` what
    the product counted against the quotas; `day_quota` None means no limit, under which everybody
    must have been served.
    """

    audience: frozenset[str]
    accepted: Mapping[str, list[float]]
    rows: Mapping[str, Row]
    shown: Mapping[str, int]
    refused: int
    used: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    barred: Mapping[str, float] = field(default_factory=dict)
    day_quota: int | None = None


@dataclass(frozen=True)
class Counted:
    """What the line says, over all campaigns."""

    lost: int
    duplicated: int
    to_suppressed: int
    over_quota: int
    unknown: int

    def kept(self, *, events: bool) -> bool:
        """Whether all is 0; what nobody told us about may stay unknown."""
        return not any(n for name, n in vars(self).items() if events or name != "unknown")

    def line(self) -> str:
        """`lost=0 duplicated=0 …`"""
        return " ".join(f"{name}={value}" for name, value in vars(self).items())


def count(campaigns: Iterable[Campaign]) -> Counted:
    """The figures of the line."""
    every = list(campaigns)
    return Counted(
        lost=sum(len(lost(one)) for one in every),
        duplicated=sum(len(times) - 1 for one in every for times in one.accepted.values()),
        to_suppressed=sum(len(to_suppressed(one)) for one in every),
        over_quota=sum(over_quota(one) for one in every),
        unknown=sum(row.status is Status.UNKNOWN for one in every for row in one.rows.values()),
    )


def lost(campaign: Campaign) -> set[str]:
    """Who should have got it, did not, and of whom the database does not say why."""
    missing = campaign.audience - campaign.accepted.keys()
    return {address for address in missing if not _explained(campaign, address)}


def _explained(campaign: Campaign, address: str) -> bool:
    row = campaign.rows.get(address)
    if row is None:
        return False
    if row.status is Status.SKIPPED:
        return bool(row.reason) and address in campaign.barred
    waits_for_quota = row.status is Status.QUEUED and campaign.day_quota is not None
    return row.status is Status.UNKNOWN or waits_for_quota


def to_suppressed(campaign: Campaign) -> set[str]:
    """Who was mailed clearly after they had been suppressed or had unsubscribed."""
    return {
        address
        for address, moment in campaign.barred.items()
        if max(campaign.accepted.get(address, [0])) > moment + ON_ITS_WAY
    }


def over_quota(campaign: Campaign) -> int:
    """Refusals for a quota, and mails that SES should have refused."""
    quota = campaign.day_quota
    beyond = 0 if quota is None else max(0, _mails(campaign) - quota)
    return campaign.refused + beyond


def _mails(campaign: Campaign) -> int:
    return sum(len(times) for times in campaign.accepted.values())


def broken(campaign: Campaign, *, events: bool) -> Iterator[str]:
    """Where the database does not say what happened, in words."""
    by_status = defaultdict[Status, set[str]](set)
    for address, row in campaign.rows.items():
        by_status[row.status].add(address)
    accepted = campaign.accepted.keys()
    if campaign.rows.keys() != campaign.audience:
        yield f"{len(campaign.rows)} rows for {len(campaign.audience)} recipients"
    if strangers := accepted - campaign.audience:
        yield f"{len(strangers)} mails to people who are not in the audience"
    if more := by_status[Status.SENT] - accepted:
        yield f"{len(more)} rows are sent which SES never took"
    told = by_status[Status.SENT] | (set() if events else by_status[Status.UNKNOWN])
    if untold := accepted - told:
        stand = Counter(campaign.rows[a].status.name for a in untold & campaign.rows.keys())
        yield f"{len(untold)} mails that SES took are not told as sent: {dict(stand)}"
    if left := len(by_status[Status.SENDING]):
        yield f"{left} rows are still sending"
    for status in Status:
        rows, shown = len(by_status[status]), campaign.shown[status.name.lower()]
        if rows != shown:
            yield f"the report says {status.name.lower()}={shown}, there are {rows} rows"
    if events:
        yield from _other_outcomes(campaign)
    yield from _quota_misread(campaign)


def _quota_misread(campaign: Campaign) -> Iterator[str]:
    mails = _mails(campaign)
    if campaign.used < mails:
        yield f"{campaign.used} are counted against the quota, SES took {mails}"
    # Its own count may be the higher one: what was unknown counts, though SES never took it.
    if campaign.day_quota is not None and campaign.used < campaign.day_quota * _FOR_CAMPAIGNS - 1:
        yield f"the campaign stopped at {campaign.used} of the day's {campaign.day_quota}"


def _other_outcomes(campaign: Campaign) -> Iterator[str]:
    happened = campaign.outcomes
    bounced, complained = happened.get("hard_bounce", 0), happened.get("complaint", 0)
    soft = happened.get("soft_bounce", 0)
    expected = {
        "bounced": bounced,
        "complained": complained,
        "delivered": _mails(campaign) - bounced - soft,
    }
    for name, number in expected.items():
        if campaign.shown[name] != number:
            yield f"the report says {name}={campaign.shown[name]}, {number} happened"


def rows_of(database_url: str, batch: int) -> dict[str, Row]:
    """Every message of a batch by address."""
    found = ask(
        database_url, "SELECT email, status, reason FROM sending_message WHERE batch_id = %s", batch
    )
    return {email: Row(Status(status), reason) for email, status, reason in found}


def audience_of(database_url: str, batch: int) -> frozenset[str]:
    """Everyone who was on the lists of a batch when it was launched: nobody is deleted in a run."""
    sql = (
        "SELECT DISTINCT c.email FROM lists_contact c "
        "JOIN lists_subscription s ON s.contact_id = c.id "
        "JOIN sending_batch b ON s.list_id = ANY(b.list_ids) WHERE b.id = %s"
    )
    return frozenset(email for (email,) in ask(database_url, sql, batch))


def ask(database_url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of one query on a connection of its own, as the server may have been restarted."""
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
    finally:
        connection.close()
