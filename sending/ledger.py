"""The one place that changes what a message is: claim, record, outcomes. All in sets.

A claim is a conditional update, so an id that rings twice is sent once. `claimed_at` names the
attempt: what a worker learns about an attempt changes the row only while it is still that
attempt's. Reasons: docs/decisions/claims-and-unknown.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone
from psycopg2.extras import execute_values

from lists.selectors.audience import SENDABLE_SQL
from sending import tally
from sending.models import Batch, BatchState, Message, Outcome, Status
from sending.skeleton import Recipient
from tenants.models import Tenant

_HOLD = "hold"
_REASON_LENGTH, _SES_ID_LENGTH = 300, 80

# Why a message must not leave, NULL when it may: over m (message), b (batch), a (account) and
# c (contact or none). Checked in the same statement that claims.
_REFUSAL = f"""CASE
    WHEN b.state <> 'running' OR a.state <> 'connected' THEN '{_HOLD}'
    WHEN a.parked_reason <> '' AND b.lane >= a.parked_lane
         AND (a.parked_until IS NULL OR a.parked_until > now()) THEN '{_HOLD}'
    WHEN EXISTS (
        SELECT 1 FROM lists_suppression x
        WHERE x.tenant_id = m.tenant_id AND x.email_norm IN (lower(m.email), c.email_norm)
    ) THEN 'Suppressed'
    WHEN b.list_ids = '{{}}' THEN NULL
    WHEN c.id IS NULL THEN 'Contact deleted'
    WHEN {SENDABLE_SQL % {"list_ids": "b.list_ids", "now": "now()"}} THEN NULL
    WHEN c.unsubscribed_at IS NOT NULL THEN 'Unsubscribed'
    WHEN c.paused_until > now() THEN 'Paused by the contact'
    ELSE 'No longer on the list'
    END"""

_CLAIM = f"""
    WITH seen AS (
        SELECT m.id, m.tenant_id, m.batch_id, m.contact_id, m.email,
               c.first_name, c.last_name, c.fields, d.to_name, d.data, {_REFUSAL} AS refusal
        FROM sending_message m
        JOIN sending_batch b ON b.id = m.batch_id
        JOIN sending_sesaccount a ON a.id = b.ses_account_id
        LEFT JOIN lists_contact c ON c.id = m.contact_id AND c.tenant_id = m.tenant_id
        LEFT JOIN sending_messagedata d ON d.message_id = m.id
        WHERE m.id = ANY(%(ids)s) AND m.status = {Status.QUEUED.value}
        FOR NO KEY UPDATE OF m SKIP LOCKED
    ), changed AS (
        UPDATE sending_message m SET
            status = CASE WHEN seen.refusal IS NULL THEN {Status.SENDING.value}
                          ELSE {Status.SKIPPED.value} END,
            reason = COALESCE(seen.refusal, ''),
            claimed_at = clock_timestamp(),
            attempts = m.attempts + CASE WHEN seen.refusal IS NULL THEN 1 ELSE 0 END
        FROM seen
        WHERE m.id = seen.id AND seen.refusal IS DISTINCT FROM '{_HOLD}'
        RETURNING m.id, m.claimed_at
    )
    SELECT seen.*, changed.claimed_at FROM seen LEFT JOIN changed USING (id)
