"""Sent is counted by our own record: once for each mail, whoever learns of it first."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lists.models import Contact, List
from sending import ledger, standing
from sending.ledger import Result
from sending.models import (
    AccountHour,
    BatchDay,
    Count,
    Message,
    Outcome,
    Provider,
    SesAccount,
    Status,
)
from sending.outcomes import OutcomeRow, apply_outcomes
from sending.selectors.standing import sums
from tests.sending.factory import make_batch, make_messages

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]


def sent() -> int:
    hours = AccountHour.unscoped.aggregate(**sums())["all_sent"]
    assert BatchDay.unscoped.aggregate(**sums())["all_sent"] == hours
    return int(hours)


@pytest.fixture
def messages(ses_account: SesAccount, news: List, add_contact: AddContact) -> list[Message]:
    contacts = [add_contact(f"p{n}@{d}") for n, d in enumerate(["gmail.com", "example.net"] * 3)]
    return make_messages(make_batch(ses_account, [news]), contacts)


def claim(messages: list[Message]) -> list[Result]:
    """Results of sent for all of them."""
    claimed = ledger.claim([one.pk for one in messages]).claimed
    return [
        Result(one.message_id, one.claimed_at, Status.SENT, "111122223333:eu-west-1", "", "0102-1")
        for one in claimed.values()
    ]


def told(message: Message, outcome: Outcome) -> None:
    apply_outcomes([OutcomeRow(message.pk, message.tenant_id, outcome, timezone.now())])


def test_what_ses_accepts_counts_once_by_provider(messages: list[Message]) -> None:
    results = claim(messages)
    ledger.record(results)
    ledger.record(results)
    assert sent() == 6
    rows = AccountHour.unscoped.values_list("provider", "sent")
    assert dict(rows) == {Provider.GMAIL: 3, Provider.OTHER: 3}


def test_an_event_that_comes_before_the_record_counts_it(messages: list[Message]) -> None:
    results = claim(messages)
    told(messages[0], Outcome.DELIVERED)
    ledger.record(results)
    told(messages[1], Outcome.HARD_BOUNCED)
    assert sent() == 6


def test_what_is_unknown_counts_only_once_it_is_known(messages: list[Message]) -> None:
    results = claim(messages)
    unknown = [Result(r.message_id, r.claimed_at, Status.UNKNOWN, r.pace_key) for r in results]
    ledger.record(unknown)
    assert sent() == 0
    told(messages[0], Outcome.NONE)
    ledger.record(results[:2])
    assert sent() == 2


def test_a_group_costs_three_statements_however_large(messages: list[Message]) -> None:
    batch, now = messages[0].batch, timezone.now()
    with CaptureQueriesContext(connection) as asked:
        standing.add((batch.pk, f"p{n}@d{n % 70}.example", Count.SENT, now) for n in range(400))
        standing.add([])
    assert len(asked) == 3
    assert sent() == 400
    assert AccountHour.unscoped.count() == BatchDay.unscoped.count() == 1
