"""The send engine without its event loop, and a model of what must be true of it.

Workers here do one step at a time, so that a test decides what comes between: the steps of a drain
(take, claim, send, record), its death, the tasks that the broker holds, and an SES that keeps what
it accepted.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from unittest.mock import patch

from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from redis import Redis

from lists.models import Contact, List, Source, SuppressionReason
from lists.services.suppression import Suppress, suppress
from sending import launching, ledger, queue, quota, sweeping, tasks
from sending.ledger import Result
from sending.models import (
    AccountHour,
    Batch,
    BatchDay,
    Lane,
    Outcome,
    SentMinute,
    SesAccount,
    Status,
)
from sending.outcomes import OutcomeRow, apply_outcomes
from tenants.models import Tenant
from tests.sending.clock import later_in_postgresql, later_in_valkey
from tests.sending.rows import Row, counts, look, tallies

_EMPTY = (
    "sending_messageevent",
    "sending_messagedata",
    "sending_message",
    "sending_accounthour",
    "sending_batchday",
    "sending_batchtally",
    "sending_batch",
    "sending_sentminute",
    "lists_suppression",
)


class End(Enum):
    """How a send ends: what SES did, and what the worker knows of it."""

    ACCEPTED = "accepted"
    ACCEPTED_UNHEARD = "accepted, the answer is lost"
    UNHEARD = "not accepted, the answer is lost"
    THROTTLED = "refused for the rate"
    REFUSED = "refused for good"


@dataclass
class Held:
    """A claimed message in a worker's hand."""

    message_id: int
    claimed_at: datetime
    pace_key: str
    group: queue.Group
    result: Result | None = None


@dataclass
class Worker:
    taken: list[tuple[str, queue.Group]] = field(default_factory=list)
    hand: list[Held] = field(default_factory=list)


