"""Sent is counted by our own record: once for each mail, whoever learns of it first."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lists.models import Contact, List
from sending import ledger, standing, tally
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


def totals() -> dict[str, int]:
    """All counts, which are the same in both tables."""
    hours = AccountHour.unscoped.aggregate(**sums())
    names = {f"all_{name}": Sum(name, default=0) for name in (*Count.values, "heard")}
    assert BatchDay.unscoped.aggregate(**names) == hours
    return hours


def sent() -> int:
    return totals()["all_sent"]


@pytest.fixture
def messages(ses_account: SesAccount, news: List, add_contact: AddContact) -> list[Message]:
    contacts = [add_contact(f"p{n}@{d}") for n, d in enumerate(["gmail.com", "example.net"] * 3)]
    return make_messages(make_batch(ses_account, [news]), contacts)


def claim(messages: list[Message]) -> list[Result]:
    """Results of sent for all of them, in their order."""
    claimed = ledger.claim([one.pk for one in messages]).claimed
    return [
        Result(one.message_id, one.claimed_at, Status.SENT, "111122223333:eu-west-1", "", "0102-1")
        for one in sorted(claimed.values(), key=lambda one: one.message_id)
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


def test_a_group_costs_two_statements_however_large(messages: list[Message]) -> None:
    batch, now = messages[0].batch, timezone.now()
    standing.add([(batch.pk, "p@d.example", Count.DELIVERED, now)])  # asks once about the batch
    with CaptureQueriesContext(connection) as asked:
        standing.add((batch.pk, f"p{n}@d{n % 70}.example", Count.SENT, now) for n in range(400))
        standing.add([])
    assert len(asked) == 2
    assert sent() == 400
    assert AccountHour.unscoped.count() == BatchDay.unscoped.count() == 1


def test_shards_of_days_gone_by_become_one_and_no_count_is_lost(
    messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, now = messages[0].batch, timezone.now()
    for process in range(1, 12):
        monkeypatch.setattr(tally.os, "getpid", lambda process=process: process)
        for days_ago in (0, 4, 401):
            at = now - timedelta(days=days_ago)
            told = ("p@gmail.com", Count.SENT), ("p@x.example", Count.BOUNCED)
            standing.add((batch.pk, address, count, at) for address, count in told)
    before = AccountHour.unscoped.filter(hour__gt=now - timedelta(days=30)).aggregate(**sums())
    for _ in range(2):
        standing.gather(now)
        assert totals() == before
        # Of today a shard each, by two providers; of the day gone by one.
        assert (AccountHour.unscoped.count(), BatchDay.unscoped.count()) == (2 * 8 + 2, 8 + 1)
    standing.add([(batch.pk, "p@gmail.com", Count.COMPLAINED, now - timedelta(days=4))])
    standing.gather(now)
    assert AccountHour.unscoped.count() == 2 * 8 + 2
    assert AccountHour.unscoped.get(complained=1).sent == 11
