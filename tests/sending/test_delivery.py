"""Drains against a simulated SES over TLS, with real PostgreSQL and Valkey."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lists.models import Contact, List
from sending import queue, quota, schedule
from sending.feed import feed_again
from sending.launching import launch
from sending.models import Batch, BatchState, Lane, Message, SenderIdentity, SesAccount, Status
from sending.selectors.batches import progress
from sending.services.batches import cancel_batch, pause_batch, resume_batch, send_one
from sending.sweeping import end_parkings
from tests.sending.conftest import A_FEW, Ses, statuses, two_at_once
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
Drain = Callable[..., None]


@pytest.fixture
def campaign(ses_account: SesAccount, news: List) -> Callable[..., Batch]:
    """A running batch with so many queued messages, pushed."""

    def make(count: int, rate: float = 100_000, **fields: Any) -> Batch:
        batch = make_batch(ses_account, [news], **fields)
        messages = make_messages(batch, make_contacts(news, count, prefix=f"b{batch.pk}-"))
        queue.set_rate(ses_account.pace_key, rate)
        queue.push(ses_account.pace_key, batch.lane, batch.pk, [message.pk for message in messages])
        return batch

    return make


def test_everyone_gets_it_once(ses: Ses, campaign: Callable[..., Batch], drain: Drain) -> None:
    batch = campaign(300)
    drain()
    assert statuses() == {Status.SENT: 300}
    assert Counter(ses.arrived().values()) == {1: 300}
    assert progress(batch).sent == 300
    first = next(iter(ses.client.ledger()))
    assert first["message_id"] in Message.unscoped.values_list("ses_message_id", flat=True)


def test_two_drains_at_once_send_each_once(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(400)
    ids = list(Message.unscoped.filter(batch=batch).values_list("pk", flat=True))
    queue.push(batch.ses_account.pace_key, batch.lane, batch.pk, ids)  # each id waits twice
    two_at_once(drain)
    assert Counter(ses.arrived().values()) == {1: 400}
    assert statuses() == {Status.SENT: 400}


def test_an_id_that_comes_twice_in_one_lease_is_sent_once(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(20)
    ids = list(Message.unscoped.filter(batch=batch).values_list("pk", flat=True))
    queue.push(batch.ses_account.pace_key, batch.lane, batch.pk, ids)
    drain()
    assert Counter(ses.arrived().values()) == {1: 20}


def test_a_batch_that_was_resumed_at_once_is_sent_once(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(20)
    pause_batch(batch=batch)
    resume_batch(batch=batch)
    launch(batch.pk)
    drain()
    assert Counter(ses.arrived().values()) == {1: 20}


def test_a_claim_that_a_stopped_worker_held_too_long_goes_back(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have it by then."""
    campaign(20)
    with monkeypatch.context() as held:
        held.setattr(schedule, "_CLAIM_HOLDS", -1.0)
        drain(seconds=1)
    assert statuses() == {Status.QUEUED: 20}
    assert not ses.arrived()
    drain()
    assert Counter(ses.arrived().values()) == {1: 20}


