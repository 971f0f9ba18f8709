"""What comes back to a batch that has ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from lists.models import List
from sending import ledger, queue, sweeping
from sending.ledger import Result
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def message(account: SesAccount, news: List, lane: Lane) -> Message:
    batch = make_batch(account, [news], lane=lane)
    return make_messages(batch, make_contacts(news, 1))[0]


def sends_again(one: Message) -> bool:
    sweeping.sweep()
    assert Batch.unscoped.get().state == BatchState.RUNNING
    assert queue.window(one.batch_id)[1] == 1
    return bool(ledger.claim([one.pk]).claimed)


def sweep_until_done() -> None:
    Message.unscoped.update(claimed_at=timezone.now() - timedelta(minutes=3))
    sweeping.sweep()
    assert Message.unscoped.get().status == Status.UNKNOWN
    assert Batch.unscoped.get().state == BatchState.DONE


def test_awaited_mail_is_sent_once_more_though_its_batch_was_done(
    ses_account: SesAccount, news: List
) -> None:
    one = message(ses_account, news, Lane.TRANSACTIONAL)
    ledger.claim([one.pk])
    sweep_until_done()
    SesAccount.unscoped.update(last_event_at=timezone.now())
    Message.unscoped.update(claimed_at=timezone.now() - timedelta(minutes=20))
    assert sends_again(one)


def test_a_late_refusal_is_tried_again_though_its_batch_was_done(
    ses_account: SesAccount, news: List
) -> None:
    one = message(ses_account, news, Lane.CAMPAIGN)
    ledger.claim([one.pk])
    sweep_until_done()
    one.refresh_from_db()
    assert one.claimed_at is not None
    ledger.record([Result(one.pk, one.claimed_at, Status.QUEUED, ses_account.pace_key)])
    assert sends_again(one)