class Engine:
    """One tenant's sending, with everything that can happen to it as a method."""

    def __init__(self, account: SesAccount, news: List, stranger: Tenant, redis: Redis) -> None:
        self.account, self.news, self.stranger, self.redis = account, news, stranger, redis
        self.key = account.pace_key
        self.workers = [Worker(), Worker(), Worker()]
        self.tasks: list[tuple[Callable[[int], object], int]] = []
        # The model: what SES accepted, in order, and what was allowed to happen.
        self.accepted: list[tuple[int, str]] = []
        self.times: Counter[int] = Counter()
        self.extra: Counter[int] = Counter()
        self.tried_again: Counter[int] = Counter()
        self.attempt: dict[int, Held] = {}
        self.in_doubt: set[int] = set()
        self.refused: set[int] = set()
        self.suppressed: set[str] = set()
        self.left: set[str] = set()
        self.seen: dict[int, Row] = {}
        self._patches = ExitStack()

    def __enter__(self) -> "Engine":
        self.redis.flushdb()
        with connection.cursor() as cursor:
            for table in _EMPTY:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
        self.news.subscriptions.update(status="active")
        SesAccount.unscoped.filter(pk=self.account.pk).update(
            parked_reason="", parked_until=None, parked_lane=0, last_event_at=timezone.now()
        )
        for task in (tasks.launch, tasks.cancel_rest):
            self._patches.enter_context(patch.object(task, "delay", self._later(task)))
        # Small, so that a few messages show what a million would.
        for owner, name, size in (
            (launching, "_FIRST_CHUNK", 2),
            (launching, "_CHUNK", 2),
            (queue, "WINDOW", 3),
            (queue, "LOW_WATER", 2),
        ):
            self._patches.enter_context(patch.object(owner, name, size))
        return self

    def __exit__(self, *error: object) -> None:
        self._patches.close()

    def _later(self, run: Callable[[int], None]) -> Callable[[int], None]:
        return lambda batch_id: self.tasks.append((run, batch_id))

    # --- what workers do ---------------------------------------------------------------------
    def take(self, worker: Worker, limit: int) -> None:
        taken = queue.take(limit)
        worker.taken += [
            (lease.pace_key, group) for lease in taken.leases for group in lease.groups
        ]
        for key in {*taken.unknown, *taken.spent}:
            quota.refresh(key)

    def give_back(self, worker: Worker) -> None:
        """PostgreSQL did not answer the claim."""
        for key, group in worker.taken:
            queue.put_back(key, group.lane, group.batch_id, group.ids)
        worker.taken.clear()

    def claim(self, worker: Worker) -> None:
        ids = [one for _, group in worker.taken for one in group.ids]
        before = look()
        claim = ledger.claim(ids)
        for key, group in worker.taken:
            for message_id in dict.fromkeys(group.ids):
                if message_id in claim.claimed:
                    claimed = claim.claimed.pop(message_id)
                    assert before[message_id].status is Status.QUEUED, "claimed twice"
                    email = claimed.recipient.email
                    assert email not in self.suppressed, "claimed after its suppression"
                    campaign = group.lane == Lane.CAMPAIGN
                    assert not (campaign and email in self.left), "claimed after it left the list"
                    held = Held(message_id, claimed.claimed_at, key, group)
                    worker.hand.append(held)
                    self.attempt[message_id] = held
            if group.batch_id in claim.held_batches:
                queue.drop(key, group.lane, group.batch_id)
        worker.taken.clear()

    def send(self, held: Held, end: End) -> None:
        """SES gets the message, or does not; the worker knows, and has not written it down yet."""
        one = held.message_id
        ses_id = ""
        if end in (End.ACCEPTED, End.ACCEPTED_UNHEARD):
            ses_id = f"0102-{len(self.accepted)}"
            self.accepted.append((one, ses_id))
            self.times[one] += 1
            assert self.times[one] <= 1 + self.extra[one], "accepted twice"
        status, reason = {
            End.ACCEPTED: (Status.SENT, ""),
            End.ACCEPTED_UNHEARD: (Status.UNKNOWN, "No answer"),
            End.UNHEARD: (Status.UNKNOWN, "No answer"),
            End.THROTTLED: (Status.QUEUED, ""),
            End.REFUSED: (Status.FAILED, "Amazon SES: no"),
        }[end]
        if status is Status.UNKNOWN:
            self.in_doubt.add(one)
        if status is Status.FAILED:
            self.refused.add(one)
        known = ses_id if status is Status.SENT else ""
        held.result = Result(one, held.claimed_at, status, held.pace_key, reason, known)

    def record(self, worker: Worker, *, twice: bool = False) -> None:
        """Writes what the worker knows; what SES did not take is put back afterwards."""
        told = [(held, held.result) for held in worker.hand if held.result is not None]
        before = look()
        for _ in range(2 if twice else 1):
            ledger.record([result for _, result in told])
        after = look()
        # A worker may hold both attempts, and then tells of the later one itself.
        tells = {held.message_id for held, _ in told if self.attempt[held.message_id] is held}
        for held, result in told:
            one = held.message_id
            if one not in tells and result.status is not Status.SENT:
                assert after[one] == before[one], "a slow worker undid a later attempt"
            worker.hand.remove(held)
            if result.status is Status.QUEUED:
                group = held.group
                queue.put_back(held.pace_key, group.lane, group.batch_id, [one])

    def crash(self, worker: Worker) -> None:
        self.in_doubt |= {held.message_id for held in worker.hand}
        worker.taken.clear()
        worker.hand.clear()

    # --- what happens around them --------------------------------------------------------------
    def events(self, told: list[tuple[tuple[int, str], Outcome]], *, forged: bool = False) -> None:
        """SES's events, in one group; `forged` adds another tenant's of the same messages."""
        now = timezone.now()
        rows = [
            OutcomeRow(message_id, self.account.tenant_id, outcome, now, ses_id)
            for (message_id, ses_id), outcome in told
        ]
        if forged:
            rows += [
                replace(row, tenant_id=self.stranger.pk, outcome=Outcome.COMPLAINED)
                for row in rows or self._any_row(now)
            ]
        apply_outcomes(rows)
        gone = [
            self.seen[message_id].email
            for (message_id, _), outcome in told
            if outcome in (Outcome.HARD_BOUNCED, Outcome.COMPLAINED)
        ]
        self.suppress(*gone)
        if told:
            SesAccount.unscoped.filter(pk=self.account.pk).update(last_event_at=now)

    def _any_row(self, now: datetime) -> list[OutcomeRow]:
        tenant_id = self.account.tenant_id
        return [OutcomeRow(one, tenant_id, Outcome.NONE, now, "0102-x") for one in self.seen]

    def suppress(self, *emails: str) -> None:
        suppress(
            tenant=self.account.tenant,
            addresses=[Suppress(one, SuppressionReason.MANUAL, Source.SES) for one in emails],
        )
        self.suppressed |= set(emails)

    def unsubscribe(self, contact: Contact) -> None:
        contact.subscriptions.update(status="unsubscribed")
        self.left.add(contact.email)

    def sweep(self) -> None:
        """What beat does. Awaited mail of an unknown end may be tried once more."""
        before = look()
        for batch_id in sweeping.sweep():
            self.tasks.append((launching.launch, batch_id))
        for one, row in look().items():
            if before[one].status is Status.SENDING and row.status is Status.UNKNOWN:
                self.in_doubt.add(one)
            if before[one].status is Status.UNKNOWN and row.status is Status.QUEUED:
                assert row.lane < Lane.AUTOMATION, "campaign mail is not repeated"
                self.extra[one] += 1
                self.tried_again[one] += 1
                assert self.tried_again[one] == 1, "tried again twice"

    def resend_unknown(self, batch: Batch, resend: Callable[..., int]) -> None:
        # An event was read since, as resend_unknown() wants to see.
        SesAccount.unscoped.filter(pk=batch.ses_account_id).update(last_event_at=timezone.now())
        before = look()
        resend(batch=batch)
        for one, row in look().items():
            if before[one].status is Status.UNKNOWN and row.status is Status.QUEUED:
                self.extra[one] += 1

    def ring_again(self, pick: int) -> None:
        """A message waits in Valkey, whatever became of it meanwhile."""
        message_id = sorted(self.seen)[pick % len(self.seen)]
        row = self.seen[message_id]
        queue.push(self.key, row.lane, row.batch_id, [message_id])

    def lose_valkey(self) -> None:
        """The wheel and the broker's tasks are gone."""
        self.redis.flushdb()
        self.tasks.clear()

    def later(self, **time: float) -> None:
        """Time passes for everyone, for what slow workers hold too."""
        passed = timedelta(**time)
        later_in_postgresql(passed.total_seconds())
        later_in_valkey(self.redis, passed.total_seconds())
        for worker in self.workers:
            for held in worker.hand:
                held.claimed_at -= passed
                if held.result:
                    held.result = replace(held.result, claimed_at=held.claimed_at)

    # --- what must be true ---------------------------------------------------------------------
    def check(self) -> None:
        """The invariants that hold after every step."""
        now = look()
        for one, before in self.seen.items():
            assert now[one].outcome >= before.outcome, "an outcome went back"
            assert before.status is not Status.SENT or now[one].status is Status.SENT
        self.seen = now
        counted = counts(now.values())
        for batch_id, tally in tallies().items():
            assert tally == {name: counted[batch_id][name] for name in tally}, "tally"
        sent = sum(row.status is Status.SENT for row in now.values())
        for table in (AccountHour, BatchDay):
            standing = table.unscoped.aggregate(total=Sum("sent", default=0))["total"]
            assert standing == sent, "what AWS judges by"
        in_hand = sum(row.status is Status.SENDING for row in now.values())
        used = SentMinute.objects.aggregate(total=Sum("sent"))["total"] or 0
        assert used + in_hand >= len(self.accepted), "the day's quota counts less than SES took"

    def settle(self) -> None:
        """Everybody dies, everything passes, and the rest is sent by one who lives."""
        for worker in self.workers:
            self.crash(worker)
        survivor = self.workers[0]
        for _ in range(60):
            self.events([(one, Outcome.NONE) for one in self.accepted])
            self.later(minutes=20)
            self.sweep()
            while self.tasks:
                run, batch_id = self.tasks.pop(0)
                run(batch_id)
            self.take(survivor, 20)
            self.claim(survivor)
            for held in survivor.hand:
                self.send(held, End.ACCEPTED)
            self.record(survivor)
            self.check()
            if not self._unsettled():
                return
        raise AssertionError(f"it never ends: {self._unsettled()}")

    def _unsettled(self) -> list[Row]:
        open_ones = (Status.QUEUED, Status.SENDING)
        return [row for row in self.seen.values() if row.status in open_ones]

    def check_end(self) -> None:
        """Each recipient's state is the truth, once every event is in."""
        self.events([(one, Outcome.NONE) for one in self.accepted])
        self.check()
        for one, row in self.seen.items():
            assert (row.status is Status.SENT) == (self.times[one] > 0), f"{row} is not true"
            assert row.reason or row.status is Status.SENT, f"{row} has no reason"
            assert row.status is not Status.UNKNOWN or one in self.in_doubt, f"{row} is no doubt"
            assert row.status is not Status.FAILED or one in self.refused, f"{row} was not refused"
