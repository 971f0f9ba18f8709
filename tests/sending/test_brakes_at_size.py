"""Pause, resume and cancel take effect within two seconds, with a real worker and a big batch."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from lists.models import List
from sending import ledger, queue, sweeping, tally
from sending.errors import EventsAwaited
from sending.feed import feed_again
from sending.models import Batch, BatchState, Message, SesAccount, Status
from sending.selectors.batches import progress
from sending.services import batches
from sending.services.batches import (
    cancel_batch,
    pause_batch,
    resend_unknown,
    resume_batch,
)
from tests.sending.conftest import Ses, Start, statuses
from tests.sending.factory import make_batch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

SIZE = 100_000
EFFECT = 2.0  # seconds
BUSY = 3.0  # more, for a drain to start on a machine that runs other tests beside

_CONTACTS = """
    INSERT INTO lists_contact (tenant_id, public_id, email, email_norm, first_name, last_name,
                               fields, created_at, updated_at)
    SELECT %(tenant)s, gen_random_uuid(), 'p' || i || '@example.net', 'p' || i || '@example.net',
           'N' || i, '', '{}', now(), now()
    FROM generate_series(1, %(count)s) AS i
"""
_MEMBERS = """
    INSERT INTO lists_subscription (tenant_id, contact_id, list_id, status, source, created_at)
    SELECT tenant_id, id, %(list)s, 'active', 'import', now() FROM lists_contact
"""
_MESSAGES = """
    INSERT INTO sending_message (tenant_id, batch_id, contact_id, email, status)
    SELECT tenant_id, %(batch)s, id, email, %(status)s FROM lists_contact
