"""Claims, results and outcomes: who may leave, once, and what stays known of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from lists.models import Contact, List, Source, Subscription, SubscriptionStatus, Suppression
from sending import ledger
from sending.ledger import Result
from sending.models import (
    BatchState,
    BatchTally,
    Lane,
    Message,
    MessageData,
    Outcome,
    SentMinute,
    SesAccount,
    SesState,
    Status,
)
from sending.outcomes import OutcomeRow, apply_outcomes, find_messages
from tenants.models import Tenant
from tests.sending.factory import make_batch, make_messages

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]
KEY = "111122223333:eu-west-1"


def queued(account: SesAccount, news: List, contact: Contact, **fields: object) -> Message:
    return make_messages(make_batch(account, [news]), [contact], **fields)[0]


def claim_one(message: Message) -> ledger.Claimed:
    return ledger.claim([message.pk]).claimed[message.pk]


def tally(message: Message) -> dict[str, int]:
    names = "sent unknown skipped failed delivered bounced complained".split()
    sums = BatchTally.unscoped.filter(batch=message.batch_id).aggregate(
        **{name: Sum(name) for name in names}
    )
    return {name: value for name, value in sums.items() if value}


def test_a_claim_brings_what_rendering_needs(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    contact = add_contact("ann@example.net", first_name="Ann", fields={"city": "Bern"})
    message = queued(ses_account, news, contact)
    MessageData.unscoped.create(tenant=news.tenant, message=message, data={"code": "7"})
    claimed = claim_one(message)
    person = claimed.recipient
    assert (person.email, person.first_name, person.name) == ("ann@example.net", "Ann", "Ann")
    assert (person.fields, person.data) == ({"city": "Bern"}, {"code": "7"})
    message.refresh_from_db()
    assert (message.status, message.attempts) == (Status.SENDING, 1)


def test_an_id_that_rings_twice_is_claimed_once(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    assert len(ledger.claim([message.pk, message.pk]).claimed) == 1
    assert not ledger.claim([message.pk]).claimed


def unsubscribe_from_list(contact: Contact) -> None:
    Subscription.unscoped.filter(contact=contact).update(status=SubscriptionStatus.UNSUBSCRIBED)


def unsubscribe_from_all(contact: Contact) -> None:
    Contact.unscoped.filter(pk=contact.pk).update(unsubscribed_at=timezone.now())


def pause_contact(contact: Contact) -> None:
    Contact.unscoped.filter(pk=contact.pk).update(paused_until=timezone.now() + timedelta(days=1))


def pause_subscription(contact: Contact) -> None:
    Subscription.unscoped.filter(contact=contact).update(
        paused_until=timezone.now() + timedelta(days=1)
    )


def suppress(contact: Contact) -> None:
    Suppression.unscoped.create(
        tenant=contact.tenant, email_norm=contact.email_norm, reason="complaint", source=Source.SES
    )


def unconfirm(contact: Contact) -> None:
    Subscription.unscoped.filter(contact=contact).update(status=SubscriptionStatus.UNCONFIRMED)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (unsubscribe_from_list, "No longer on the list"),
        (unsubscribe_from_all, "Unsubscribed"),
        (pause_contact, "Paused by the contact"),
        (pause_subscription, "No longer on the list"),
        (suppress, "Suppressed"),
        (unconfirm, "No longer on the list"),
        (lambda contact: contact.delete(), "Contact deleted"),
    ],
)
def test_who_may_not_be_mailed_any_more_is_skipped(
    ses_account: SesAccount,
    news: List,
    add_contact: AddContact,
    happens: Callable[[Contact], None],
    reason: str,
) -> None:
    """public-bugs 22: unsubscribes while the campaign is queued."""
    contact = add_contact("ann@example.net")
    message = queued(ses_account, news, contact)
    happens(contact)
    assert not ledger.claim([message.pk]).claimed
    message.refresh_from_db()
    assert (message.status, message.reason) == (Status.SKIPPED, reason)
    assert tally(message) == {"skipped": 1}


def test_transactional_mail_asks_suppression_only(
    ses_account: SesAccount, add_contact: AddContact
) -> None:
    batch = make_batch(ses_account)
    gone, suppressed = add_contact("gone@example.net"), add_contact("bad@example.net")
    unsubscribe_from_all(gone)
    suppress(suppressed)
    first, second = make_messages(batch, [gone, suppressed])
    bare = Message.unscoped.create(tenant=batch.tenant, batch=batch, email="Bad@example.net")
    assert set(ledger.claim([first.pk, second.pk, bare.pk]).claimed) == {first.pk}


def test_a_suppression_of_another_tenant_stops_nobody(
    ses_account: SesAccount, news: List, add_contact: AddContact, evil: Tenant
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    Suppression.unscoped.create(
        tenant=evil, email_norm="ann@example.net", reason="manual", source=Source.MEMBER
    )
    assert ledger.claim([message.pk]).claimed


@pytest.mark.parametrize("state", [BatchState.PAUSED, BatchState.CANCELLED, BatchState.PREPARING])
def test_a_batch_that_does_not_run_is_held_not_skipped(
    ses_account: SesAccount, news: List, add_contact: AddContact, state: BatchState
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    message.batch.state = state
    message.batch.save()
    claim = ledger.claim([message.pk])
    assert (claim.claimed, claim.held_batches) == ({}, {message.batch_id})
    message.refresh_from_db()
    assert (message.status, message.claimed_at) == (Status.QUEUED, None)


def test_parking_holds_its_lanes_until_its_time(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    ses_account.parked_reason, ses_account.parked_lane = "Daily quota reached", Lane.AUTOMATION
    ses_account.save()
    awaited = make_messages(make_batch(ses_account), [add_contact("bob@example.net")])[0]
    assert set(ledger.claim([message.pk, awaited.pk]).claimed) == {awaited.pk}
    ses_account.parked_until = timezone.now() - timedelta(seconds=1)
    ses_account.save()
    assert ledger.claim([message.pk]).claimed


def test_an_account_that_aws_refuses_sends_nothing(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    ses_account.state = SesState.FAILED
    ses_account.save()
    assert ledger.claim([message.pk]).held_batches


def record(message: Message, claimed: ledger.Claimed, status: Status, **fields: str) -> None:
    ledger.record([Result(message.pk, claimed.claimed_at, status, KEY, **fields)])
    message.refresh_from_db()


def test_results_are_written_and_counted_once(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    claimed = claim_one(message)
    for _ in range(2):
        record(message, claimed, Status.SENT, ses_message_id="0102-1")
    assert (message.status, message.ses_message_id) == (Status.SENT, "0102-1")
    assert message.sent_at is not None
    assert tally(message) == {"sent": 1}
    assert SentMinute.objects.get().sent == 1


def test_a_throttled_message_is_as_if_never_tried(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    record(message, claim_one(message), Status.QUEUED)
    assert (message.status, message.attempts, message.claimed_at) == (Status.QUEUED, 0, None)
    assert (tally(message), SentMinute.objects.count()) == ({}, 0)
    assert ledger.claim([message.pk]).claimed


def test_a_slow_worker_cannot_undo_a_later_attempt(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    stale = claim_one(message)
    record(message, stale, Status.QUEUED)
    fresh = claim_one(message)
    for late in (Status.QUEUED, Status.FAILED, Status.UNKNOWN):
        record(message, stale, late)
        assert (message.status, message.claimed_at) == (Status.SENDING, fresh.claimed_at)


@pytest.mark.parametrize(
    ("late", "after"), [(Status.SENT, Status.SENT), (Status.FAILED, Status.FAILED)]
)
def test_a_late_answer_settles_what_a_sweep_called_unknown(
    ses_account: SesAccount, news: List, add_contact: AddContact, late: Status, after: Status
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    claimed = claim_one(message)
    record(message, claimed, Status.UNKNOWN, reason="No answer")
    assert tally(message) == {"unknown": 1}
    record(message, claimed, late)
    assert message.status == after
    assert tally(message) == {after.name.lower(): 1}


def told(message: Message, outcome: Outcome, ses_message_id: str = "") -> int:
    changed = apply_outcomes(
        [OutcomeRow(message.pk, message.tenant_id, outcome, timezone.now(), ses_message_id)]
    )
    message.refresh_from_db()
    return changed


def test_outcomes_only_grow(ses_account: SesAccount, news: List, add_contact: AddContact) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    record(message, claim_one(message), Status.SENT, ses_message_id="0102-1")
    steps = [Outcome.DELAYED, Outcome.DELIVERED, Outcome.NONE, Outcome.DELAYED]
    assert [told(message, step) for step in steps] == [1, 1, 0, 0]
    assert tally(message) == {"sent": 1, "delivered": 1}
    told(message, Outcome.COMPLAINED)
    assert told(message, Outcome.HARD_BOUNCED) == 0
    assert message.outcome == Outcome.COMPLAINED
    assert tally(message) == {"sent": 1, "delivered": 1, "complained": 1}


def test_a_delivery_that_bounces_later_is_a_bounce(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    record(message, claim_one(message), Status.SENT)
    told(message, Outcome.DELIVERED)
    told(message, Outcome.HARD_BOUNCED)
    assert tally(message) == {"sent": 1, "bounced": 1}


def test_an_event_settles_unknown_and_a_claim_whose_answer_is_lost(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"))
    claimed = claim_one(message)
    told(message, Outcome.NONE, ses_message_id="0102-1")
    assert (message.status, message.ses_message_id) == (Status.SENT, "0102-1")
    record(message, claimed, Status.UNKNOWN)
    assert message.status == Status.SENT
    assert tally(message) == {"sent": 1}


def test_an_event_stops_a_second_attempt(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"), attempts=1)
    told(message, Outcome.DELIVERED)
    assert not ledger.claim([message.pk]).claimed


def test_another_tenants_event_changes_nothing(
    ses_account: SesAccount, news: List, add_contact: AddContact, evil: Tenant
) -> None:
    """public-bugs 35."""
    message = queued(ses_account, news, add_contact("ann@example.net"))
    row = OutcomeRow(message.pk, evil.pk, Outcome.COMPLAINED, timezone.now(), "0102-1")
    assert apply_outcomes([row]) == 0
    message.refresh_from_db()
    assert (message.status, message.outcome) == (Status.QUEUED, Outcome.NONE)


def test_messages_are_found_by_the_id_of_ses_in_their_tenant(
    ses_account: SesAccount, news: List, add_contact: AddContact, evil: Tenant
) -> None:
    message = queued(ses_account, news, add_contact("ann@example.net"), ses_message_id="0102-1")
    assert find_messages(news.tenant, ["0102-1", "", "x"]) == {"0102-1": message.pk}
    assert find_messages(evil, ["0102-1"]) == {}
