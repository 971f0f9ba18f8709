"""Counts what AWS judges an account by, in the transaction of the change that is counted.

"Sent" is counted where a message becomes sent, by our own record: that is exact when SES's own
events are late or lost, and AWS's rates are of mails sent. The rest is counted once for each
event. Left out, as AWS leaves it out of its rates, is what goes to the mailbox simulator or to a
domain that the account has verified. Reasons: docs/decisions/reputation.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values

from sending.models import Count, Provider
from sending.providers import SIMULATOR, domain_of, provider_of
from sending.statements import execute
from sending.tally import shard

_ALL = [count.value for count in Count]
_COUNTS = ", ".join(_ALL)
_SUMS = ", ".join(f"sum(v.{name})" for name in _ALL)
_ADD = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in _ALL)
_NEW = f"""(VALUES %s) AS v (batch_id, hour, provider, shard, {_COUNTS})
    JOIN sending_batch b ON b.id = v.batch_id"""
# Both in one order: two who add to the same rows wait for each other and do not deadlock.
_ADD_TO_HOUR = f"""
    INSERT INTO sending_accounthour AS t
        (tenant_id, ses_account_id, hour, provider, shard, {_COUNTS})
    SELECT b.tenant_id, b.ses_account_id, v.hour, v.provider, v.shard, {_SUMS}
    FROM {_NEW} GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4
    ON CONFLICT (ses_account_id, hour, provider, shard) DO UPDATE SET {_ADD}
"""
_ADD_TO_DAY = f"""
    INSERT INTO sending_batchday AS t (tenant_id, batch_id, day, provider, shard, {_COUNTS})
    SELECT b.tenant_id, b.id, (v.hour AT TIME ZONE 'UTC')::date, v.provider, v.shard, {_SUMS}
    FROM {_NEW} GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4
    ON CONFLICT (batch_id, day, provider, shard) DO UPDATE SET {_ADD}
"""
_TYPES = "(%s::bigint, %s::timestamptz, %s::smallint, %s::smallint" + ", %s::int" * len(_ALL) + ")"
_OWN_DOMAINS = """
    SELECT b.id, i.name FROM sending_batch b
    JOIN sending_senderidentity i ON i.ses_account_id = b.ses_account_id
    WHERE b.id = ANY(%s) AND i.verified AND position('@' in i.name) = 0
"""

# The batch, the address, what there is to count, and when it happened.
Told = tuple[int, str, Count, datetime]
_Key = tuple[int, datetime, Provider]


def add(told: Iterable[Told]) -> None:
    """Adds to the counts of batches and of their accounts."""
    found = Counter(
        (batch_id, domain_of(address), count, at) for batch_id, address, count, at in told
    )
    if not found:
        return
    own = _own_domains({batch_id for batch_id, _, _, _ in found})
    rows: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
    for (batch_id, domain, count, at), number in found.items():
        if domain != SIMULATOR and (batch_id, domain) not in own:
            rows[batch_id, _hour(at), provider_of(domain)][count.value] += number
    if rows:
        _write(rows)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _own_domains(batch_ids: Collection[int]) -> set[tuple[int, str]]:
    return {(batch_id, name.lower()) for batch_id, name in execute(_OWN_DOMAINS, [[*batch_ids]])}


def _write(rows: Mapping[_Key, Mapping[str, int]]) -> None:
    mine = shard()
    values: list[tuple[Any, ...]] = [
        (batch_id, hour, provider.value, mine, *(counts.get(name, 0) for name in _ALL))
        for (batch_id, hour, provider), counts in rows.items()
    ]
    with connection.cursor() as cursor:
        for statement in (_ADD_TO_HOUR, _ADD_TO_DAY):
            execute_values(cursor, statement, values, template=_TYPES, page_size=len(values))