"""


@dataclass(slots=True)
class Claimed:
    """A message that this worker, and nobody else, may send."""

    message_id: int
    batch_id: int
    claimed_at: datetime
    recipient: Recipient


@dataclass(frozen=True)
class Claim:
    """What claim() got; `held_batches` had messages that must wait: paused, cancelled, parked."""

    claimed: dict[int, Claimed]
    held_batches: set[int]


def claim(ids: Sequence[int]) -> Claim:
    """Takes those of these messages that are still queued and may leave now.

    Who is suppressed, unsubscribed or paused meanwhile becomes skipped with the reason.
    """
    claimed: dict[int, Claimed] = {}
    held: set[int] = set()
    skipped: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"ids": list(ids)})
        for row in cursor.fetchall():
            message_id, tenant_id, batch_id, *values, refusal, claimed_at = row
            if refusal == _HOLD:
                held.add(batch_id)
            elif refusal:
                skipped[tenant_id, batch_id]["skipped"] += 1
            else:
                claimed[message_id] = Claimed(
                    message_id, batch_id, claimed_at, _recipient(message_id, values)
                )
        tally.add(skipped, now=timezone.now())
    return Claim(claimed, held)


def not_running(batch_ids: Collection[int]) -> set[int]:
    """Those of these batches of which nothing may leave: paused, cancelled, or deleted."""
    running = Batch.unscoped.filter(pk__in=batch_ids, state=BatchState.RUNNING)
    return {*batch_ids} - {*running.values_list("pk", flat=True)}


def _recipient(message_id: int, values: Sequence[Any]) -> Recipient:
    contact_id, email, first_name, last_name, fields, to_name, data = values
    first, last = first_name or "", last_name or ""
    return Recipient(
        message_id,
        contact_id,
        email,
        to_name or f"{first} {last}".strip(),
        first,
        last,
        orjson.loads(fields) if fields else {},
        orjson.loads(data) if data else {},
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one claim. QUEUED means untouched: SES has not got it, try again."""

    message_id: int
    claimed_at: datetime
    status: Status
    pace_key: str
    reason: str = ""
    ses_message_id: str = ""


# One JSON value for all rows: adapting each value of each row costs the client three times as much.
_RESULTS = """json_to_recordset(%s) AS v
    (id bigint, claimed_at timestamptz, status smallint, reason text, ses_message_id text)"""
# The usual case: the row is still this claim's.
_RECORD = f"""
    UPDATE sending_message m SET
        status = v.status,
        reason = v.reason,
        ses_message_id = v.ses_message_id,
        sent_at = CASE WHEN v.status = {Status.SENT.value} THEN clock_timestamp() END,
        claimed_at = CASE WHEN v.status <> {Status.QUEUED.value} THEN m.claimed_at END,
        attempts = m.attempts - CASE WHEN v.status = {Status.QUEUED.value} THEN 1 ELSE 0 END
    FROM {_RESULTS}
    WHERE m.id = v.id AND m.status = {Status.SENDING.value} AND m.claimed_at = v.claimed_at
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.SENDING.value}, m.status
"""
# A sweep called it unknown, or an event settled it, before its worker came to say what happened.
# Accepted is accepted, whichever attempt it was and whatever became of the row since; a refusal
# only speaks for its own attempt.
_RECORD_LATE = f"""
    WITH v AS (SELECT * FROM {_RESULTS}), old AS (
        SELECT m.id, m.status FROM sending_message m JOIN v ON v.id = m.id
        WHERE (m.status = {Status.UNKNOWN.value} AND m.claimed_at = v.claimed_at)
           OR (v.status = {Status.SENT.value}
               AND (m.status <> {Status.SENT.value} OR m.ses_message_id = ''))
        ORDER BY m.id FOR NO KEY UPDATE OF m
    )
    UPDATE sending_message m SET
        status = v.status,
        reason = v.reason,
        ses_message_id = v.ses_message_id,
        sent_at = CASE WHEN v.status = {Status.SENT.value}
                       THEN COALESCE(m.sent_at, clock_timestamp()) END,
        attempts = m.attempts - CASE WHEN v.status = {Status.QUEUED.value} THEN 1 ELSE 0 END
    FROM old JOIN v ON v.id = old.id
    WHERE m.id = old.id
    RETURNING m.id, m.tenant_id, m.batch_id, old.status, m.status
"""


def record(results: Sequence[Result]) -> None:
    """Writes what became of claims, their counts and the used quota, in one transaction.

    Writing the same results twice changes nothing the second time.
    """
    if not results:
        return
    now = timezone.now()
    rows = [
        {
            "id": r.message_id,
            "claimed_at": r.claimed_at,
            "status": r.status,
            "reason": _column(r.reason, _REASON_LENGTH),
            "ses_message_id": _column(r.ses_message_id, _SES_ID_LENGTH),
        }
        for r in sorted(results, key=lambda r: r.message_id)
    ]
    with transaction.atomic():
        changed = _execute(_RECORD, [_json(rows)])
        done = {row[0] for row in changed}
        late = [row for row in rows if row["id"] not in done]
        if late:
            changed += _execute(_RECORD_LATE, [_json(late)])
        tally.add(_status_changes(changed), now=now)
        pace_keys = {r.message_id: r.pace_key for r in results}
        tally.add_used((pace_keys[row[0]] for row in _newly_used(changed)), now=now)


