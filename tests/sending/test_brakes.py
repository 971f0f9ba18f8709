"""The circuit breaker: when it pauses, what it says, and that a person has the last word."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lists.models import List
from sending import brakes, queue, sweeping, tally
from sending.brakes import Figures, judge
from sending.models import Batch, BatchState, Lane, SesAccount
from sending.services.batches import pause_batch, resume_batch
from sending.signals import paused_by_limit
from tenants.models import AuditEvent, Tenant
from tests.sending.factory import make_batch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def count(batch: Batch, **counts: int) -> None:
    tally.add({(batch.tenant_id, batch.pk): counts}, now=timezone.now())


def state(batch: Batch) -> BatchState:
    batch.refresh_from_db()
    return BatchState(batch.state)


@pytest.fixture
def batch(ses_account: SesAccount, news: List) -> Batch:
    return make_batch(ses_account, [news])


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The reasons that the apps above were told."""
    reasons: list[str] = []

    def hear(reason: str, **_: Any) -> None:
        reasons.append(reason)

    paused_by_limit.connect(hear)
    yield reasons
    paused_by_limit.disconnect(hear)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (Figures(), ""),
        (
            Figures(sent=1_040, bounced=62),
            "Paused by the bounce limit: 62 of 1,040 mails bounced (5.96 %), your limit is 4 %",
        ),
        # Exactly the limit is within it.
        (Figures(sent=1_000, bounced=40), ""),
        (Figures(sent=1_000, bounced=41), "(4.1 %)"),
        # Too few to say anything.
        (Figures(sent=99, bounced=99), ""),
        (Figures(sent=100, bounced=4), ""),
        (Figures(sent=100, bounced=5), "(5 %)"),
        # One complaint alone, however few were delivered.
        (Figures(delivered=100, complained=1), ""),
        (Figures(delivered=99, complained=2), ""),
        (
            Figures(delivered=1_900, complained=2),
            "Paused by the complaint limit: 2 of 1,900 delivered mails drew a complaint "
            "(0.105 %), your limit is 0.08 %",
        ),
        (Figures(delivered=2_500, complained=2), ""),
        (Figures(delivered=2_500_000, complained=2_001), "(0.08 %)"),
        # Bounces come first where both are too many.
        (Figures(sent=200, bounced=20, delivered=180, complained=9), "bounce limit"),
    ],
)
def test_what_is_too_much(figures: Figures, words: str) -> None:
    said = judge(figures, bounce_limit=4.0, complaint_limit=0.08)
    assert said == words if words in ("", said) else words in said
    assert len(said) <= 300


def test_a_batch_over_a_limit_is_paused_once_with_the_figures(
    batch: Batch, told: list[str], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    queue.push(batch.ses_account.pace_key, batch.lane, batch.pk, [1, 2, 3])
    count(batch, total=5_000, sent=1_040, bounced=62)
    with django_capture_on_commit_callbacks(execute=True):
        assert brakes.look_at([batch.pk]) == [batch.pk]
        assert brakes.look_at([batch.pk]) == []
        assert brakes.look_at_all() == []
    assert state(batch) == BatchState.PAUSED
    assert batch.state_reason.startswith("Paused by the bounce limit: 62 of 1,040")
    assert queue.window(batch.pk) == (None, 0)
    assert told == [batch.state_reason]
    event = AuditEvent.objects.for_tenant(batch.tenant).get()
    assert (event.action, event.actor, event.target) == ("campaign.paused", None, batch.subject)
    assert event.detail == {"reason": batch.state_reason}


def test_the_limits_are_the_tenants_own(batch: Batch) -> None:
    count(batch, total=5_000, sent=1_040, bounced=62, delivered=900)
    Tenant.objects.update(bounce_limit=10)
    assert brakes.look_at_all() == []
    count(batch, complained=2)
    Tenant.objects.update(complaint_limit=0.3)
    assert brakes.look_at_all() == []
    Tenant.objects.update(complaint_limit=0.2)
    assert brakes.look_at_all() == [batch.pk]


def test_counts_of_all_workers_are_taken_together(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for worker in range(1, 8):
        monkeypatch.setattr(tally.os, "getpid", lambda worker=worker: worker)
        count(batch, total=100, sent=20, bounced=1)
    assert brakes.look_at_all() == [batch.pk]
    assert "7 of 140 mails" in Batch.unscoped.get().state_reason


@pytest.mark.parametrize(
    "fields",
    [
        {"state": BatchState.PAUSED},
        {"state": BatchState.CANCELLED},
        {"state": BatchState.DONE},
        {"lane": Lane.TRANSACTIONAL},
        {"lane": Lane.SYSTEM},
    ],
)
def test_only_running_campaigns_and_automations_are_stopped(
    batch: Batch, fields: dict[str, Any]
) -> None:
    Batch.unscoped.update(**fields)
    count(batch, total=1_000, sent=1_000, bounced=900)
    assert brakes.look_at([batch.pk]) == brakes.look_at_all() == []


def test_an_automation_is_stopped_too(batch: Batch) -> None:
    Batch.unscoped.update(lane=Lane.AUTOMATION)
    count(batch, total=1_000, sent=1_000, bounced=900)
    assert brakes.look_at_all() == [batch.pk]


def test_after_a_resume_only_what_is_new_counts(batch: Batch) -> None:
    count(batch, total=5_000, sent=1_000, bounced=62, delivered=900)
    brakes.look_at_all()
    count(batch, bounced=8)  # of mails that were on their way when it was paused
    resume_batch(batch=batch)
    assert state(batch) == BatchState.RUNNING
    assert brakes.look_at_all() == []
    count(batch, sent=99, bounced=20)
    assert brakes.look_at_all() == []
    count(batch, sent=1)
    assert brakes.look_at_all() == [batch.pk]
    batch.refresh_from_db()
    assert "20 of 100 mails since it was resumed bounced (20 %)" in batch.state_reason


def test_a_pause_by_hand_makes_nothing_count_anew(batch: Batch) -> None:
    count(batch, total=5_000, sent=1_000, bounced=40)
    assert brakes.look_at_all() == []
    pause_batch(batch=batch)
    resume_batch(batch=batch)
    count(batch, bounced=1)
    assert brakes.look_at_all() == [batch.pk]


def test_the_sweep_looks_again(batch: Batch) -> None:
    count(batch, total=5_000, sent=1_000, bounced=62)
    sweeping.sweep()
    assert state(batch) == BatchState.PAUSED


def test_looking_costs_one_query_however_much_was_sent(batch: Batch) -> None:
    count(batch, total=5_000_000, sent=4_000_000, bounced=4_000)
    with CaptureQueriesContext(connection) as asked:
        assert brakes.look_at([batch.pk]) == []
        assert brakes.look_at([]) == []
    assert len(asked) == 1
    assert "sending_message" not in asked.captured_queries[0]["sql"]
