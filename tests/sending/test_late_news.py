"""News that comes when the row says something else already: it is believed, once, and counted."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from lists.models import Contact, List
from sending import ledger
from sending.ledger import Result
from sending.models import Message, Outcome, SentMinute, SesAccount, Status
from sending.outcomes import OutcomeRow, apply_outcomes
from tenants.models import Tenant
from tests.sending.factory import make_batch, make_messages

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]


@pytest.fixture
def message(ses_account: SesAccount, news: List, add_contact: AddContact) -> Message:
    return make_messages(make_batch(ses_account, [news]), [add_contact("ann@example.net")])[0]


def claim(message: Message) -> datetime:
    return ledger.claim([message.pk]).claimed[message.pk].claimed_at


def record(message: Message, claimed_at: datetime, status: Status, ses_id: str = "") -> Status:
    key = "111122223333:eu-west-1"
    ledger.record([Result(message.pk, claimed_at, status, key, "No", ses_id)])
    return now(message)


def event(message: Message, outcome: Outcome = Outcome.DELIVERED) -> Status:
    at = timezone.now()
    apply_outcomes([OutcomeRow(message.pk, message.tenant_id, outcome, at, "0102-1")])
    return now(message)


def now(message: Message) -> Status:
    message.refresh_from_db()
    return Status(message.status)


def try_again(message: Message) -> None:
    """A sweep gave the first attempt up, and the message is queued once more."""
    ledger.expire(timezone.now() + timedelta(seconds=1), "No answer")
    assert ledger.requeue_unknown([message.pk]) == 1


def used() -> int:
    return SentMinute.objects.aggregate(total=Sum("sent"))["total"] or 0


def test_an_event_before_the_answer_is_written_down_counts_against_the_day(
    message: Message,
) -> None:
    claimed_at = claim(message)
    assert event(message) is Status.SENT
    assert used() == 1
    assert record(message, claimed_at, Status.SENT, "0102-1") is Status.SENT
    assert used() == 1


def test_accepted_is_believed_while_the_message_waits_for_its_second_attempt(
    message: Message,
) -> None:
    first = claim(message)
    try_again(message)
    assert record(message, first, Status.SENT, "0102-1") is Status.SENT
    assert not ledger.claim([message.pk]).claimed


@pytest.mark.parametrize("then", [Status.QUEUED, Status.FAILED, Status.UNKNOWN])
def test_accepted_is_believed_while_the_second_attempt_is_under_way(
    message: Message, then: Status
) -> None:
    first = claim(message)
    try_again(message)
    second = claim(message)
    assert record(message, first, Status.SENT, "0102-1") is Status.SENT
    assert record(message, second, then) is Status.SENT
    assert message.ses_message_id == "0102-1"


@pytest.mark.parametrize("then", [Status.FAILED, Status.SKIPPED])
def test_an_event_of_the_first_attempt_is_believed_whatever_became_of_the_second(
    message: Message, then: Status
) -> None:
    claim(message)
    try_again(message)
    if then is Status.SKIPPED:
        ledger.skip_queued(message.batch_id, "Cancelled", 10)
    else:
        record(message, claim(message), Status.FAILED)
    assert now(message) is then
    assert event(message) is Status.SENT
    assert message.reason == ""


def test_a_forged_event_does_not_hide_the_true_one_beside_it(
    message: Message, evil: Tenant
) -> None:
    record(message, claim(message), Status.SENT, "0102-1")
    at = timezone.now()
    apply_outcomes(
        [
            OutcomeRow(message.pk, message.tenant_id, Outcome.DELIVERED, at),
            OutcomeRow(message.pk, evil.pk, Outcome.COMPLAINED, at),
        ]
    )
    message.refresh_from_db()
    assert message.outcome == Outcome.DELIVERED