@dataclass(frozen=True)
class OutcomeRow:
    """What SES told about a message: Outcome.NONE says only that SES accepted it."""

    message_id: int
    tenant_id: int
    outcome: Outcome
    at: datetime
    ses_message_id: str = ""


_OUTCOMES = f"""
    WITH v (id, tenant_id, outcome, at, ses_message_id) AS (VALUES %s), old AS (
        SELECT m.id, m.status, m.outcome FROM sending_message m
        JOIN v ON v.id = m.id AND v.tenant_id = m.tenant_id
        WHERE v.outcome > m.outcome OR m.status <> {Status.SENT.value}
        ORDER BY m.id FOR NO KEY UPDATE OF m
    )
    UPDATE sending_message m SET
        outcome = GREATEST(m.outcome, v.outcome),
        outcome_at = CASE WHEN v.outcome > m.outcome THEN v.at ELSE m.outcome_at END,
        status = {Status.SENT.value},
        reason = '',
        sent_at = COALESCE(m.sent_at, v.at),
        ses_message_id = COALESCE(NULLIF(m.ses_message_id, ''), v.ses_message_id)
    FROM old JOIN v ON v.id = old.id
    WHERE m.id = old.id AND m.tenant_id = v.tenant_id
    RETURNING m.id, m.tenant_id, m.batch_id, old.status, m.status, old.outcome, m.outcome
"""


def apply_outcomes(rows: Iterable[OutcomeRow]) -> int:
    """Applies what SES told, and returns how many messages it changed.

    An outcome only ever grows. An event proves that SES has the message, so it is sent, whatever we
    knew of it before; a second attempt that waits then never happens. Rows of another tenant than
    the message's change nothing.
    """
    best: dict[tuple[int, int], OutcomeRow] = {}
    for row in rows:
        known = best.get((row.message_id, row.tenant_id))
        if known is None or row.outcome > known.outcome:
            best[row.message_id, row.tenant_id] = row
    values = [
        (r.message_id, r.tenant_id, int(r.outcome), r.at, r.ses_message_id)
        for _, r in sorted(best.items())
    ]
    if not values:
        return 0
    with transaction.atomic():
        template = "(%s::bigint, %s::bigint, %s::smallint, %s::timestamptz, %s)"
        changed = _execute_values(_OUTCOMES, values, template)
        changes = _status_changes([row[:5] for row in changed])
        for _, tenant_id, batch_id, _, _, before, after in changed:
            changes[tenant_id, batch_id].subtract(_COUNTED_AS.get(before, ()))
            changes[tenant_id, batch_id].update(_COUNTED_AS.get(after, ()))
        now = timezone.now()
        tally.add(changes, now=now)
        tally.add_used(_pace_keys([row[2] for row in _newly_used(changed)]), now=now)
    return len(changed)


def find_messages(tenant: Tenant, ses_message_ids: Iterable[str]) -> dict[str, int]:
    """Message ids of this tenant by the ids that SES gave them; unknown ones are left out."""
    rows = Message.objects.for_tenant(tenant).filter(
        ses_message_id__in=[one for one in ses_message_ids if one]
    )
    return dict(rows.values_list("ses_message_id", "id"))


