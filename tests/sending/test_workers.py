"""Real worker processes, killed and deprived of Valkey in mid-campaign."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone
from redis import Redis

from lists.models import List
from sending import queue, sweeping
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from sending.selectors.batches import progress
from sending.services.batches import create_batch, launch_batch
from tests.sending.conftest import Ses, Start, kill, statuses
from tests.sending.factory import make_contacts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def press_send(ses_account: SesAccount, news: List, count: int) -> Batch:
    make_contacts(news, count)
    queue.set_rate(ses_account.pace_key, ses_account.max_send_rate)
    batch = create_batch(
        tenant=news.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=ses_account,
        from_header="Acme <news@acme.example>",
        subject="Hello {{ contact.first_name }}",
        html="<p>Hello {{ contact.first_name }}</p>",
        list_ids=[news.pk],
    )
    launch_batch(batch=batch)
    return batch


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits as beat would: sweeping, but once a second."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in time: {statuses()}"
        sweeping.sweep()
        time.sleep(0.5)


def _ids(**which: Status) -> QuerySet[Message, int]:
    return Message.unscoped.filter(**which).values_list("pk", flat=True)


def expire_claims_now() -> None:
    """What two minutes without an answer would do."""
    Message.unscoped.filter(status=Status.SENDING).update(
        claimed_at=timezone.now() - timedelta(minutes=3)
    )
    sweeping.sweep()


def test_a_campaign_of_a_thousand_arrives(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start
) -> None:
    start_worker()
    batch = press_send(ses_account, news, 1_000)
    wait_until(lambda: Batch.unscoped.get().state == BatchState.DONE)
    assert statuses() == {Status.SENT: 1_000}
    assert Counter(ses.arrived().values()) == {1: 1_000}
    seen = progress(batch)
    assert (seen.total, seen.sent, seen.queued, seen.sending) == (1_000, 1_000, 0, 0)


def test_a_killed_worker_loses_and_repeats_nobody(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start
) -> None:
    """public-bugs 36. What the dead worker had in hand is unknown, and counted as that."""
    ses.client.settings(latency_ms=50)
    worker = start_worker()
    batch = press_send(ses_account, news, 1_500)
    wait_until(lambda: len(ses.arrived()) > 200)
    kill(worker)
    assert len(ses.arrived()) < 1_500
    in_its_hand = set(_ids(status=Status.SENDING))
    assert in_its_hand
    start_worker()
    wait_until(lambda: set(_ids()) - set(_ids(status=Status.SENT)) == in_its_hand)
    expire_claims_now()
    arrived = ses.arrived()
    assert set(arrived.values()) == {1}
    counted = statuses()
    assert counted[Status.SENT] + counted[Status.UNKNOWN] == 1_500
    sent = Message.unscoped.filter(status=Status.SENT).values_list("email", flat=True)
    assert set(sent) <= set(arrived)
    assert set(arrived) <= set(Message.unscoped.values_list("email", flat=True))
    assert progress(batch).unknown == counted[Status.UNKNOWN]


def test_an_emptied_valkey_loses_and_repeats_nobody(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start, redis: Redis
) -> None:
    """public-bugs 36."""
    ses.client.settings(latency_ms=50)
    start_worker()
    press_send(ses_account, news, 1_500)
    wait_until(lambda: len(ses.arrived()) > 200)
    redis.flushdb()
    wait_until(lambda: Batch.unscoped.get().state == BatchState.DONE)
    assert statuses() == {Status.SENT: 1_500}
    assert Counter(ses.arrived().values()) == {1: 1_500}


def test_a_worker_that_is_asked_to_end_gives_back_what_it_has(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start
) -> None:
    ses.client.settings(latency_ms=50)
    ses_account.max_send_rate = 200
    ses_account.save()
    worker = start_worker()
    press_send(ses_account, news, 1_000)
    wait_until(lambda: len(ses.arrived()) > 50)
    worker.send_signal(signal.SIGTERM)
    worker.wait(15)
    left = statuses()
    assert left.keys() == {Status.SENT, Status.QUEUED}
    assert len(ses.arrived()) == left[Status.SENT]
