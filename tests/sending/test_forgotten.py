"""Awaited mail that a killed worker had taken comes again, though its window is never empty."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from sending import queue, sweeping
from sending.models import Batch, BatchState, Lane, Message, MessageData, SesAccount, Status
from sending.parking import park_aws
from tests.sending.factory import make_batch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def batch(ses_account: SesAccount) -> Batch:
    queue.set_rate(ses_account.pace_key, 500)
    return make_batch(ses_account, lane=Lane.TRANSACTIONAL)


def mail(batch: Batch, *, seconds: float, known: bool = False) -> int:
    """A queued mail that was asked for so long ago, and whether Valkey knows it."""
    message = Message.unscoped.create(tenant_id=batch.tenant_id, batch=batch, email="a@e.example")
    MessageData.unscoped.create(tenant_id=batch.tenant_id, message=message)
    created = timezone.now() - timedelta(seconds=seconds)
    MessageData.unscoped.filter(pk=message.pk).update(created_at=created)
    if known:
        queue.push(batch.ses_account.pace_key, batch.lane, batch.pk, [message.pk])
    return message.pk


def waiting(redis: Redis, batch: Batch) -> list[int]:
    return [int(one) for one in redis.lrange(f"{{send}}:ids:{batch.pk}", 0, -1)]


def test_what_a_killed_worker_had_taken_comes_first_again(batch: Batch, redis: Redis) -> None:
    taken = [mail(batch, seconds=20, known=True) for _ in range(3)]
    assert [one for lease in queue.take(3).leases for one in lease.groups[0].ids] == taken
    fresh = [mail(batch, seconds=0, known=True) for _ in range(2)]
    sweeping.sweep()
    assert waiting(redis, batch) == taken + fresh
    sweeping.sweep()
    assert waiting(redis, batch) == taken + fresh


def test_what_may_be_on_its_way_is_left_alone(batch: Batch, redis: Redis) -> None:
    mail(batch, seconds=2)
    known = mail(batch, seconds=20, known=True)
    sweeping.push_forgotten()
    assert waiting(redis, batch) == [known]


def test_what_is_sent_once_more_does_not_wait_for_an_empty_window(
    batch: Batch, redis: Redis
) -> None:
    now = timezone.now()
    SesAccount.unscoped.update(last_event_at=now)
    unknown = mail(batch, seconds=1200)
    Message.unscoped.filter(pk=unknown).update(
        status=Status.UNKNOWN, attempts=1, claimed_at=now - timedelta(minutes=20)
    )
    fresh = mail(batch, seconds=0, known=True)
    sweeping.sweep()
    assert waiting(redis, batch) == [unknown, fresh]


def test_what_postgresql_has_yet_to_feed_is_not_fed_twice(
    batch: Batch, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 2)
    monkeypatch.setattr(queue, "LOW_WATER", 1)
    ids = [mail(batch, seconds=20) for _ in range(5)]
    sweeping.sweep()
    assert waiting(redis, batch) == ids[:2]


@pytest.mark.parametrize("state", [BatchState.PAUSED, BatchState.CANCELLED])
def test_a_stopped_batch_stays_silent(batch: Batch, redis: Redis, state: BatchState) -> None:
    mail(batch, seconds=20)
    Batch.unscoped.update(state=state)
    sweeping.push_forgotten()
    assert waiting(redis, batch) == []


def test_a_parked_lane_stays_silent(batch: Batch, redis: Redis) -> None:
    mail(batch, seconds=20)
    until = timezone.now() + timedelta(hours=1)
    park_aws(batch.ses_account.pace_key, "Daily quota reached", until=until)
    sweeping.push_forgotten()
    assert waiting(redis, batch) == []
    park_aws(batch.ses_account.pace_key, "Daily quota reached", until=until, from_lane=2)
    sweeping.push_forgotten()
    assert len(waiting(redis, batch)) == 1