def in_background(drain: Drain, **options: Any) -> threading.Thread:
    thread = threading.Thread(target=drain, kwargs=options)
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_pause_and_cancel_act_at_once_and_resume_goes_on(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(400, rate=100)
    running = in_background(drain, seconds=10)
    wait_until(lambda: len(ses.arrived()) > 20)
    pause_batch(batch=batch, reason="I want to look")
    time.sleep(0.5)
    before = len(ses.arrived())
    time.sleep(1)
    assert len(ses.arrived()) == before < 200
    assert progress(Batch.unscoped.get()).holding == "I want to look"
    running.join()
    resume_batch(batch=batch)
    feed_again(batch)
    running = in_background(drain, seconds=10)
    wait_until(lambda: len(ses.arrived()) > before + 20)
    cancel_batch(batch=batch)
    running.join()
    assert Counter(ses.arrived().values()) == {1: len(ses.arrived())}
    assert len(ses.arrived()) < 400
    assert statuses().keys() == {Status.SENT, Status.QUEUED}


@pytest.mark.parametrize("kind", ["hang_after_accept", "reset_after_accept", "error_after_accept"])
def test_what_ses_may_have_is_unknown_and_not_repeated(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, kind: str
) -> None:
    batch = campaign(20)
    ses.fault(kind, count=3)
    drain(seconds=1)
    assert statuses() == {Status.SENT: 17, Status.UNKNOWN: 3}
    assert Counter(ses.arrived().values()) == {1: 20}
    assert progress(batch).unknown == 3


def test_a_storm_of_throttles_loses_nothing(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    """public-bugs 37."""
    campaign(100, rate=500)
    ses.fault("throttle", seconds=2)
    drain(seconds=20)
    assert statuses() == {Status.SENT: 100}
    assert Counter(ses.arrived().values()) == {1: 100}
    assert set(Message.unscoped.values_list("attempts", flat=True)) == {1}
    assert ses.throttled() < 200


def test_two_drains_keep_the_quota_of_a_second(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    ses.quota(max_send_rate=100)
    campaign(250, rate=100)
    two_at_once(drain)
    assert statuses() == {Status.SENT: 250}
    assert ses.throttled() <= A_FEW


def test_the_days_quota_parks_and_goes_on_by_itself(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, ses_account: SesAccount
) -> None:
    """public-bugs 37: parked with a reason."""
    batch = campaign(50)
    ses.fault("daily_quota", count=1)
    drain(seconds=2)
    ses_account.refresh_from_db()
    assert ses_account.parked_reason == "Daily quota reached, says Amazon SES"
    assert ses_account.parked_until is not None
    holding = progress(Batch.unscoped.get()).holding
    assert holding.startswith("Daily quota reached, says Amazon SES, resumes about ")
    assert statuses()[Status.QUEUED] > 0
    assert statuses().keys() <= {Status.QUEUED, Status.SENT}
    SesAccount.unscoped.update(parked_until="2026-01-01T00:00:00Z")
    end_parkings()
    feed_again(batch)
    drain()
    assert statuses() == {Status.SENT: 50}
    assert Counter(ses.arrived().values()) == {1: 50}


def test_campaigns_leave_the_reserve_to_awaited_mail(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, ses_account: SesAccount, news: List
) -> None:
    SesAccount.unscoped.update(max_24_hour_send=50)
    campaign(60)
    quota.refresh(ses_account.pace_key)
    drain(seconds=3)
    assert statuses() == {Status.SENT: 45, Status.QUEUED: 15}
    ses_account.refresh_from_db()
    assert ses_account.parked_reason.startswith("Daily quota reached")
    assert ses_account.parked_lane == Lane.AUTOMATION
    send_one(batch=make_batch(ses_account), email="waiting@example.net")
    drain(seconds=3)
    assert ses.arrived()["waiting@example.net"] == 1


def test_an_unverified_sender_pauses_its_batches_only(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    campaign(10)
    other = campaign(5, from_header="Other <x@other.example>")
    drain(seconds=3)
    other.refresh_from_db()
    assert other.state == BatchState.PAUSED
    assert "x@other.example" in other.state_reason
    assert statuses() == {Status.SENT: 10, Status.QUEUED: 5}
    assert not SenderIdentity.unscoped.get(name="acme.example").paused_reason


def test_a_deleted_key_parks_the_connection_with_awss_words(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, ses_account: SesAccount
) -> None:
    ses_account.credentials = {"access_key_id": "AKIAGONE", "secret_access_key": "x"}
    ses_account.save()
    campaign(10)
    drain(seconds=3)
    ses_account.refresh_from_db()
    assert "security token" in ses_account.parked_reason
    assert ses_account.parked_until is None
    assert statuses() == {Status.QUEUED: 10}


def test_an_expired_session_is_renewed_once(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    campaign(10)
    ses.fault("expired_token", count=1)
    drain()
    assert statuses() == {Status.SENT: 10}


def test_an_unreachable_ses_loses_nothing(
    ses: Ses,
    campaign: Callable[..., Batch],
    drain: Drain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign(10)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "https://localhost:9499")
    drain(seconds=1)
    assert statuses() == {Status.QUEUED: 10}
    assert set(Message.unscoped.values_list("attempts", flat=True)) == {0}


def test_values_that_do_not_fit_fail_their_message_only(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(5)
    ses.fault("error", status=400, count=1)
    drain()
    assert statuses() == {Status.SENT: 4, Status.FAILED: 1}
    assert progress(batch).failed == 1


def test_content_that_does_not_compile_pauses_its_batch(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    batch = campaign(5, html="{% if %}")
    drain(seconds=2)
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    assert batch.state_reason
    assert statuses() == {Status.QUEUED: 5}


def test_a_drain_that_is_told_to_stop_gives_back_what_it_has(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    campaign(100, rate=20)
    start = time.monotonic()
    drain(stopping=lambda: time.monotonic() > start + 1)
    assert time.monotonic() - start < 3
    assert statuses().keys() == {Status.SENT, Status.QUEUED}
    drain(seconds=8)
    assert statuses() == {Status.SENT: 100}
    assert Counter(ses.arrived().values()) == {1: 100}


def test_transactional_mail_passes_a_campaign(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain, ses_account: SesAccount
) -> None:
    campaign(400, rate=100)
    running = in_background(drain, seconds=6)
    wait_until(lambda: len(ses.arrived()) > 20)
    start = time.monotonic()
    send_one(batch=make_batch(ses_account), email="waiting@example.net")
    wait_until(lambda: ses.arrived()["waiting@example.net"] == 1)
    assert time.monotonic() - start < 3
    assert len(ses.arrived()) < 400
    running.join()


def test_who_unsubscribes_while_the_campaign_is_queued_gets_nothing(
    ses: Ses, campaign: Callable[..., Batch], drain: Drain
) -> None:
    """public-bugs 22, to the end."""
    campaign(10)
    gone = Contact.unscoped.earliest("pk")
    gone.subscriptions.update(status="unsubscribed")
    drain()
    assert statuses() == {Status.SENT: 9, Status.SKIPPED: 1}
    assert ses.arrived()[gone.email] == 0
