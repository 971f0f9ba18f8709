"""What lists_engagement knows of campaigns' mails, and from whom."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact, Engagement, List
from lists.segments.reading import parse
from lists.selectors.segments import count
from sending import engagement, ledger
from sending.ledger import Result
from sending.models import Batch, BatchState, EventKind, Message, Outcome, SesAccount, Status
from sending.outcomes import OutcomeRow, apply_outcomes
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]

AGO = timezone.now() - timedelta(days=3)


def campaign(account: SesAccount, news: List, **fields: Any) -> Batch:
    return make_batch(account, [news], launched_at=AGO, audience_at=AGO, **fields)


def sent_within(batch: Batch, days: int, op: str = "within") -> int:
    condition = {"what": "sent", "op": op, "values": [days]}
    return count(batch.tenant, parse({"groups": [[condition]]}))


def folded() -> dict[str, datetime | None]:
    rows = Engagement.unscoped.select_related("contact")
    return {row.contact.email: row.last_sent_at for row in rows}


def test_who_was_sent_is_known_before_the_fold_and_after_it(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engagement, "_CHUNK", 2)
    batch = campaign(ses_account, news)
    contacts = make_contacts(news, 6)
    make_messages(batch, contacts[:3], status=Status.SENT, sent_at=AGO)
    make_messages(batch, contacts[3:4], status=Status.SKIPPED)
    make_messages(batch, contacts[4:5], status=Status.UNKNOWN)
    assert engagement.fold(seconds=10) == 0  # it still runs
    assert (sent_within(batch, 4), sent_within(batch, 2)) == (3, 0)
    assert (sent_within(batch, 4, "not_within"), sent_within(batch, 2, "not_within")) == (3, 6)

    Batch.unscoped.update(state=BatchState.DONE, finished_at=AGO)
    assert engagement.unfolded(batch.tenant) == [batch.pk]
    assert engagement.fold(seconds=10) == 3
    assert engagement.unfolded(batch.tenant) == []
    assert folded() == {one.email: AGO for one in contacts[:3]}
    assert (sent_within(batch, 4), sent_within(batch, 2)) == (3, 0)
    assert engagement.fold(seconds=10) == 0


def test_a_batch_that_goes_on_is_folded_anew(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    batch = campaign(ses_account, news, state=BatchState.DONE, finished_at=AGO)
    [message] = make_messages(batch, [add_contact("ann@example.net")], status=Status.UNKNOWN)
    engagement.fold(seconds=10)
    assert folded() == {}
    Batch.unscoped.update(state=BatchState.RUNNING, finished_at=None)
    Message.unscoped.update(status=Status.SENT, sent_at=timezone.now())
    assert sent_within(batch, 1) == 1
    lately = timezone.now() - timedelta(minutes=3)
    Batch.unscoped.update(state=BatchState.DONE, finished_at=lately, folded_at=AGO)
    engagement.fold(seconds=10)
    message.refresh_from_db()
    assert folded() == {"ann@example.net": message.sent_at}


def test_a_cancelled_batch_is_folded_when_nothing_of_it_is_in_flight(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    batch = campaign(ses_account, news, state=BatchState.CANCELLED, finished_at=AGO)
    make_messages(
        batch, [add_contact("ann@example.net")], status=Status.SENDING, claimed_at=timezone.now()
    )
    assert engagement.fold(seconds=10) == 0
    assert engagement.unfolded(batch.tenant) == [batch.pk]
    Message.unscoped.update(status=Status.SENT, sent_at=AGO)
    engagement.fold(seconds=10)
    assert folded() == {"ann@example.net": AGO}


def test_what_is_learnt_after_the_fold_is_noted_at_once(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    """A worker that was given up, and an event: both know of a mail that was called unknown."""
    batch = campaign(ses_account, news)
    messages = make_messages(batch, [add_contact("ann@x.com"), add_contact("bo@x.com")])
    claimed = ledger.claim([one.pk for one in messages]).claimed
    ledger.expire(timezone.now() + timedelta(seconds=1), "No answer")
    Batch.unscoped.update(state=BatchState.DONE, finished_at=AGO)
    engagement.fold(seconds=10)
    assert folded() == {}
    late, told = messages
    key = "111122223333:eu-west-1"
    ledger.record([Result(late.pk, claimed[late.pk].claimed_at, Status.SENT, key)])
    apply_outcomes([OutcomeRow(told.pk, told.tenant_id, Outcome.DELIVERED, AGO)])
    late.refresh_from_db()
    assert folded() == {"ann@x.com": late.sent_at, "bo@x.com": AGO}
    delivered = dict(Engagement.unscoped.values_list("contact__email", "last_delivered_at"))
    assert delivered == {"ann@x.com": None, "bo@x.com": AGO}


def test_moments_only_grow_and_each_counts_for_itself(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    batch = campaign(ses_account, news, state=BatchState.DONE, finished_at=AGO)
    [message] = make_messages(
        batch, [add_contact("ann@example.net")], status=Status.SENT, sent_at=AGO
    )
    now, before = timezone.now(), AGO - timedelta(days=1)

    def tell(*rows: tuple[Outcome, datetime, EventKind | None]) -> None:
        apply_outcomes(
            OutcomeRow(message.pk, message.tenant_id, outcome, at, "", person)
            for outcome, at, person in rows
        )

    tell((Outcome.DELIVERED, AGO, None), (Outcome.NONE, now, EventKind.OPEN))
    tell((Outcome.NONE, before, EventKind.OPEN), (Outcome.NONE, before, EventKind.CLICK))
    tell((Outcome.COMPLAINED, now, None), (Outcome.NONE, now, None))
    row = Engagement.unscoped.get()
    assert (row.last_sent_at, row.last_delivered_at) == (AGO, AGO)
    assert (row.last_opened_at, row.last_clicked_at) == (now, before)


def test_mail_that_is_asked_for_one_by_one_is_no_engagement(
    ses_account: SesAccount, add_contact: AddContact
) -> None:
    [message] = make_messages(make_batch(ses_account), [add_contact("ann@example.net")])
    apply_outcomes(
        [
            OutcomeRow(message.pk, message.tenant_id, Outcome.DELIVERED, AGO),
            OutcomeRow(message.pk, message.tenant_id, Outcome.NONE, AGO, "", EventKind.OPEN),
        ]
    )
    assert not Engagement.unscoped.exists()


def test_what_another_tenant_tells_of_a_message_is_not_noted(
    ses_account: SesAccount, news: List, add_contact: AddContact, evil: Any
) -> None:
    [message] = make_messages(campaign(ses_account, news), [add_contact("ann@example.net")])
    apply_outcomes([OutcomeRow(message.pk, evil.pk, Outcome.NONE, AGO, "", EventKind.CLICK)])
    assert not Engagement.unscoped.exists()


def test_a_delivery_is_known_before_the_fold_too(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    batch = campaign(ses_account, news)
    [message] = make_messages(
        batch, [add_contact("ann@example.net")], status=Status.SENT, sent_at=AGO
    )
    apply_outcomes([OutcomeRow(message.pk, message.tenant_id, Outcome.DELIVERED, AGO)])
    assert not Engagement.unscoped.exists()
    for days, expected in ((4, 1), (2, 0)):
        condition = {"what": "delivered", "op": "within", "values": [days]}
        assert count(batch.tenant, parse({"groups": [[condition]]})) == expected
    lately = timezone.now() - timedelta(seconds=30)
    Batch.unscoped.update(state=BatchState.DONE, finished_at=lately)
    assert engagement.fold(seconds=10) == 0  # news of a moment ago may not be committed yet
    Batch.unscoped.update(finished_at=AGO)
    assert engagement.fold(seconds=10) == 1
    assert Engagement.unscoped.get().last_delivered_at == AGO
