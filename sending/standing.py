"""Counts what AWS judges an account by, in the transaction of the change that is counted.

"Sent" is counted where a message becomes sent, by our own record: that is exact when SES's own
events are late or lost, and AWS's rates are of mails sent. The rest is counted once for each
event. Left out, as AWS leaves it out of its rates, is what goes to the mailbox simulator or to a
domain that the account has verified. Reasons: docs/decisions/reputation.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values

from sending.models import AccountHour, BatchDay, Count, Provider
from sending.providers import SIMULATOR, domain_of, provider_of
from sending.statements import execute
from sending.tally import shard

_ALL = [count.value for count in Count]
_COLUMN = {name: place for place, name in enumerate(_ALL)}
_COUNTS = ", ".join(_ALL)
_SUMS = ", ".join(f"sum(v.{name})" for name in _ALL)
_ADD = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in _ALL)
_ADD_TO_HOUR = f"""
    INSERT INTO sending_accounthour AS t
        (ses_account_id, hour, provider, tenant_id, shard, {_COUNTS})
    VALUES %s ON CONFLICT (ses_account_id, hour, provider, shard) DO UPDATE SET {_ADD}
"""
_ADD_TO_DAY = f"""
    INSERT INTO sending_batchday AS t (batch_id, day, tenant_id, shard, {_COUNTS}, heard)
    VALUES %s ON CONFLICT (batch_id, day, shard)
    DO UPDATE SET {_ADD}, heard = t.heard + excluded.heard
"""
_ABOUT = """
    SELECT b.id, b.tenant_id, b.ses_account_id, array_agg(lower(i.name)) FROM sending_batch b
    LEFT JOIN sending_senderidentity i ON i.ses_account_id = b.ses_account_id
        AND i.verified AND position('@' in i.name) = 0
    WHERE b.id = ANY(%s) GROUP BY b.id
"""
# Only late events come to days gone by: their shards become one row. Locked in the order in which
# add() writes; who waits for a row here finds it gone, and writes it anew.
_GATHER_HOURS = f"""
    WITH old AS (
        SELECT id FROM sending_accounthour WHERE hour < %(before)s AND shard <> 0
        ORDER BY ses_account_id, hour, provider FOR UPDATE
    ), v AS (DELETE FROM sending_accounthour WHERE id IN (SELECT id FROM old) RETURNING *)
    INSERT INTO sending_accounthour AS t
        (tenant_id, ses_account_id, hour, provider, shard, {_COUNTS})
    SELECT tenant_id, ses_account_id, hour, provider, 0, {_SUMS}
    FROM v GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4
    ON CONFLICT (ses_account_id, hour, provider, shard) DO UPDATE SET {_ADD}
"""
_GATHER_DAYS = f"""
    WITH old AS (
        SELECT id FROM sending_batchday WHERE day < %(before)s AND shard <> 0
        ORDER BY batch_id, day FOR UPDATE
    ), v AS (DELETE FROM sending_batchday WHERE id IN (SELECT id FROM old) RETURNING *)
    INSERT INTO sending_batchday AS t (batch_id, day, tenant_id, shard, {_COUNTS}, heard)
    SELECT batch_id, day, tenant_id, 0, {_SUMS}, sum(v.heard)
    FROM v GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
    ON CONFLICT (batch_id, day, shard) DO UPDATE SET {_ADD}, heard = t.heard + excluded.heard
"""
_GATHERED, _KEPT = timedelta(days=2), timedelta(days=400)

# The batch, the address, which of Count, and when it happened.
Told = tuple[int, str, str, datetime]
# Account, hour, provider, tenant; or batch, day, tenant.
_Key = tuple[Any, ...]


@dataclass(frozen=True)
class _About:
    """What is to be known of a batch. A domain that is verified meanwhile may wait a minute."""

    tenant_id: int
    account_id: int
    own_domains: frozenset[str]
    known_until: float


_AGE, _MOST = 60.0, 1_000
_known: dict[int, _About] = {}


def add(told: Iterable[Told]) -> None:
    """Adds to the counts of batches and of their accounts."""
    found = Counter(
        (batch_id, domain_of(address), count, at) for batch_id, address, count, at in told
    )
    if not found:
        return
    batches = _about({batch_id for batch_id, _, _, _ in found})
    hours: defaultdict[_Key, list[int]] = defaultdict(_nothing)
    days: defaultdict[_Key, list[int]] = defaultdict(lambda: [*_nothing(), 0])
    beginning = {at: _hour(at) for at in {at for _, _, _, at in found}}
    for (batch_id, domain, count, at), number in found.items():
        batch = batches[batch_id]
        if domain == SIMULATOR or domain in batch.own_domains:
            continue
        hour, provider, column = beginning[at], provider_of(domain), _COLUMN[count]
        hours[batch.account_id, hour, provider.value, batch.tenant_id][column] += number
        day = days[batch_id, hour.date(), batch.tenant_id]
        day[column] += number
        if count == Count.SENT and provider is not Provider.GMAIL:
            day[-1] += number
    _write(_ADD_TO_HOUR, hours)
    _write(_ADD_TO_DAY, days)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _nothing() -> list[int]:
    return [0] * len(_ALL)


def _about(batch_ids: set[int]) -> dict[int, _About]:
    now = time.monotonic()
    about = {one: _known[one] for one in batch_ids if one in _known}
    if asked := [one for one in batch_ids if one not in about or about[one].known_until < now]:
        if len(_known) > _MOST:
            _known.clear()
        for batch_id, tenant_id, account_id, names in execute(_ABOUT, [asked]):
            own = frozenset(name for name in names if name)
            about[batch_id] = _known[batch_id] = _About(tenant_id, account_id, own, now + _AGE)
    return about


def _write(statement: str, rows: Mapping[_Key, Sequence[int]]) -> None:
    """In one order: two who add to the same rows wait for each other and do not deadlock."""
    mine = shard()
    values = [(*key, mine, *counts) for key, counts in sorted(rows.items())]
    if values:
        with connection.cursor() as cursor:
            execute_values(cursor, statement, values, page_size=len(values))


def gather(now: datetime) -> None:
    """Makes one row of the shards of days gone by; forgets what is older than a year."""
    AccountHour.unscoped.filter(hour__lt=now - _KEPT).delete()
    BatchDay.unscoped.filter(day__lt=(now - _KEPT).date()).delete()
    with connection.cursor() as cursor:
        cursor.execute(_GATHER_HOURS, {"before": now - _GATHERED})
        cursor.execute(_GATHER_DAYS, {"before": (now - _GATHERED).date()})
