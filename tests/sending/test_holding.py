"""What holds a campaign, in plain words."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from redis import Redis
from redis.exceptions import ConnectionError as ValkeyDown

from lists.models import List
from sending import queue, signs
from sending.models import (
    QUOTA_REACHED,
    Batch,
    BatchState,
    BatchTally,
    SesAccount,
    SesState,
)
from sending.selectors.accounts import parked_words
from sending.selectors.batches import progress
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOBODY = "No worker is running. Ask the operator."


@pytest.fixture
def batch(ses_account: SesAccount, news: List) -> Batch:
    """A campaign of five that somebody works at."""
    now = timezone.now()
    made = make_batch(ses_account, [news], launched_at=now, audience_at=now)
    messages = make_messages(made, make_contacts(news, 5))
    queue.set_rate(ses_account.pace_key, 500)
    queue.push(ses_account.pace_key, made.lane, made.pk, [one.pk for one in messages])
    signs.heard(signs.WORKERS, "send@a")
    return made


def holding(batch: Batch) -> str:
    return progress(Batch.unscoped.get(pk=batch.pk)).holding


def sends(batch: Batch, rate: float) -> None:
    """As if so many a second had left in the ten seconds before."""
    now = timezone.now()
    BatchTally.unscoped.filter(batch=batch).update(
        pulse_at=now - timedelta(seconds=5), pulse=rate * 5
    )


def heard_last(redis: Redis, seconds_ago: float) -> None:
    redis.zadd(signs.WORKERS, {"send@a": time.time() - seconds_ago})


def test_nothing_holds_a_campaign_at_its_start(batch: Batch) -> None:
    assert holding(batch) == ""


def test_the_rate_that_aws_allows(batch: Batch) -> None:
    SesAccount.unscoped.update(max_send_rate=14)
    sends(batch, 14)
    assert holding(batch) == "AWS allows 14 a second"
    sends(batch, 4)
    assert holding(batch) == ""


def test_a_rate_that_several_campaigns_share(batch: Batch, news: List) -> None:
    SesAccount.unscoped.update(max_send_rate=14)
    make_batch(batch.ses_account, [news])
    sends(batch, 7)
    assert holding(batch) == "AWS allows 14 a second, which 2 sendings share"


def test_a_throttle(batch: Batch, redis: Redis) -> None:
    SesAccount.unscoped.update(max_send_rate=200)
    for _ in range(5):
        queue.throttle(batch.ses_account.pace_key)
        redis.hset(f"{{send}}:pace:{batch.ses_account.pace_key}", "cut_at", f"{time.time():f}")
    words = holding(batch)
    assert words.startswith("AWS asked us to slow down: ")
    assert words.endswith(" of 200 a second for now")
    assert 30 < float(words.split()[6]) < 60
    redis.hset(f"{{send}}:pace:{batch.ses_account.pace_key}", "cut_at", f"{time.time() - 60:f}")
    assert holding(batch) == ""


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "Daily quota reached, resumes about 16:40 UTC"),
        ("Europe/Berlin", "Daily quota reached, resumes about 17:40 CET"),
        ("Asia/Tokyo", "Daily quota reached, resumes about 25 Nov 01:40 JST"),
    ],
)
def test_a_quota_says_when_it_goes_on_in_the_zone_of_the_workspace(
    batch: Batch, zone: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    SesAccount.unscoped.update(
        parked_reason=QUOTA_REACHED, parked_until=now.replace(hour=16, minute=40)
    )
    with timezone.override(zone):
        assert holding(batch) == words


def test_what_aws_says_keeps_its_words(ses_account: SesAccount) -> None:
    ses_account.parked_reason = "Amazon SES: Sending is paused for this account."
    assert parked_words(ses_account) == ses_account.parked_reason
    ses_account.parked_until = timezone.now().replace(hour=23, minute=59)
    assert parked_words(ses_account) == (
        "Amazon SES: Sending is paused for this account. Bluefox tries again about 23:59 UTC"
    )


def test_only_the_parked_lanes_wait(batch: Batch) -> None:
    SesAccount.unscoped.update(parked_reason=QUOTA_REACHED, parked_lane=4)
    assert holding(batch) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": BatchState.PAUSED, "state_reason": "Paused by the bounce limit: 6 of 100"},
            "Paused by the bounce limit: 6 of 100",
        ),
        ({"state": BatchState.PAUSED}, "Paused"),
        ({"state": BatchState.CANCELLED}, "Cancelled"),
    ],
)
def test_who_stopped_it(batch: Batch, fields: dict[str, str], words: str) -> None:
    Batch.unscoped.update(**fields)
    assert holding(batch) == words


def test_an_account_that_is_not_connected(batch: Batch) -> None:
    SesAccount.unscoped.update(state=SesState.FAILED)
    assert holding(batch) == "Amazon SES is not connected"


def test_no_worker(batch: Batch, redis: Redis) -> None:
    heard_last(redis, 300)
    assert holding(batch) == ""  # due, but not for long
    redis.zadd("{send}:wheel", {batch.ses_account.pace_key: time.time() - 90})
    assert holding(batch) == NOBODY
    signs.heard(signs.WORKERS, "default@a")  # it does not send
    assert holding(batch) == NOBODY
    signs.heard(signs.DRAINS, "a:1")
    assert holding(batch) == ""


def test_no_worker_that_would_write_the_rows(batch: Batch, redis: Redis) -> None:
    BatchTally.unscoped.update(total=0)
    redis.delete("{send}:wheel")
    heard_last(redis, 300)
    Batch.unscoped.update(audience_at=None, launched_at=timezone.now() - timedelta(minutes=2))
    assert holding(batch) == NOBODY


def test_a_queue_that_was_lost(batch: Batch, redis: Redis) -> None:
    Batch.unscoped.update(launched_at=timezone.now() - timedelta(hours=2))
    redis.flushdb()
    assert holding(batch) == "Waiting for a worker to fill the queue"
    signs.heard(signs.WORKERS, "send@a")
    assert holding(batch) == "Waiting for a worker to fill the queue"


def test_a_queue_that_does_not_answer(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Callable[..., object]:
        raise ValkeyDown

    monkeypatch.setattr("sending.selectors.pace.valkey", away)
    assert holding(batch).startswith("The queue does not answer.")
