"""Real worker processes, killed and deprived of Valkey in mid-campaign."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from redis import Redis

from lists.models import List
from lists.selectors.reach import Audience
from sending import ledger, queue, sweeping
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from sending.selectors.batches import progress
from sending.services.batches import create_batch, launch_batch
from tests.sending.conftest import Ses, Start, kill, statuses
from tests.sending.factory import make_batch, make_contacts, make_messages
from tests.sending.proxy import Proxy

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
        audience=Audience((news.pk,)),
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


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_is_asked_to_end_gives_back_what_it_has(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start, times: int
) -> None:
    ses.client.settings(latency_ms=50)
    ses_account.max_send_rate = 200
    ses_account.save()
    worker = start_worker()
    press_send(ses_account, news, 1_000)
    wait_until(lambda: len(ses.arrived()) > 50)
    for _ in range(times):  # whoever is impatient asks twice
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    worker.wait(30)
    left = statuses()
    assert left.keys() == {Status.SENT, Status.QUEUED}
    assert len(ses.arrived()) == left[Status.SENT]


def test_a_worker_that_is_asked_to_end_while_postgresql_is_away_writes_down_what_it_sent(
    ses: Ses, ses_account: SesAccount, news: List, start_worker: Start
) -> None:
    ses.client.settings(latency_ms=50)
    ses_account.max_send_rate = 200
    ses_account.save()
    server = connection.settings_dict
    with Proxy(server["HOST"] or "127.0.0.1", int(server["PORT"])) as proxy:
        behind = urlsplit(os.environ["DATABASE_URL"])
        account = behind.netloc.rpartition("@")[0]
        worker = start_worker(
            DATABASE_URL=f"postgres://{account}@127.0.0.1:{proxy.port}/{server['NAME']}"
        )
        press_send(ses_account, news, 1_000)
        wait_until(lambda: len(ses.arrived()) > 50)
        proxy.cut()
        worker.send_signal(signal.SIGTERM)
        time.sleep(2)
        assert worker.poll() is None, "it did not wait for PostgreSQL"
        proxy.mend()
        worker.wait(60)
    arrived = set(ses.arrived())
    assert arrived == set(_emails(Status.SENT))
    assert statuses()[Status.QUEUED]
    # A claim whose answer was lost with the connection: nobody knows of it, nothing was sent.
    assert not set(_emails(Status.SENDING)) & arrived
    assert Counter(ses.arrived().values()) == {1: len(arrived)}


def test_a_drain_that_ends_between_taking_and_sending_gives_back_what_it_claimed(
    ses: Ses,
    ses_account: SesAccount,
    news: List,
    drain: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim, asked = ledger.claim, []

    def claim_and_be_asked_to_end(ids: Sequence[int]) -> ledger.Claim:
        asked.append(True)
        return claim(ids)

    monkeypatch.setattr(ledger, "claim", claim_and_be_asked_to_end)
    batch = make_batch(ses_account, [news])
    messages = make_messages(batch, make_contacts(news, 50))
    queue.set_rate(ses_account.pace_key, 14)  # so some are claimed and have no slot yet
    queue.push(ses_account.pace_key, batch.lane, batch.pk, [one.pk for one in messages])
    drain(stopping=lambda: bool(asked))
    left = statuses()
    assert asked
    assert left.keys() <= {Status.SENT, Status.QUEUED}
    assert len(ses.arrived()) == left[Status.SENT] < 50
    assert queue.window(batch.pk)[1] == left[Status.QUEUED]
    assert set(_ids(status=Status.QUEUED).values_list("attempts", flat=True)) == {0}


def _emails(status: Status) -> QuerySet[Message, str]:
    return Message.unscoped.filter(status=status).values_list("email", flat=True)
