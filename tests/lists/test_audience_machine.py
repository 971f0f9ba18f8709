"""No sequence of acts ends with somebody mailed who should not be, or left out who should.

The model is what each person did, in plain Python: it knows nothing of rows. A longer search than
the one of every run: STEPS=80 EXAMPLES=2000 python -m pytest tests/lists/test_audience_machine.py
"""

from contextlib import suppress as forgiving
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone
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

from lists.errors import ConfirmationExpired, ErasedForGood, SignupClosed
from lists.models import (
    Captcha,
    Confirmation,
    ConsentRecord,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    SuppressionReason,
)
from lists.selectors.audience import SENDABLE_SQL, count_sendable, sendable_params
from lists.services import optin
from lists.services.contacts import subscribe, upsert_contact
from lists.services.erasure import erase_contact
from lists.services.lists import delete_list
from lists.services.suppression import Suppress, remove_from_all_lists, suppress, unsuppress
from sending import launching
from sending.ledger import claim
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from sending.services.batches import launch_batch
from tests.conftest import Person
from tests.lists.importing import imported
from tests.preferences.conftest import link
from tests.sending.machines import brief

PEOPLE = tuple(f"{name}@person.example" for name in ("ada", "bea", "eve"))
SLOTS = ("News", "Offers", "Free")  # to Free one signs up without a confirmation
WHO, WHICH = st.sampled_from(PEOPLE), st.sampled_from(SLOTS)
SOME = st.sets(WHICH, min_size=1).map(sorted)


@dataclass
class Did:
    """What one person did, and what was done to their address."""

    decided: dict[int, bool] = field(default_factory=dict)  # list -> wants its mail
    left_everything: bool = False
    paused_days: int = 0  # all mail
    paused_lists: dict[int, int] = field(default_factory=dict)  # list -> days
    suppressed: bool = False
    erased: bool = False

    def wants(self, lists: set[int]) -> bool:
        """Whether mail to these lists is theirs to get today."""
        return (
            not self.suppressed
            and not self.paused_days
            and any(
                self.decided.get(one, False) and not self.paused_lists.get(one) for one in lists
            )
        )

    def comes(self, lists: list[int]) -> None:
        """By their own act: it beats everything that they did before, for these lists."""
        if self.left_everything:
            self.decided = dict.fromkeys(self.decided, False)
            self.left_everything = False
        for one in lists:
            self.decided[one] = True
            self.paused_lists.pop(one, None)

    def is_added(self, lists: list[int]) -> None:
        """By somebody else, who says that they agreed: only where they have decided nothing."""
        for one in lists:
            self.decided.setdefault(one, not self.left_everything)

    def leaves(self, lists: list[int]) -> None:
        for one in lists:
            self.decided[one] = False
            self.paused_lists.pop(one, None)

    def leaves_everything(self) -> None:
        self.leaves(list(self.decided))
        self.left_everything = True


@dataclass
class Mailed:
    """A confirmation mail: for whom, to which lists, and how many days its link still works."""

    row: Confirmation
    email: str
    lists: list[int]
    days: int = 7
    pressed: bool = False


