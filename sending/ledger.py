"""What a message is changes here, and by what SES tells (sending.outcomes). All in sets.

A claim is a conditional update, so an id that rings twice is sent once. `claimed_at` names the
attempt: what a worker learns about an attempt changes the row only while it is still that
attempt's. Reasons: docs/decisions/claims-and-unknown.md.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from lists.selectors.audience import SENDABLE_SQL, STAYED_SQL
from sending import engagement, pulse, standing, tally
from sending.models import Batch, BatchState, Count, Status
from sending.skeleton import Recipient
from sending.statements import REASON_LENGTH, SES_ID_LENGTH, as_json, column, execute

_HOLD = "hold"
_SENT = Count.SENT.value

# Of an audience with segments: who has left a list that it names is not reached by another.
_CHOSEN = "ARRAY(SELECT jsonb_array_elements_text(b.audience -> 'lists')::bigint)"
_STAYED = STAYED_SQL % {"chosen": _CHOSEN, "now": "now()"}

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
    WHEN {SENDABLE_SQL % {"list_ids": "b.list_ids", "now": "now()"}}
         AND (b.audience -> 'lists' IS NULL OR {_STAYED}) THEN NULL
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


_RESULTS = """json_to_recordset(%s) AS v
    (id bigint, claimed_at timestamptz, status smallint, reason text, ses_message_id text)"""
# The usual case: the row is still this claim's. Rows are looked up in their order: events that come
# at the same moment lock them so too, and the two would wait for each other in a ring. `+ 0` leaves
# the index of claims unused, by which they would come in another.
_RECORD = f"""
    UPDATE sending_message m SET
        status = v.status,
        reason = v.reason,
        ses_message_id = v.ses_message_id,
        sent_at = CASE WHEN v.status = {Status.SENT.value} THEN clock_timestamp() END,
        claimed_at = CASE WHEN v.status <> {Status.QUEUED.value} THEN m.claimed_at END,
        attempts = m.attempts - CASE WHEN v.status = {Status.QUEUED.value} THEN 1 ELSE 0 END
    FROM {_RESULTS}
    WHERE m.id = v.id AND m.status + 0 = {Status.SENDING.value} AND m.claimed_at = v.claimed_at
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.SENDING.value}, m.status, m.email
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
    RETURNING m.id, m.tenant_id, m.batch_id, old.status, m.status, m.email
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
            "reason": column(r.reason, REASON_LENGTH),
            "ses_message_id": column(r.ses_message_id, SES_ID_LENGTH),
        }
        for r in sorted(results, key=lambda r: r.message_id)
    ]
    with transaction.atomic():
        changed = execute(_RECORD, [as_json(rows)])
        done = {row[0] for row in changed}
        late = [row for row in rows if row["id"] not in done]
        if late:
            too_late = execute(_RECORD_LATE, [as_json(late)])
            # Their batch may have ended, and its mails been counted, without them.
            engagement.note([row[0] for row in too_late])
            changed += too_late
        tally.add(tally.status_changes(changed), now=now)
        pace_keys = {r.message_id: r.pace_key for r in results}
        tally.add_used((pace_keys[row[0]] for row in tally.newly_used(changed)), now=now)
        sent = list(tally.newly_sent(changed))
        standing.add((row[2], row[5], _SENT, now) for row in sent)
        pulse.sent({row[2] for row in sent}, now)


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
# Not WHERE id IN (SELECT … LIMIT): where statistics are old the planner has run that again for each
# row, and cancelling a hundred thousand took ten minutes and more.
_SKIP_QUEUED = f"""
    WITH waiting AS MATERIALIZED (
        SELECT id FROM sending_message WHERE batch_id = %s AND status = {Status.QUEUED.value}
        ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE sending_message m SET status = {Status.SKIPPED.value}, reason = %s
    FROM waiting WHERE m.id = waiting.id
    RETURNING m.id, m.tenant_id, m.batch_id, {Status.QUEUED.value}, m.status
"""


def expire(claimed_before: datetime, reason: str) -> int:
    """Calls unknown what was claimed before a time and never answered for; returns how many.

    SES may have them, so they count against the day's quota.
    """
    with transaction.atomic():
        changed = execute(_EXPIRE, [claimed_before, reason])
        tally.add(tally.status_changes([row[:5] for row in changed]), now=timezone.now())
        tally.add_used((row[5] for row in changed), now=timezone.now())
    return len(changed)


def requeue_unknown(ids: Sequence[int]) -> int:
    """Queues unknown messages for one more attempt; returns how many still were unknown."""
    return _change(_REQUEUE_UNKNOWN, [list(ids)]) if ids else 0


def skip_queued(batch_id: int, reason: str, limit: int) -> int:
    """Skips up to `limit` queued messages of a batch; returns how many."""
    return _change(_SKIP_QUEUED, [batch_id, limit, reason[:REASON_LENGTH]])


def _change(sql: str, parameters: Sequence[Any]) -> int:
    with transaction.atomic():
        changed = execute(sql, parameters)
        tally.add(tally.status_changes(changed), now=timezone.now())
    return len(changed)
