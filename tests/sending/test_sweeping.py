"""What beat mends: dead workers, an empty Valkey, quotas that came back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis

from lists.models import List
from sending import launching, ledger, queue, quota, sweeping
from sending.decide import Action, Decision
from sending.models import (
    QUOTA_REFUSED,
    Batch,
    BatchState,
    Lane,
    Message,
    SentMinute,
    SesAccount,
    Status,
)
from sending.parking import park_account, park_aws, unpark_aws
from sending.selectors.accounts import parked_words
from sending.selectors.batches import progress
from tests.sending.conftest import statuses
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeMessage = Callable[..., Message]


@pytest.fixture
def message(ses_account: SesAccount, news: List) -> MakeMessage:
    """A message of a new batch; `lane` and the columns of the message as wished."""

    def make(lane: Lane = Lane.CAMPAIGN, **fields: Any) -> Message:
        batch = make_batch(ses_account, [news], lane=lane)
        return make_messages(batch, make_contacts(news, 1, prefix=f"b{batch.pk}"), **fields)[0]

    return make


def waiting(message: Message) -> int:
    return queue.window(message.batch_id)[1]


def test_queued_messages_that_no_queue_knows_are_rung_again(
    message: MakeMessage, redis: Redis
) -> None:
    lost = message()
    sweeping.sweep()
    assert waiting(lost) == 1
    assert redis.llen("send") == 1
    redis.flushdb()
    sweeping.sweep()
    assert waiting(lost) == 1
    sweeping.sweep()
    assert waiting(lost) == 1


@pytest.mark.parametrize("state", [BatchState.PAUSED, BatchState.CANCELLED])
def test_what_is_not_running_stays_silent(message: MakeMessage, state: BatchState) -> None:
    held = message()
    Batch.unscoped.update(state=state)
    sweeping.sweep()
    assert waiting(held) == 0


def test_a_claim_that_nobody_answers_for_becomes_unknown(message: MakeMessage) -> None:
    now = timezone.now()
    old = message(status=Status.SENDING, claimed_at=now - timedelta(minutes=3), attempts=1)
    message(status=Status.SENDING, claimed_at=now - timedelta(seconds=30), attempts=1)
    sweeping.sweep()
    assert statuses() == {Status.UNKNOWN: 1, Status.SENDING: 1}
    assert progress(old.batch).unknown == 1
    assert SentMinute.objects.get().sent == 1


@dataclass(frozen=True)
class Unknown:
    """A message that became unknown so many minutes ago."""

    lane: Lane
    attempts: int
    minutes: int
    events_flow: bool
    again: bool


@pytest.mark.parametrize(
    "case",
    [
        Unknown(Lane.TRANSACTIONAL, 1, 20, events_flow=True, again=True),
        Unknown(Lane.SYSTEM, 1, 20, events_flow=True, again=True),
        Unknown(Lane.TRANSACTIONAL, 1, 20, events_flow=False, again=False),
        Unknown(Lane.TRANSACTIONAL, 1, 5, events_flow=True, again=False),
        Unknown(Lane.TRANSACTIONAL, 2, 20, events_flow=True, again=False),
        Unknown(Lane.AUTOMATION, 1, 20, events_flow=True, again=False),
        Unknown(Lane.CAMPAIGN, 1, 20, events_flow=True, again=False),
    ],
)
def test_awaited_mail_is_sent_once_more_when_no_event_came(
    message: MakeMessage, case: Unknown
) -> None:
    now = timezone.now()
    SesAccount.unscoped.update(last_event_at=now if case.events_flow else now - timedelta(days=2))
    one = message(
        case.lane,
        status=Status.UNKNOWN,
        attempts=case.attempts,
        claimed_at=now - timedelta(minutes=case.minutes),
    )
    assert sweeping.send_unknown_again() == case.again
    one.refresh_from_db()
    assert one.status == (Status.QUEUED if case.again else Status.UNKNOWN)
    if case.again:
        ledger.claim([one.pk])
        one.refresh_from_db()
        assert one.attempts == 2


def test_a_parking_ends_at_its_time(message: MakeMessage, ses_account: SesAccount) -> None:
    one = message()
    key = ses_account.pace_key
    park_aws(key, QUOTA_REFUSED, until=timezone.now() + timedelta(minutes=5))
    sweeping.sweep()
    assert waiting(one) == 0
    SesAccount.unscoped.update(parked_until=timezone.now())
    sweeping.sweep()
    ses_account.refresh_from_db()
    assert (ses_account.parked_reason, ses_account.parked_until) == ("", None)
    assert waiting(one) == 1


def test_a_connection_that_a_person_must_mend_stays_parked(
    message: MakeMessage, ses_account: SesAccount
) -> None:
    one = message()
    park_account(ses_account.pk, "Amazon SES: not authorized")
    sweeping.sweep()
    assert waiting(one) == 0
    unpark_aws(ses_account.pace_key)
    sweeping.sweep()
    assert waiting(one) == 1


def used(account: SesAccount, hours_ago: float, sent: int) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=hours_ago)
    SentMinute.objects.create(pace_key=account.pace_key, minute=minute, shard=0, sent=sent)


def test_the_days_quota_parks_campaigns_and_frees_them(
    message: MakeMessage, ses_account: SesAccount
) -> None:
    """public-bugs 37: daily quota reached, resumes by itself."""
    SesAccount.unscoped.update(max_24_hour_send=1_000)
    one = message()
    used(ses_account, 20, 500)
    used(ses_account, 2, 400)
    quota.refresh(ses_account.pace_key)
    ses_account.refresh_from_db()
    assert ses_account.parked_lane == Lane.AUTOMATION
    assert ses_account.parked_until is not None
    assert abs(ses_account.parked_until - timezone.now() - timedelta(hours=4)) < timedelta(
        minutes=2
    )
    assert ses_account.parked_reason == "Daily quota reached"
    holding = progress(Batch.unscoped.get(pk=one.batch_id)).holding
    assert holding.startswith("Daily quota reached, resumes about ")
    SentMinute.objects.filter(sent=500).update(minute=timezone.now() - timedelta(hours=24.1))
    sweeping.sweep()
    ses_account.refresh_from_db()
    assert ses_account.parked_reason == ""
    assert waiting(one) == 1


def test_what_other_programs_sent_counts_too(ses_account: SesAccount) -> None:
    SesAccount.unscoped.update(
        max_24_hour_send=1_000, sent_by_others=quota.by_others(ses_account.pace_key, 1_000)
    )
    quota.refresh(ses_account.pace_key)
    ses_account.refresh_from_db()
    assert ses_account.parked_lane == Lane.TRANSACTIONAL
    assert ses_account.parked_until is not None
    assert ses_account.parked_until - timezone.now() <= timedelta(minutes=10)


def test_what_we_sent_ourselves_counts_once_whenever_the_quota_was_read(
    ses_account: SesAccount,
) -> None:
    """SES has counted 150 of our 200, and 30 of another program, when it is asked."""
    key, now = ses_account.pace_key, timezone.now()
    SentMinute.objects.create(
        pace_key=key, minute=now.replace(second=0, microsecond=0), shard=0, sent=150
    )
    SesAccount.unscoped.update(max_24_hour_send=400, sent_by_others=quota.by_others(key, 180))
    SentMinute.objects.update(sent=200)
    quota.refresh(key)
    ses_account.refresh_from_db()
    assert (ses_account.sent_by_others, ses_account.parked_reason) == (30, "")
    SentMinute.objects.update(sent=330)
    quota.refresh(key)
    ses_account.refresh_from_db()
    assert ses_account.parked_lane == Lane.AUTOMATION


def test_what_our_figures_parked_goes_on_by_our_figures_and_what_ses_refused_does_not(
    ses_account: SesAccount,
) -> None:
    key = ses_account.pace_key
    SesAccount.unscoped.update(max_24_hour_send=100, sent_by_others=100)
    quota.refresh(key)
    SesAccount.unscoped.update(sent_by_others=0)
    quota.refresh(key)
    ses_account.refresh_from_db()
    assert ses_account.parked_reason == ""
    quota.refused(key, Decision(Action.PARK_QUOTA, "Daily message quota exceeded."))
    quota.refresh(key)
    ses_account.refresh_from_db()
    assert ses_account.parked_reason == QUOTA_REFUSED
    assert parked_words(ses_account).startswith("Daily quota reached, says Amazon SES, resumes ")


def test_a_batch_with_nothing_left_is_done(message: MakeMessage, news: List) -> None:
    one = message()
    sweeping.finish_batches()
    assert Batch.unscoped.get().state == BatchState.RUNNING
    Message.unscoped.update(status=Status.SENT)
    Batch.unscoped.update(launched_at=timezone.now())
    sweeping.finish_batches()
    assert Batch.unscoped.get().state == BatchState.RUNNING  # its audience is not written yet
    launching.launch(one.batch_id)
    Message.unscoped.update(status=Status.SENT)
    sweeping.finish_batches()
    batch = Batch.unscoped.get()
    assert batch.state == BatchState.DONE
    assert batch.finished_at is not None