class AudienceMachine(RuleBasedStateMachine):
    """Everything that visitors, readers, members, programs and SES do, in any order."""

    def __init__(self, alice: Person, account: SesAccount) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.alice, self.tenant, self.account = alice, alice.tenant, account
        self.reader = Client()
        self.people = {email: Did() for email in PEOPLE}
        self.mailed: list[Mailed] = []
        self.batches: list[Batch] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    # --- the cast --------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.lists: dict[str, List] = {}
        self.ever: set[int] = set()
        for slot in SLOTS:
            self.make_list(slot)

    def make_list(self, slot: str) -> None:
        made = List.unscoped.create(
            tenant=self.tenant, name=f"{slot} {len(self.ever)}", double_opt_in=slot != "Free"
        )
        self.lists[slot] = made
        self.ever.add(made.pk)

    def chosen(self, slots: list[str]) -> list[List]:
        return [self.lists[slot] for slot in slots]

    def contact(self, email: str) -> Contact | None:
        found: Contact | None = Contact.unscoped.filter(email_norm=email).first()
        return found

    def presses(
        self, name: str, email: str, batch: int = 0, *, done: bool = True, **body: Any
    ) -> bool:
        """Presses a button of a public page of this person; False when they are nobody yet. Not
        `done`: the page says that it could not do it.
        """
        contact = self.contact(email)
        if contact is None:
            return False
        answer = self.reader.post(link(name, contact, batch), body)
        assert answer.status_code == (200 if done else 422)
        return True

    # --- visitors --------------------------------------------------------------------------------

    @rule(email=WHO, slots=SOME)
    def sign_up(self, email: str, slots: list[str]) -> None:
        """Themselves or a stranger: nobody can tell. Each time through a form of its own, so that
        no limit of mails stands between."""
        form = SignupForm.unscoped.create(
            tenant=self.tenant, name="x", title="x", consent_wording="x", captcha=Captcha.NONE
        )
        form.lists.set(self.chosen(slots))
        did = self.people[email]
        row = optin.request_subscription(
            form=form,
            email=email.upper(),
            lists=self.chosen(slots),
            values={},
            ip="",
            user_agent="",
        )
        if did.suppressed:
            assert row is None
            return
        if not did.left_everything:
            did.is_added([self.lists["Free"].pk] if "Free" in slots else [])
        if row is not None:
            wanted = [one.pk for one in row.lists.all()]
            assert not any(did.wants({one}) for one in wanted)
            for one in wanted:
                did.decided.setdefault(one, False)
            self.mailed.append(Mailed(row, email, wanted))

    @precondition(lambda self: self.mailed)
    @rule(pick=st.integers(0, 30))
    def press_the_link(self, pick: int) -> None:
        mail = self.mailed[pick % len(self.mailed)]
        there = [one for one in mail.lists if one in {x.pk for x in self.lists.values()}]
        try:
            optin.confirm(
                confirmation_id=mail.row.pk,
                contact_id=mail.row.contact_id,
                ip="",
                user_agent="",
            )
        except ConfirmationExpired:
            assert mail.days <= 0
        except SignupClosed:
            assert not there
        else:
            assert mail.pressed or mail.days > 0
            if not mail.pressed:
                self.people[mail.email].comes(there)
                mail.pressed = True

    # --- readers ---------------------------------------------------------------------------------

    def end_links(self, email: str, lists: list[int] | None) -> None:
        """Who leaves ends the mails that still wait for their press."""
        for mail in self.mailed:
            if mail.email == email and (lists is None or set(lists) & set(mail.lists)):
                mail.days = min(mail.days, 0)

    @rule(email=WHO, slot=WHICH)
    def unsubscribe(self, email: str, slot: str) -> None:
        one = self.lists[slot]
        if self.presses("preferences", email, act="unsubscribe", list=str(one.public_id)):
            self.people[email].leaves([one.pk])
            self.end_links(email, [one.pk])

    @rule(email=WHO)
    def unsubscribe_from_everything(self, email: str) -> None:
        if self.presses("preferences", email, act="unsubscribe"):
            self.people[email].leaves_everything()
            self.end_links(email, None)

    @precondition(lambda self: self.batches)
    @rule(email=WHO, pick=st.integers(0, 30), how=st.sampled_from(["one_click", "page"]))
    def unsubscribe_from_a_mail(self, email: str, pick: int, how: str) -> None:
        """Off the lists of the mail; off everything when they are gone."""
        batch = self.batches[pick % len(self.batches)]
        left = [one for one in batch.list_ids if one in {x.pk for x in self.lists.values()}]
        body: dict[str, Any] = (
            {"List-Unsubscribe": "One-Click"} if how == "one_click" else {"from": "lists"}
        )
        if not self.presses("unsubscribe", email, batch.pk, **body):
            return
        if left:
            self.people[email].leaves(left)
        else:
            self.people[email].leaves_everything()
        self.end_links(email, left or None)

    @rule(email=WHO, slot=WHICH)
    def resubscribe(self, email: str, slot: str) -> None:
        one = self.lists[slot]
        if self.presses("preferences", email, act="subscribe", list=str(one.public_id)):
            self.people[email].comes([one.pk])

    @rule(email=WHO, slot=WHICH, days=st.sampled_from([30, 60, 90]))
    def pause(self, email: str, slot: str, days: int) -> None:
        one, did = self.lists[slot], self.people[email]
        body: dict[str, Any] = {"act": "pause", "list": str(one.public_id), "days": days}
        there = bool(did.decided.get(one.pk))
        if self.presses("preferences", email, done=there, **body) and there:
            did.paused_lists[one.pk] = days

    @rule(email=WHO, days=st.sampled_from([30, 60, 90]))
    def pause_all(self, email: str, days: int) -> None:
        if self.presses("preferences", email, act="pause", days=days):
            self.people[email].paused_days = days

    @rule(email=WHO, slot=st.none() | WHICH)
    def resume(self, email: str, slot: str | None) -> None:
        did = self.people[email]
        if slot is None:
            if self.presses("preferences", email, act="resume"):
                did.paused_days = 0
        else:
            one = self.lists[slot]
            body: dict[str, Any] = {"act": "resume", "list": str(one.public_id)}
            if self.presses("preferences", email, done=bool(did.decided.get(one.pk)), **body):
                did.paused_lists.pop(one.pk, None)

    @rule(days=st.sampled_from([1, 8, 31, 61, 91]))
    def days_pass(self, days: int) -> None:
        """Everything that ends by itself comes nearer."""
        by = timedelta(days=days)
        for model in (Contact, Subscription):
            model.unscoped.exclude(paused_until=None).update(paused_until=F("paused_until") - by)
        Confirmation.unscoped.update(
            expires_at=F("expires_at") - by, created_at=F("created_at") - by
        )
        for did in self.people.values():
            did.paused_days = max(0, did.paused_days - days)
            did.paused_lists = {one: max(0, left - days) for one, left in did.paused_lists.items()}
        for mail in self.mailed:
            mail.days -= days

    # --- members and programs --------------------------------------------------------------------

    @rule(email=WHO, slots=SOME, source=st.sampled_from([Source.API, Source.MEMBER]))
    def add(self, email: str, slots: list[str], source: Source) -> None:
        contact = upsert_contact(tenant=self.tenant, email=email, source=source)
        subscribe(contact=contact, lists=self.chosen(slots), source=source, consent_wording="x")
        self.people[email].is_added([one.pk for one in self.chosen(slots)])

    @rule(emails=st.sets(WHO, min_size=1).map(sorted), slots=SOME)
    def import_file(self, emails: list[str], slots: list[str]) -> None:
        lines = "".join(f"{email}\n" for email in emails)
        imported(self.alice, f"email\n{lines}", self.chosen(slots))
        for email in emails:
            self.people[email].is_added([one.pk for one in self.chosen(slots)])

    @rule(email=WHO)
    def take_off_all_lists(self, email: str) -> None:
        contact = self.contact(email)
        if contact is not None:
            remove_from_all_lists(
                tenant=self.tenant, contact_ids=[contact.pk], source=Source.MEMBER
            )
            self.people[email].leaves_everything()

    @rule(email=WHO)
    def erase(self, email: str) -> None:
        """What is forgotten is all but one thing: never to mail them again."""
        contact = self.contact(email)
        if contact is not None:
            erase_contact(contact=contact, actor=self.alice.user)
            self.people[email] = Did(suppressed=True, erased=True)
            self.mailed = [mail for mail in self.mailed if mail.email != email]

    @rule(slot=WHICH)
    def delete_and_make_a_list(self, slot: str) -> None:
        gone = self.lists[slot]
        delete_list(list_=gone, actor=self.alice.user)
        for did in self.people.values():
            did.decided.pop(gone.pk, None)
            did.paused_lists.pop(gone.pk, None)
        self.make_list(slot)

    # --- SES -------------------------------------------------------------------------------------

    @rule(
        email=WHO,
        reason=st.sampled_from([SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT]),
    )
    def comes_back(self, email: str, reason: SuppressionReason) -> None:
        suppress(tenant=self.tenant, addresses=[Suppress(email, reason, Source.SES, "550")])
        self.people[email].suppressed = True

    @rule(email=WHO)
    def unsuppress(self, email: str) -> None:
        did = self.people[email]
        with forgiving(ErasedForGood):
            unsuppress(tenant=self.tenant, email_norm=email, actor=self.alice.user)
        did.suppressed = did.erased

    # --- what is asked ---------------------------------------------------------------------------

    def expected(self, lists: set[int]) -> set[str]:
        return {email for email, did in self.people.items() if did.wants(lists)}

    @invariant()
    def the_sendable_are_who_wants_it(self) -> None:
        for lists in [*({one} for one in self.ever), self.ever]:
            assert sendable(self.tenant.pk, lists) == self.expected(lists)
            counted = count_sendable(tenant=self.tenant, list_ids=lists)
            assert counted == len(self.expected(lists))

    @precondition(lambda self: len(self.batches) < 4)
    @rule(slots=SOME)
    def launch(self, slots: list[str]) -> None:
        lists = {one.pk for one in self.chosen(slots)}
        batch = Batch.unscoped.create(
            tenant=self.tenant,
            lane=Lane.CAMPAIGN,
            ses_account=self.account,
            from_header="Acme <news@acme.example>",
            subject="Hello",
            text="Hello",
            list_ids=sorted(lists),
        )
        launch_batch(batch=batch)
        launching.launch(batch.pk)
        assert queued(batch) == self.expected(lists)
        self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(pick=st.integers(0, 30))
    def send_what_waits(self, pick: int) -> None:
        """What was done since the launch counts, too."""
        batch = self.batches[pick % len(self.batches)]
        wanted = queued(batch) & self.expected(set(batch.list_ids))
        Batch.unscoped.filter(pk=batch.pk).update(state=BatchState.RUNNING)
        waiting = Message.unscoped.filter(batch=batch, status=Status.QUEUED)
        taken = claim(list(waiting.values_list("pk", flat=True))).claimed
        assert {one.recipient.email.lower() for one in taken.values()} == wanted

    @invariant()
    def every_member_has_a_proof(self) -> None:
        """Nobody is on a list without a record, or an import's attestation, that put them there."""
        active = Subscription.unscoped.filter(status="active", imported=None)
        for place in active.select_related("list"):
            proofs = ConsentRecord.unscoped.filter(
                contact_id=place.contact_id,
                act__in=["confirmed", "attested", "resubscribed", "signed_up"],
                list_names__contains=[place.list.name],
            )
            assert proofs.exists(), place


def sendable(tenant_id: int, lists: set[int]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.email_norm FROM lists_contact c "  # noqa: S608 (a constant of ours)
            f"WHERE c.tenant_id = %(tenant_id)s AND {SENDABLE_SQL}",
            sendable_params(lists, now=timezone.now()) | {"tenant_id": tenant_id},
        )
        return {row[0] for row in cursor.fetchall()}


def queued(batch: Batch) -> set[str]:
    rows = Message.unscoped.filter(batch=batch, status=Status.QUEUED)
    return {email.lower() for email in rows.values_list("email", flat=True)}


@pytest.mark.django_db
def test_only_who_wants_it_is_mailed(alice: Person, ses_account: SesAccount, redis: Redis) -> None:
    class Machine(AudienceMachine):
        def __init__(self) -> None:
            super().__init__(alice, ses_account)

    run_state_machine_as_test(Machine, settings=brief(25))
