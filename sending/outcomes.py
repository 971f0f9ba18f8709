"""What SES tells about messages: delivered, bounced, complained, or only that it has them.

The other way in which a message changes; sending.ledger has the first.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from sending import engagement, pulse, standing, tally
from sending.models import Batch, Count, EventKind, Message, Outcome, Status
from sending.statements import SES_ID_LENGTH, as_json, column, execute
from tenants.models import Tenant

# Which counts an outcome stands in. A complaint comes from a mailbox that got the mail.
_COUNTED_AS = {
    Outcome.DELIVERED: ("delivered",),
    Outcome.HARD_BOUNCED: ("bounced",),
    Outcome.COMPLAINED: ("delivered", "complained"),
}


# Bits of Message.counted; they are stored.
_BITS = {
    Count.DELIVERED: 1,
    Count.BOUNCED: 2,
    Count.HELD_BACK: 4,
    Count.SOFT_BOUNCED: 8,
    Count.COMPLAINED: 16,
    Count.REJECTED: 32,
}
_REFUSED = 64


@dataclass(frozen=True)
class OutcomeRow:
    """What SES told about a message: Outcome.NONE says only that SES accepted it.

    `by_person`: OPEN or CLICK where a person opened or clicked at that time. `counts`: what it is
    for the account's standing; `refused`: a server refused the mail for what is in it. Of several
    that count as the same for one mail, the first one does.
    """

    message_id: int
    tenant_id: int
    outcome: Outcome
    at: datetime
    ses_message_id: str = ""
    by_person: EventKind | None = None
    counts: Count | None = None
    refused: bool = False

    @property
    def bits(self) -> int:
        return (_BITS[self.counts] if self.counts else 0) | (_REFUSED if self.refused else 0)


_OUTCOMES = f"""
    WITH v AS (
        SELECT * FROM json_to_recordset(%s) AS v
            (id bigint, tenant_id bigint, outcome smallint, at timestamptz, ses_message_id text,
             counted smallint)
    ), old AS (
        SELECT m.id, m.status, m.outcome, m.counted FROM sending_message m
        JOIN v ON v.id = m.id AND v.tenant_id = m.tenant_id
        WHERE v.outcome > m.outcome OR m.status <> {Status.SENT.value}
           OR v.counted & ~m.counted <> 0
        ORDER BY m.id FOR NO KEY UPDATE OF m
    )
    UPDATE sending_message m SET
        outcome = GREATEST(m.outcome, v.outcome),
        outcome_at = CASE WHEN v.outcome > m.outcome THEN v.at ELSE m.outcome_at END,
        counted = m.counted | v.counted,
        status = {Status.SENT.value},
        reason = '',
        sent_at = COALESCE(m.sent_at, v.at),
        ses_message_id = COALESCE(NULLIF(m.ses_message_id, ''), v.ses_message_id)
    FROM old JOIN v ON v.id = old.id
    WHERE m.id = old.id AND m.tenant_id = v.tenant_id
    RETURNING m.id, m.tenant_id, m.batch_id, old.status, m.status, m.email,
        old.outcome, m.outcome, v.counted & ~old.counted
"""


def apply_outcomes(rows: Iterable[OutcomeRow]) -> int:
    """Applies what SES told, and returns how many messages it changed.

    An outcome only ever grows. An event proves that SES has the message, so it is sent, whatever we
    knew of it before; a second attempt that waits then never happens. Rows of another tenant than
    the message's change nothing.
    """
    best: dict[tuple[int, int], OutcomeRow] = {}
    bits: Counter[tuple[int, int]] = Counter()
    acts: list[engagement.Act] = []
    rows = list(rows)
    for row in rows:
        bits[row.message_id, row.tenant_id] |= row.bits
        if row.by_person is not None:
            acts.append((row.message_id, row.tenant_id, row.by_person, row.at))
        known = best.get((row.message_id, row.tenant_id))
        if known is None or row.outcome > known.outcome:
            best[row.message_id, row.tenant_id] = row
    values = [
        {
            "id": r.message_id,
            "tenant_id": r.tenant_id,
            "outcome": r.outcome,
            "at": r.at,
            "ses_message_id": column(r.ses_message_id, SES_ID_LENGTH),
            "counted": bits[key],
        }
        for key, r in sorted(best.items())
    ]
    if not values:
        return 0
    with transaction.atomic():
        changed = execute(_OUTCOMES, [as_json(values)])
        changes = tally.status_changes(changed)
        for _, tenant_id, batch_id, _, _, _, before, after, fresh in changed:
            changes[tenant_id, batch_id].subtract(_COUNTED_AS.get(before, ()))
            changes[tenant_id, batch_id].update(_COUNTED_AS.get(after, ()))
            changes[tenant_id, batch_id]["refused"] += bool(fresh & _REFUSED)
        now = timezone.now()
        tally.add(changes, now=now)
        tally.add_used(_pace_keys([row[2] for row in tally.newly_used(changed)]), now=now)
        sent = list(tally.newly_sent(changed))
        told = ((row[2], row[5], Count.SENT.value, now) for row in sent)
        standing.add([*told, *_newly_told(rows, changed)])
        pulse.sent({row[2] for row in sent}, now)
        engagement.note([row[0] for row in changed if _is_news(*row[3:5], *row[6:8])], acts)
    return len(changed)


def _newly_told(
    rows: Iterable[OutcomeRow], changed: Iterable[tally.Changed]
) -> Iterator[standing.Told]:
    """What counts for the standing of accounts: of each mail the first that is told of a kind."""
    about = {(row[0], row[1]): (row[2], row[5]) for row in changed}
    fresh = {(row[0], row[1]): row[-1] for row in changed}
    for row in sorted(rows, key=lambda one: one.at):
        key = row.message_id, row.tenant_id
        if row.counts and fresh.get(key, 0) & _BITS[row.counts]:
            fresh[key] &= ~_BITS[row.counts]
            yield (*about[key], row.counts.value, row.at)


def _is_news(status: int, now: int, before: int, after: int) -> bool:
    """It is known only now that the message was sent, or that it arrived."""
    arrived = "delivered" in _COUNTED_AS.get(Outcome(after), ())
    known = "delivered" in _COUNTED_AS.get(Outcome(before), ())
    return status != now or (arrived and not known)


def _pace_keys(batch_ids: Sequence[int]) -> Iterator[str]:
    """The pace key of each of these batches, in their order; a batch may come several times."""
    if not batch_ids:
        return iter(())
    columns = ("pk", "ses_account__aws_account_id", "ses_account__region")
    batches = Batch.unscoped.filter(pk__in=set(batch_ids)).values_list(*columns)
    keys = {pk: f"{account}:{region}" for pk, account, region in batches}
    return (keys[one] for one in batch_ids)


def find_messages(tenant: Tenant, ses_message_ids: Iterable[str]) -> dict[str, int]:
    """Message ids of this tenant by the ids that SES gave them; unknown ones are left out."""
    rows = Message.objects.for_tenant(tenant).filter(
        ses_message_id__in=[one for one in ses_message_ids if one]
    )
    return dict(rows.values_list("ses_message_id", "id"))
