"""No interleaving loses a recipient or mails one twice: claims, crashes, events, brakes, sweeps.

A longer search than the one of every run: STEPS=80 EXAMPLES=3000 python -m pytest
tests/sending/test_state_machine.py
"""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from lists.models import Contact, List
from lists.selectors.reach import Audience
from sending import feed, launching, queue, quota
from sending.decide import Action, Decision
from sending.errors import BatchEnded
from sending.models import Batch, BatchState, Lane, Outcome, SesAccount
from sending.services.batches import (
    Mail,
    cancel_batch,
    create_batch,
    launch_batch,
    pause_batch,
    resend_unknown,
    resume_batch,
    send_one,
)
from tenants.models import Tenant
from tests.sending.engine import End, Engine, Held, Worker
from tests.sending.factory import make_contacts
from tests.sending.machines import brief
from tests.sending.rows import look

PICK = st.integers(0, 11)
CAMPAIGNS, AWAITED, CONTACTS = 2, 4, 5
MAIL: Mail = {
    "from_header": "Acme <news@acme.example>",
    "subject": "Hello",
    "html": "<p>Hello</p>",
}


class SendMachine(RuleBasedStateMachine):
    """Everything that workers, members, SES and misfortune do, in any order."""

    def __init__(self, engine: Engine, contacts: list[Contact]) -> None:
        super().__init__()
        self.engine = engine.__enter__()
        self.contacts = contacts
        self.campaigns: list[Batch] = []
        self.awaited: list[Batch] = []
        self.asked = 0

    @property
    def batches(self) -> list[Batch]:
        return self.campaigns + self.awaited

    def batch(self, pick: int) -> Batch:
        batch = self.batches[pick % len(self.batches)]
        batch.refresh_from_db()
        return batch

    def worker(self, pick: int) -> Worker:
        return self.engine.workers[pick % len(self.engine.workers)]

    @initialize(awaited=st.integers(0, 2))
    def begin(self, awaited: int) -> None:
        """A launched campaign, some awaited mail, and a wheel that knows its rate."""
        self.press_send()
        self.run_task(0)
        for pick in range(awaited):
            self.ask_for_one(pick)
        quota.refresh(self.engine.key)

    # --- members ---------------------------------------------------------------------------------
    @precondition(lambda self: len(self.campaigns) < CAMPAIGNS)
    @rule()
    def press_send(self) -> None:
        account = self.engine.account
        batch = create_batch(
            tenant=account.tenant,
            lane=Lane.CAMPAIGN,
            ses_account=account,
            audience=Audience((self.engine.news.pk,)),
            **MAIL,
        )
        self.campaigns.append(launch_batch(batch=batch))

    @precondition(lambda self: self.asked < AWAITED)
    @rule(pick=PICK)
    def ask_for_one(self, pick: int) -> None:
        if not self.awaited:
            account = self.engine.account
            self.awaited.append(
                create_batch(
                    tenant=account.tenant, lane=Lane.TRANSACTIONAL, ses_account=account, **MAIL
                )
            )
        if self.batch(len(self.campaigns)).state != BatchState.CANCELLED:
            self.asked += 1
            send_one(batch=self.awaited[0], email=self.contacts[pick % CONTACTS].email)

    @rule(brake=st.sampled_from(["pause", "resume", "cancel", "resend"]), pick=PICK)
    def brake(self, brake: str, pick: int) -> None:
        batch = self.batch(pick)
        try:
            match brake:
                case "pause":
                    pause_batch(batch=batch, reason="To look")
                case "resume":
                    resume_batch(batch=batch)
                case "cancel":
                    cancel_batch(batch=batch)
                case _:
                    self.engine.resend_unknown(batch, resend_unknown)
        except BatchEnded:
            assert batch.state in (BatchState.DONE, BatchState.CANCELLED)

    @rule(pick=PICK, everything=st.booleans())
    def leave(self, pick: int, everything: bool) -> None:
        contact = self.contacts[pick % CONTACTS]
        if everything:
            self.engine.suppress(contact.email)
        else:
            self.engine.unsubscribe(contact)

    # --- workers -----------------------------------------------------------------------------
    @precondition(lambda self: self.engine.tasks)
    @rule(pick=PICK)
    def run_task(self, pick: int) -> None:
        run, batch_id = self.engine.tasks.pop(pick % len(self.engine.tasks))
        run(batch_id)

    @precondition(lambda self: self.engine.tasks)
    @rule(pick=PICK)
    def die_in_a_launch(self, pick: int) -> None:
        _, batch_id = self.engine.tasks.pop(pick % len(self.engine.tasks))
        launching._write_chunk(batch_id)

    @precondition(lambda self: bool(self.batches))
    @rule(pick=PICK, start=st.booleans())
    def feed(self, pick: int, start: bool) -> None:
        feed.feed(self.batch(pick).pk, start=start)

    @precondition(lambda self: bool(self.engine.seen))
    @rule(pick=PICK)
    def ring_again(self, pick: int) -> None:
        self.engine.ring_again(pick)

    @precondition(lambda self: bool(queue.pace_keys()))
    @rule(pick=PICK, limit=st.integers(1, 5))
    def take(self, pick: int, limit: int) -> None:
        self.engine.take(self.worker(pick), limit)

    @precondition(lambda self: any(one.taken for one in self.engine.workers))
    @rule(pick=PICK)
    def claim(self, pick: int) -> None:
        taken = [one for one in self.engine.workers if one.taken]
        self.engine.claim(taken[pick % len(taken)])

    @precondition(lambda self: bool(queue.pace_keys()))
    @rule(pick=PICK)
    def take_and_claim(self, pick: int) -> None:
        self.engine.take(self.worker(pick), 5)
        self.engine.claim(self.worker(pick))

    @precondition(lambda self: any(one.taken for one in self.engine.workers))
    @rule(pick=PICK)
    def give_back(self, pick: int) -> None:
        self.engine.give_back(self.worker(pick))

    def unsent(self) -> list[Held]:
        return [held for one in self.engine.workers for held in one.hand if not held.result]

    @precondition(lambda self: self.unsent())
    @rule(pick=PICK, end=st.sampled_from(End))
    def send(self, pick: int, end: End) -> None:
        held = self.unsent()
        self.engine.send(held[pick % len(held)], end)

    @precondition(lambda self: self.unsent())
    @rule(end=st.sampled_from(End))
    def send_all(self, end: End) -> None:
        for held in self.unsent():
            self.engine.send(held, end)

    @precondition(lambda self: any(held.result for one in self.engine.workers for held in one.hand))
    @rule(pick=PICK, twice=st.booleans())
    def record(self, pick: int, twice: bool) -> None:
        known = [one for one in self.engine.workers if any(held.result for held in one.hand)]
        self.engine.record(known[pick % len(known)], twice=twice)

    @precondition(lambda self: any(one.taken or one.hand for one in self.engine.workers))
    @rule(pick=PICK)
    def crash(self, pick: int) -> None:
        self.engine.crash(self.worker(pick))

    # --- SES ---------------------------------------------------------------------------------
    @precondition(lambda self: self.engine.accepted)
    @rule(
        told=st.lists(st.tuples(PICK, st.sampled_from(Outcome)), min_size=1, max_size=3),
        forged=st.booleans(),
    )
    def event(self, told: list[tuple[int, Outcome]], forged: bool) -> None:
        accepted = self.engine.accepted
        events = [(accepted[pick % len(accepted)], outcome) for pick, outcome in told]
        self.engine.events(events, forged=forged)

    @rule()
    def forge(self) -> None:
        before = look()
        self.engine.events([], forged=True)
        assert look() == before, "another tenant's event changed a message"

    @rule()
    def refuse_for_the_day(self) -> None:
        quota.refused(self.engine.key, Decision(Action.PARK_QUOTA, "Daily quota reached"))

    # --- time and misfortune -----------------------------------------------------------------
    @rule()
    def lose_valkey(self) -> None:
        self.engine.lose_valkey()

    @rule()
    def sweep(self) -> None:
        self.engine.sweep()

    @rule(minutes=st.sampled_from([0.05, 1.0, 3.0, 20.0, 90.0]))
    def wait(self, minutes: float) -> None:
        self.engine.later(minutes=minutes)

    @rule()
    def wait_and_sweep(self) -> None:
        self.engine.later(minutes=3)
        self.engine.sweep()

    @precondition(lambda self: bool(self.unsent()))
    @rule(pick=PICK)
    def overtake(self, pick: int) -> None:
        """A worker is held up for so long that others have its messages meanwhile."""
        self.engine.later(minutes=20)
        self.engine.sweep()
        for batch in self.batches:
            if self.batch(self.batches.index(batch)).state != BatchState.CANCELLED:
                self.engine.resend_unknown(batch, resend_unknown)
        self.engine.sweep()
        self.take_and_claim(pick)

    @invariant()
    def holds(self) -> None:
        self.engine.check()

    def teardown(self) -> None:
        engine = self.engine
        try:
            for batch in self.batches:
                batch.refresh_from_db()
                if batch.state == BatchState.PAUSED:
                    resume_batch(batch=batch)
            engine.settle()
            engine.check_end()
            self.nobody_is_left_out()
        finally:
            engine.__exit__()

    def nobody_is_left_out(self) -> None:
        for batch in self.campaigns:
            batch.refresh_from_db()
            mailed = {row.email for row in self.engine.seen.values() if row.batch_id == batch.pk}
            stayed = {one.email for one in self.contacts} - self.engine.left
            assert batch.state == BatchState.CANCELLED or stayed <= mailed


@pytest.mark.django_db(transaction=True)
def test_nobody_is_lost_and_nobody_mailed_twice(
    ses_account: SesAccount, news: List, evil: Tenant, redis: Redis
) -> None:
    contacts = make_contacts(news, CONTACTS)

    class Machine(SendMachine):
        def __init__(self) -> None:
            super().__init__(Engine(ses_account, news, evil, redis), contacts)

    run_state_machine_as_test(Machine, settings=brief(30))