"""


def fill(batch: Batch, news: List, count: int, status: Status = Status.QUEUED) -> None:
    """Rows to so many new members of the list."""
    given = {"tenant": news.tenant_id, "list": news.pk, "batch": batch.pk, "count": count}
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, given)
        # Without it the check of each foreign key reads the whole table.
        cursor.execute("ANALYZE lists_contact")
        cursor.execute(_MEMBERS, given)
        cursor.execute(_MESSAGES, given | {"status": int(status)})
    counts = {"total": count, "unknown": count if status == Status.UNKNOWN else 0}
    tally.add({(batch.tenant_id, batch.pk): counts}, now=timezone.now())


@pytest.fixture
def batch(ses_account: SesAccount, news: List) -> Batch:
    """A campaign under way, its audience still without rows."""
    queue.set_rate(ses_account.pace_key, ses_account.max_send_rate)
    now = timezone.now()
    return make_batch(ses_account, [news], launched_at=now, audience_at=now)


def times(ses: Ses) -> list[float]:
    """When SES accepted each mail."""
    return [one["time"] for one in ses.client.ledger()]


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in time: {statuses()}"
        time.sleep(0.05)


def stop(ses: Ses, act: Callable[..., Any], batch: Batch) -> int:
    """Stops the batch, sees that nothing arrives two seconds later, returns how many got it."""
    act(batch=batch)
    stopped = time.time()
    time.sleep(EFFECT + 1)
    assert [at for at in times(ses) if at > stopped + EFFECT] == []
    wait_for(lambda: statuses()[Status.SENDING] == 0)
    return len(times(ses))


def test_pause_resume_and_cancel_in_mid_campaign(
    ses: Ses, batch: Batch, news: List, start_worker: Start
) -> None:
    fill(batch, news, SIZE)
    ses.client.settings(latency_ms=50)
    start_worker()
    feed_again(batch)
    queue.ring()
    wait_for(lambda: len(times(ses)) > 300)

    paused_after = stop(ses, pause_batch, batch)
    assert progress(batch).sending == 0

    resume_batch(batch=batch)
    resumed = time.time()
    wait_for(lambda: len(times(ses)) > paused_after + 300)
    assert min(at for at in times(ses) if at > resumed) < resumed + EFFECT + BUSY

    sent = stop(ses, cancel_batch, batch)
    assert paused_after + 300 < sent < SIZE
    wait_for(lambda: statuses().keys() == {Status.SENT, Status.SKIPPED})
    sweeping.sweep()
    assert statuses() == {Status.SENT: sent, Status.SKIPPED: SIZE - sent}
    seen = progress(batch)
    assert (seen.sent, seen.skipped, seen.queued) == (sent, SIZE - sent, 0)
    assert set(ses.arrived().values()) == {1}


def test_a_resume_needs_no_worker_of_the_other_queue(batch: Batch, news: List) -> None:
    """The default queue may be busy with an import; the window is full at once."""
    fill(batch, news, queue.WINDOW + 1)
    pause_batch(batch=batch)
    assert queue.window(batch.pk) == (None, 0)
    resume_batch(batch=batch)
    cursor, waiting = queue.window(batch.pk)
    assert waiting == queue.WINDOW
    assert cursor is not None
    assert queue.valkey().llen("send") == 1


def test_a_resume_with_valkey_down_is_rung_by_the_sweep(batch: Batch, news: List) -> None:
    fill(batch, news, 10)
    pause_batch(batch=batch)
    with patch("sending.services.batches.feed_again", side_effect=ConnectionError("down")):
        assert resume_batch(batch=batch).state == BatchState.RUNNING
    sweeping.sweep()
    assert queue.window(batch.pk)[1] == 10


def test_what_comes_back_after_a_cancel_is_skipped_too(batch: Batch, news: List) -> None:
    """A worker gives back what it had in hand when the task that skips the rest is through."""
    fill(batch, news, 10)
    cancel_batch(batch=batch, reason="by Alice")
    sweeping.cancel_rest(batch.pk)
    assert statuses() == {Status.SKIPPED: 10}
    late = Message.unscoped.order_by("pk")[:3]
    Message.unscoped.filter(pk__in=late).update(status=Status.QUEUED, reason="")
    sweeping.sweep()
    assert statuses() == {Status.SKIPPED: 10}
    assert set(Message.unscoped.values_list("reason", flat=True)) == {"by Alice"}


def test_a_cancel_whose_task_died_is_finished_by_the_sweep(
    batch: Batch, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_CHUNK", 4)
    fill(batch, news, 10)
    cancel_batch(batch=batch)
    for left in (6, 2, 0):
        sweeping.sweep()
        assert statuses()[Status.QUEUED] == left
    assert progress(batch).skipped == 10


@pytest.mark.parametrize(
    ("heard", "sent_again"), [(None, True), (-300, False), (-4000, True), (-5, True), (60, True)]
)
def test_the_unknown_of_whom_events_may_still_tell_are_not_sent_again(
    batch: Batch, news: List, heard: int | None, *, sent_again: bool
) -> None:
    now = timezone.now()
    fill(batch, news, 2, Status.UNKNOWN)
    Message.unscoped.update(claimed_at=now)
    SesAccount.unscoped.update(last_event_at=heard and now + timedelta(seconds=heard))
    if sent_again:
        assert resend_unknown(batch=batch) == 2
    else:
        with pytest.raises(EventsAwaited):
            resend_unknown(batch=batch)
        older = Message.unscoped.earliest("pk")
        Message.unscoped.filter(pk=older.pk).update(claimed_at=now - timedelta(minutes=6))
        assert resend_unknown(batch=batch) == 1


def test_many_unknown_are_sent_again_in_chunks(
    batch: Batch, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_CHUNK", 4)
    Batch.unscoped.update(state=BatchState.DONE)
    fill(batch, news, 10, Status.UNKNOWN)
    with patch.object(ledger, "requeue_unknown", wraps=ledger.requeue_unknown) as chunks:
        assert resend_unknown(batch=batch) == 10
    assert [len(call.args[0]) for call in chunks.call_args_list] == [4, 4, 2]
    assert statuses() == {Status.QUEUED: 10}
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING
    seen = progress(batch)
    assert (seen.unknown, seen.queued) == (0, 10)
    assert queue.window(batch.pk)[1] == 10