_EXPIRE = f"""
    WITH old AS (
        SELECT m.id, a.aws_account_id || ':' || a.region AS pace_key
        FROM sending_message m
        JOIN sending_batch b ON b.id = m.batch_id
        JOIN sending_sesaccount a ON a.id = b.ses_account_id
        WHERE m.status = {Status.SENDING.value} AND m.claimed_at < %s
        ORDER BY m.id LIMIT 10000 FOR NO KEY UPDATE OF m SKIP LOCKED
    )
    UPDATE sending_message m SET status = {Status.UNKNOWN.value}, reason = %s
    FROM old WHERE m.id = old.id
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.SENDING.value}, m.status, old.pace_key
"""
_REQUEUE_UNKNOWN = f"""
    UPDATE sending_message m SET status = {Status.QUEUED.value}, reason = ''
    WHERE m.id = ANY(%s) AND m.status = {Status.UNKNOWN.value}
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.UNKNOWN.value}, m.status
"""
_SKIP_QUEUED = f"""
    UPDATE sending_message m SET status = {Status.SKIPPED.value}, reason = %s
    WHERE m.id IN (
        SELECT id FROM sending_message WHERE batch_id = %s AND status = {Status.QUEUED.value}
        ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.QUEUED.value}, m.status
"""


def expire(claimed_before: datetime, reason: str) -> int:
    """Calls unknown what was claimed before a time and never answered for; returns how many.

    SES may have them, so they count against the day's quota.
    """
    with transaction.atomic():
        changed = _execute(_EXPIRE, [claimed_before, reason])
        tally.add(_status_changes([row[:5] for row in changed]), now=timezone.now())
        tally.add_used((row[5] for row in changed), now=timezone.now())
    return len(changed)


def requeue_unknown(ids: Sequence[int]) -> int:
    """Queues unknown messages for one more attempt; returns how many still were unknown."""
    return _change(_REQUEUE_UNKNOWN, [list(ids)]) if ids else 0


def skip_queued(batch_id: int, reason: str, limit: int) -> int:
    """Skips up to `limit` queued messages of a batch; returns how many."""
    return _change(_SKIP_QUEUED, [reason[:_REASON_LENGTH], batch_id, limit])


def _change(sql: str, parameters: Sequence[Any]) -> int:
    with transaction.atomic():
        changed = _execute(sql, parameters)
        tally.add(_status_changes(changed), now=timezone.now())
    return len(changed)


# Which counts an outcome stands in. A complaint comes from a mailbox that got the mail.
_COUNTED_AS = {
    Outcome.DELIVERED: ("delivered",),
    Outcome.HARD_BOUNCED: ("bounced",),
    Outcome.COMPLAINED: ("delivered", "complained"),
}
_STATUS_COUNTS = {
    Status.SENT: "sent",
    Status.UNKNOWN: "unknown",
    Status.SKIPPED: "skipped",
    Status.FAILED: "failed",
}


def _newly_used(changed: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The changes that count against the day's quota: each claim once, when it is sent or may be.

    Whoever comes first counts it: the worker, the sweep that gives it up, or SES's event.
    """
    used = (Status.SENT, Status.UNKNOWN)
    return (row for row in changed if row[3] == Status.SENDING and row[4] in used)


def _pace_keys(batch_ids: Sequence[int]) -> list[str]:
    """The pace key of each of these batches, in their order; a batch may come several times."""
    batches = Batch.unscoped.select_related("ses_account").in_bulk(set(batch_ids))
    return [batches[one].ses_account.pace_key for one in batch_ids]


def _status_changes(
    rows: Iterable[tuple[Any, ...]],
) -> defaultdict[tuple[int, int], Counter[str]]:
    """The tally of rows (message, tenant, batch, status before, status now)."""
    changes: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for _, tenant_id, batch_id, before, after in rows:
        counts = changes[tenant_id, batch_id]
        if before != after:
            if before in _STATUS_COUNTS:
                counts[_STATUS_COUNTS[before]] -= 1
            if after in _STATUS_COUNTS:
                counts[_STATUS_COUNTS[after]] += 1
    return changes


def _column(said: str, length: int) -> str:
    """What AWS said, as PostgreSQL takes it: no NUL, and no longer than its column."""
    return said[:length].replace("\0", "")


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _execute(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _execute_values(sql: str, rows: Sequence[Any], template: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        return list(
            execute_values(cursor, sql, rows, template=template, page_size=len(rows), fetch=True)
        )
