"""What the operator is told: who lives, what went wrong, how long the queue is."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import pytest
from django.utils import timezone
from redis import Redis
from redis.exceptions import ConnectionError as ValkeyDown

from bluefox.logs import BriefFormatter
from lists.models import List
from sending import queue, signs, tasks
from sending.decide import Action, Decision
from sending.models import Lane, SesAccount, Status
from sending.outbound import Outbound
from sending.parking import park_aws
from sending.selectors.workers import Fault, overview
from sending.skeleton import Skeleton
from sending.stops import Stops
from sending.threads import Threads
from tests.sending.clock import later_in_valkey
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = pytest.mark.usefixtures("redis")
KEY = "111122223333:eu-west-1"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.Logger("sending.trial")
    handler = signs.FaultLog()
    handler.setFormatter(BriefFormatter())
    logger.addHandler(handler)
    yield logger
    handler.close()


def faults(count: int) -> list[Fault]:
    """The newest faults, once there are so many."""
    end = time.monotonic() + 5
    while len(found := overview().faults) < count and time.monotonic() < end:
        time.sleep(0.01)
    return found


@pytest.mark.django_db
def test_a_warning_is_kept_without_addresses_and_rows(log: logging.Logger) -> None:
    log.info("nothing to see")
    log.warning("Amazon SES: ada@example.com is not verified", extra={"pace_key": KEY})
    faults(1)
    try:
        raise ValueError("no\nDETAIL: Failing row contains (Ada, secret)")
    except ValueError:
        log.exception("Results of %d messages could not be written", 3)
    newest, first = faults(2)
    assert (first.pace_key, first.source) == (KEY, "sending.trial")
    assert first.text == "Amazon SES: …@… is not verified"
    assert timezone.now() - first.at < timedelta(minutes=1)
    assert newest.text == "Results of 3 messages could not be written: ValueError: no"


@pytest.mark.django_db
def test_only_the_newest_are_kept(log: logging.Logger, redis: Redis) -> None:
    for n in range(120):
        log.error("fault %d", n)
    deadline = time.monotonic() + 5
    while not (found := faults(1)) or found[0].text != "fault 119":
        assert time.monotonic() < deadline
    assert len(found) <= signs.KEPT_FAULTS == 50
    assert redis.llen(signs.FAULTS) <= 50


def test_nobody_who_logs_waits_for_valkey(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Redis:
        time.sleep(1)
        raise ValkeyDown

    monkeypatch.setattr(signs, "valkey", away)
    started = time.monotonic()
    log.warning("Valkey is away")
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("action", [Action.PARK_QUOTA, Action.PARK_AWS, Action.PARK_ACCOUNT])
def test_a_refusal_that_stops_an_account_is_told_once(
    action: Action, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for act in ("quota.refused", "parking.park_aws_for", "parking.park_account"):
        monkeypatch.setattr(f"sending.{act}", lambda *_: None)
    out = Outbound(7, Lane.CAMPAIGN, 3, KEY, cast(Skeleton, None))

    async def refuse() -> None:
        async with Threads() as threads:
            stops = Stops(threads)
            for _ in range(3):
                await stops.obey(Decision(action, "Amazon SES: no"), out)

    asyncio.run(refuse())
    (record,) = caplog.records
    assert record.getMessage() == f"Batch 7 through {KEY}: Amazon SES: no"
    assert record.__dict__["pace_key"] == KEY


@pytest.mark.django_db
def test_workers_and_drains_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    signs.heard(signs.WORKERS, "send@a")
    monkeypatch.setattr("sending.delivery.Engine.run", lambda *_, **__: None)
    tasks.drain()
    seen = overview()
    assert [name for name, _ in seen.workers] == ["send@a"]
    assert seen.alive == 1
    ((_, at),) = seen.drains
    assert timezone.now() - at < timedelta(seconds=10)
    signs.gone("send@a")
    assert overview().alive == 0


@pytest.mark.django_db
def test_one_row_for_each_aws_account_and_region(
    ses_account: SesAccount, news: List, redis: Redis
) -> None:
    people = make_contacts(news, 6)
    campaign = make_batch(ses_account, [news])
    make_messages(campaign, people[:4])
    single = make_batch(ses_account, lane=Lane.TRANSACTIONAL)
    make_messages(single, people[4:5])
    make_messages(single, people[5:], status=Status.SENDING, claimed_at=timezone.now())
    queue.set_rate(KEY, 500)
    queue.push(KEY, Lane.CAMPAIGN, campaign.pk, [1, 2, 3, 4])
    queue.push(KEY, Lane.TRANSACTIONAL, single.pk, [5])
    queue.throttle(KEY)
    later_in_valkey(redis, 1)
    queue.throttle(KEY)
    park_aws("444455556666:eu-west-1", "nobody's", until=None)
    (row,) = overview().rows
    assert row.pace.pace_key == KEY
    assert row.waiting == [1, 0, 0, 4]
    assert (row.running, row.sending, row.left) == (2, 1, 6)
    assert (row.pace.throttles, round(row.pace.cut, 1)) == (2, 0.7)
    assert 340 < row.rate_now < 400
    assert row.parked == []
    assert overview().oldest_due == 0  # it rests for half a second
    time.sleep(0.6)
    assert 0 < overview().oldest_due < 5
    park_aws(KEY, "Amazon SES: suspended", until=None)
    (row,) = overview().rows
    assert [account.parked_reason for account in row.parked] == ["Amazon SES: suspended"]


@pytest.mark.django_db
def test_more_than_a_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sending.selectors.workers._MOST", 2)
    for n in range(5):
        queue.push(f"{n:012}:eu-west-1", 3, n + 1, [n])
    seen = overview()
    assert (len(seen.rows), seen.more) == (2, 3)
