"""What SES tells becomes the counts that AWS judges by: each event once, in any order."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from django.db.models import Sum

from lists.models import Contact
from sending.models import (
    AccountHour,
    Batch,
    BatchDay,
    BatchTally,
    Count,
    Message,
    MessageEvent,
    Provider,
    SenderIdentity,
    SesAccount,
    Status,
)
from sending.selectors.standing import sums
from tests.webhooks.conftest import make_message
from tests.webhooks.test_translate import Store, run, store, tagged

__all__ = ["store"]
pytestmark = pytest.mark.django_db

AddContact = Callable[..., Contact]
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def counted(**where: Any) -> dict[str, int]:
    """What is counted, the same in both tables; counts of nothing are left out."""
    hours = AccountHour.unscoped.filter(**where).aggregate(**sums())
    if not where:
        assert of_batch() == {k: v for k in (*Count.values, "heard") if (v := hours[f"all_{k}"])}
    return {name: hours[f"all_{name}"] for name in Count.values if hours[f"all_{name}"]}


def of_batch(**where: Any) -> dict[str, int]:
    """The same of batches, and how many of their mails may draw a complaint that is reported."""
    names = {name: Sum(name, default=0) for name in (*Count.values, "heard")}
    days = BatchDay.unscoped.filter(**where).aggregate(**names)
    return {name: number for name, number in days.items() if number}


@pytest.fixture
def grace(batch: Batch, add_contact: AddContact) -> Message:
    """Sent, as nobody has counted yet."""
    return make_message(batch, add_contact("grace@gmail.com"), status=Status.SENDING)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("event_send", None),
        ("event_delivery", "delivered"),
        ("event_delivery_delay", None),
        ("event_bounce_permanent_general", "bounced"),
        ("event_bounce_permanent_noemail", "bounced"),
        ("event_bounce_permanent_suppressed_global", "bounced"),
        ("event_bounce_permanent_on_account_suppression_list", "held_back"),
        ("event_bounce_permanent_on_tenant_suppression_list", "held_back"),
        ("event_bounce_permanent_email_validation_suppressed", "held_back"),
        ("event_bounce_permanent_unsubscribed_recipient", "held_back"),
        ("event_bounce_transient_mailbox_full", "soft_bounced"),
        ("event_bounce_transient_content_rejected", "soft_bounced"),
        ("event_bounce_transient_general_ooto", None),
        ("event_complaint_abuse", "complained"),
        ("event_complaint_auth_failure", None),
        ("event_complaint_not_spam", None),
        ("event_complaint_on_account_suppression_list", "held_back"),
        ("event_reject", "rejected"),
        ("event_open", None),
        ("event_click", None),
    ],
)
def test_what_each_event_counts_as(
    name: str, count: str | None, grace: Message, store: Store
) -> None:
    for _ in range(3):
        store(tagged(name, grace))
        run()
    assert counted() == {"sent": 1} | ({count: 1} if count else {})
    assert set(AccountHour.unscoped.values_list("provider", flat=True)) == {Provider.GMAIL}


# All that can happen to one mail: it arrives, bounces afterwards, and somebody complains of it.
STORY = ["event_send", "event_delivery", "event_bounce_permanent_general", "event_complaint_abuse"]


@pytest.mark.parametrize("order", list(permutations(STORY))[::5])
def test_copies_and_the_order_change_nothing(
    order: tuple[str, ...], grace: Message, store: Store
) -> None:
    for name in order:
        store(tagged(name, grace))
        store(tagged(name, grace))
        run()
    for name in reversed(order):
        store(tagged(name, grace))
    run()
    assert counted() == {"sent": 1, "delivered": 1, "bounced": 1, "complained": 1}


SOFT, HARD = "event_bounce_transient_mailbox_full", "event_bounce_permanent_general"


def bounce(name: str, message: Message, feedback_id: str, minute: int = 0) -> dict[str, Any]:
    """One of several bounces that SES reports of one mail."""
    event: dict[str, Any] = tagged(name, message)
    event["bounce"]["feedbackId"] = feedback_id
    event["bounce"]["timestamp"] = f"2026-11-20T10:{minute:02}:00.000Z"
    return event


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(6)))[::97])
def test_a_mail_counts_once_in_each_rate_whatever_of_it_is_reported(
    order: tuple[int, ...], together: bool, grace: Message, store: Store
) -> None:
    bounces = [(SOFT, "s1"), (SOFT, "s2"), (HARD, "h1"), (HARD, "h2")]
    events = [bounce(name, grace, key, n) for n, (name, key) in enumerate(bounces)]
    again = tagged("event_complaint_abuse", grace)
    again["complaint"]["feedbackId"] = "another"
    events += [tagged("event_complaint_abuse", grace), again]
    for n in order:
        store(events[n])
        store(events[n])
        if not together:
            run()
    run()
    assert counted() == {"sent": 1, "soft_bounced": 1, "bounced": 1, "complained": 1}
    assert MessageEvent.unscoped.count() == 6


def test_of_several_in_one_group_the_earliest_counts(grace: Message, store: Store) -> None:
    late, early = bounce(HARD, grace, "h1", 59), bounce(HARD, grace, "h2", 1)
    late["bounce"]["timestamp"] = "2026-11-21T03:00:00.000Z"
    store(late)
    store(early)
    run()
    assert AccountHour.unscoped.get(bounced=1).hour == AT


def test_two_refusals_of_one_mail_are_one_refused_mail(grace: Message, store: Store) -> None:
    for key in ("r1", "r2"):
        store(bounce("event_bounce_transient_content_rejected", grace, key))
        run()
    assert counted() == {"sent": 1, "soft_bounced": 1}
    assert sum(BatchTally.unscoped.values_list("refused", flat=True)) == 1


def test_many_mails_in_one_group_are_counted_to_the_last(
    batch: Batch, add_contact: AddContact, store: Store
) -> None:
    domains = ["gmail.com", "outlook.com", "example.net"]
    messages = [make_message(batch, add_contact(f"p{n}@{domains[n % 3]}")) for n in range(30)]
    events = [tagged("event_delivery", one) for one in messages]
    events += [tagged("event_bounce_permanent_noemail", one) for one in messages[::4]]
    events += [tagged("event_complaint_abuse", one) for one in messages[1::10]]
    events *= 2
    random.Random(7).shuffle(events)
    for event in events:
        store(event)
    run()
    assert counted() == {"delivered": 30, "bounced": 8, "complained": 3}
    assert counted(provider=Provider.GMAIL) == {"delivered": 10, "bounced": 3, "complained": 1}
    assert counted(provider=Provider.OTHER) == {"delivered": 10, "bounced": 2, "complained": 1}


def test_it_counts_at_the_time_that_ses_names(grace: Message, store: Store) -> None:
    event = tagged("event_complaint_abuse", grace)
    event["complaint"]["timestamp"] = "2026-11-20T23:59:59.999Z"
    store(event)
    run()
    complaint = AccountHour.unscoped.get(complained=1)
    assert complaint.hour == AT.replace(hour=23)
    assert BatchDay.unscoped.get(complained=1).day == date(2026, 11, 20)


def test_two_accounts_and_batches_are_counted_apart(
    batch: Batch, grace: Message, add_contact: AddContact, store: Store
) -> None:
    other = SesAccount.unscoped.create(
        tenant=batch.tenant, name="Other", region="us-east-1", auth="key"
    )
    theirs = Batch.unscoped.create(
        tenant=batch.tenant, lane=batch.lane, ses_account=other, from_header="a@b.example",
        subject="Other",
    )  # fmt: skip
    heidi = make_message(theirs, add_contact("heidi@gmail.com"), status=Status.SENDING)
    store(tagged("event_bounce_permanent_general", grace))
    store(tagged("event_complaint_abuse", heidi))
    run()
    assert of_batch(batch=batch) == {"sent": 1, "bounced": 1}  # at Gmail, which reports nothing
    assert of_batch(batch=theirs) == {"sent": 1, "complained": 1}
    hours = AccountHour.unscoped.filter(complained=1)
    assert [one.ses_account for one in hours] == [other]
    assert {one.tenant for one in AccountHour.unscoped.all()} == {batch.tenant}


@pytest.mark.parametrize("address", ["bounce+x@simulator.amazonses.com", "ann@Own.example"])
def test_the_simulator_and_the_accounts_own_domains_do_not_count(
    address: str, batch: Batch, add_contact: AddContact, store: Store
) -> None:
    SenderIdentity.unscoped.create(
        tenant=batch.tenant, ses_account=batch.ses_account, name="own.example", verified=True
    )
    message = make_message(batch, add_contact(address), status=Status.SENDING)
    for name in STORY:
        store(tagged(name, message))
    run()
    assert counted() == {}


def test_a_domain_that_is_not_verified_or_anothers_counts(
    batch: Batch, evil: Any, add_contact: AddContact, store: Store
) -> None:
    theirs = SesAccount.unscoped.create(tenant=evil, name="Evil", region="eu-west-1", auth="key")
    for account, name, verified in [
        (batch.ses_account, "own.example", False),
        (batch.ses_account, "ann@own.example", True),
        (theirs, "own.example", True),
    ]:
        SenderIdentity.unscoped.create(
            tenant=account.tenant, ses_account=account, name=name, verified=verified
        )
    message = make_message(batch, add_contact("ann@own.example"), status=Status.SENDING)
    store(tagged("event_bounce_permanent_general", message))
    run()
    assert counted() == {"sent": 1, "bounced": 1}
