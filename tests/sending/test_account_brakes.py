"""The circuit breaker of a whole account: what pauses all its campaigns, and what goes on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import List
from sending import brakes, standing, sweeping
from sending.models import Batch, BatchState, Count, Lane, SesAccount
from sending.services.batches import pause_batch, resume_batch
from sending.signals import paused_by_limit
from tenants.models import AuditEvent, Tenant
from tests.sending.factory import make_batch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def count(batch: Batch, *, hours_ago: int = 0, domain: str = "example.net", **counts: int) -> None:
    at = timezone.now() - timedelta(hours=hours_ago)
    standing.add(
        (batch.pk, f"p@{domain}", Count(name), at) for name, n in counts.items() for _ in range(n)
    )


def state(batch: Batch) -> BatchState:
    batch.refresh_from_db()
    return BatchState(batch.state)


@pytest.fixture
def batch(ses_account: SesAccount, news: List) -> Batch:
    return make_batch(ses_account, [news])


@pytest.fixture
def receipts(ses_account: SesAccount) -> Batch:
    return make_batch(ses_account)


@pytest.fixture
def told() -> Iterator[list[str]]:
    reasons: list[str] = []

    def hear(reason: str, **_: Any) -> None:
        reasons.append(reason)

    paused_by_limit.connect(hear)
    yield reasons
    paused_by_limit.disconnect(hear)


def test_all_campaigns_of_the_account_pause_and_awaited_mail_goes_on(
    batch: Batch, receipts: Batch, news: List, told: list[str]
) -> None:
    second = make_batch(batch.ses_account, [news], lane=Lane.AUTOMATION)
    ended = make_batch(batch.ses_account, [news], state=BatchState.DONE)
    # No campaign is over the limit by itself.
    count(receipts, sent=150, bounced=9, hours_ago=3)
    assert brakes.look_at_accounts([receipts.pk]) == [batch.pk, second.pk]
    assert brakes.look_at_accounts() == []
    assert [state(one) for one in (batch, second, receipts, ended)] == [
        BatchState.PAUSED,
        BatchState.PAUSED,
        BatchState.RUNNING,
        BatchState.DONE,
    ]
    words = (
        "Paused by the bounce limit: 9 of 150 mails through Main in the last 24 hours bounced "
        "(6 %), your limit is 4 %"
    )
    assert told == [words, words] == [batch.state_reason, second.state_reason]
    events = AuditEvent.objects.for_tenant(batch.tenant).order_by("pk")
    assert [event.action for event in events] == ["campaign.paused", "automation.paused"]


def test_complaints_are_of_mail_whose_provider_may_report_them(batch: Batch) -> None:
    count(batch, sent=900)
    count(batch, sent=3_000, domain="gmail.com")
    count(batch, complained=1)
    assert brakes.look_at_accounts() == []
    count(batch, complained=1)
    assert brakes.look_at_accounts() == [batch.pk]
    assert state(batch) == BatchState.PAUSED
    assert batch.state_reason == (
        "Paused by the complaint limit: 2 of 900 mails through Main in the last 24 hours, those "
        "to Gmail not counted, drew a complaint (0.222 %), your limit is 0.08 %"
    )


def test_a_week_counts_where_a_day_says_nothing(batch: Batch) -> None:
    for day in range(1, 6):
        count(batch, sent=90, bounced=4, hours_ago=24 * day + 2)
    assert brakes.look_at_accounts() == [batch.pk]
    assert state(batch) == BatchState.PAUSED
    assert "20 of 450 mails through Main in the last 7 days bounced" in batch.state_reason


@pytest.mark.parametrize(
    ("hours_ago", "counts"),
    [
        (0, {"sent": 99, "bounced": 50}),
        (0, {"sent": 100, "bounced": 4}),
        (0, {"sent": 1_000, "bounced": 40}),
        (0, {"sent": 1_000, "held_back": 900, "soft_bounced": 90}),
        (24 * 8, {"sent": 1_000, "bounced": 900}),
    ],
)
def test_what_is_not_too_much(batch: Batch, hours_ago: int, counts: dict[str, Any]) -> None:
    count(batch, hours_ago=hours_ago, **counts)
    assert brakes.look_at_accounts() == []


def test_accounts_and_tenants_are_judged_apart(
    batch: Batch, news: List, evil: Tenant, told: list[str]
) -> None:
    other = SesAccount.unscoped.create(
        tenant=batch.tenant, name="Other", region="us-east-1", auth="key"
    )
    # The same AWS account and region as acme's.
    theirs = SesAccount.unscoped.create(
        tenant=evil, name="Evil", region="eu-west-1", auth="key", aws_account_id="111122223333"
    )
    beside = make_batch(other, [news])
    foreign = make_batch(theirs, lane=Lane.CAMPAIGN)
    Tenant.objects.filter(pk=evil.pk).update(bounce_limit=50)
    count(foreign, sent=200, bounced=80)
    count(batch, sent=200, bounced=9)
    count(beside, sent=200, bounced=1)
    assert brakes.look_at_accounts() == [batch.pk]
    assert state(beside) == state(foreign) == BatchState.RUNNING
    assert len(told) == 1


def test_whoever_resumes_has_seen_the_figures(batch: Batch, news: List) -> None:
    count(batch, sent=200, bounced=20)
    assert brakes.look_at_accounts() == [batch.pk]
    batch.refresh_from_db()
    resume_batch(batch=batch)
    later = make_batch(batch.ses_account, [news])
    assert brakes.look_at_accounts() == []
    count(batch, sent=200, bounced=20, hours_ago=-1)  # in the next hour
    assert brakes.look_at_accounts() == [batch.pk, later.pk]


def test_a_pause_by_hand_lifts_nothing(batch: Batch) -> None:
    pause_batch(batch=batch)
    resume_batch(batch=batch)
    count(batch, sent=200, bounced=20)
    assert brakes.look_at_accounts() == [batch.pk]


def test_the_sweep_looks_at_accounts_too(batch: Batch, receipts: Batch) -> None:
    count(receipts, sent=200, bounced=20)
    sweeping.sweep()
    assert (state(batch), batch.braked_at is None) == (BatchState.PAUSED, False)
