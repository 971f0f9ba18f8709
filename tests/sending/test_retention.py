"""Messages go at the age that their workspace has chosen; nothing waits for that."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from lists.models import List
from sending import ledger, retention, sweeping
from sending.models import (
    Batch,
    BatchState,
    BatchTally,
    EventKind,
    Lane,
    Message,
    MessageData,
    MessageEvent,
    SesAccount,
    Status,
)
from sending.selectors.batches import progress
from tenants.models import Tenant
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = pytest.mark.django_db


def campaign(account: SesAccount, news: List, *, days: int, **fields: object) -> Batch:
    """A batch that ended so many days ago, with five sent messages and an event of each."""
    ended = timezone.now() - timedelta(days=days)
    batch = make_batch(
        account, [news], state=BatchState.DONE, launched_at=ended, audience_at=ended,
        finished_at=ended,
    )  # fmt: skip
    people = make_contacts(news, 5, prefix=f"b{batch.pk}")
    messages = make_messages(batch, people, status=Status.SENT, sent_at=ended, claimed_at=ended)
    BatchTally.unscoped.filter(batch=batch).update(sent=5)
    MessageEvent.unscoped.bulk_create(
        MessageEvent(
            tenant_id=batch.tenant_id, message=one, kind=EventKind.DELIVERY, recipient=one.email,
            dedupe="1", at=ended,
        )
        for one in messages
    )  # fmt: skip
    Batch.unscoped.filter(pk=batch.pk).update(**fields)
    return Batch.unscoped.get(pk=batch.pk)


def single(batch: Batch, *, days: float, status: Status = Status.SENT) -> MessageData:
    """A mail that was asked for so many days ago."""
    message = Message.unscoped.create(
        tenant_id=batch.tenant_id, batch=batch, email="a@example.net", status=status
    )
    extra = MessageData.unscoped.create(tenant_id=batch.tenant_id, message=message)
    created = timezone.now() - timedelta(days=days)
    MessageData.unscoped.filter(pk=extra.pk).update(created_at=created)
    return extra


def test_a_campaign_goes_whole_and_keeps_its_totals(
    acme: Tenant, ses_account: SesAccount, news: List
) -> None:
    acme.retention_days = 30
    acme.save()
    old = campaign(ses_account, news, days=31)
    young = campaign(ses_account, news, days=29)
    before = progress(old)
    assert retention.forget(seconds=10) == 5
    assert set(Message.unscoped.values_list("batch", flat=True)) == {young.pk}
    assert MessageEvent.unscoped.count() == 5
    assert progress(old) == before
    old.refresh_from_db()
    assert old.messages_deleted_at is not None
    assert retention.forget(seconds=10) == 0


def test_each_workspace_has_its_own_age(
    acme: Tenant, evil: Tenant, ses_account: SesAccount, news: List
) -> None:
    campaign(ses_account, news, days=300)
    theirs = SesAccount.unscoped.create(tenant=evil, name="e", region="eu-west-1")
    their_list = List.unscoped.create(tenant=evil, name="News")
    campaign(theirs, their_list, days=300)
    evil.retention_days = 200
    evil.save()
    assert retention.forget(seconds=10) == 5
    assert set(Message.unscoped.values_list("tenant", flat=True)) == {acme.pk}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": BatchState.RUNNING},
        {"state": BatchState.PAUSED},
        {"state": BatchState.PREPARING, "finished_at": None},
    ],
)
def test_a_batch_that_has_not_ended_keeps_its_messages(
    ses_account: SesAccount, news: List, fields: dict[str, object]
) -> None:
    campaign(ses_account, news, days=900, **fields)
    assert retention.forget(seconds=10) == 0
    assert Message.unscoped.count() == 5


@pytest.mark.parametrize(
    ("status", "goes"),
    [
        (Status.QUEUED, False),
        (Status.SENDING, False),
        (Status.SENT, True),
        (Status.UNKNOWN, True),
        (Status.SKIPPED, True),
        (Status.FAILED, True),
    ],
)
def test_only_what_is_settled_goes(
    ses_account: SesAccount, news: List, status: Status, goes: bool
) -> None:
    ended = campaign(ses_account, news, days=400)
    Message.unscoped.update(status=status)
    standing = make_batch(ses_account)
    single(standing, days=400, status=status)
    assert retention.forget(seconds=10) == (6 if goes else 0)
    ended.refresh_from_db()
    assert (ended.messages_deleted_at is not None) == goes


@pytest.mark.parametrize("state", [BatchState.RUNNING, BatchState.DONE])
def test_single_mails_go_by_their_own_age(ses_account: SesAccount, state: BatchState) -> None:
    standing = make_batch(ses_account, lane=Lane.TRANSACTIONAL, state=state)
    single(standing, days=366)
    young = single(standing, days=364)
    assert retention.forget(seconds=10) == 1
    assert MessageData.unscoped.get() == young
    standing.refresh_from_db()
    assert standing.messages_deleted_at is None


def test_more_than_a_chunk_goes_in_chunks_and_a_run_ends_in_time(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    old = campaign(ses_account, news, days=400)
    assert retention.forget(seconds=0) == 0
    assert Message.unscoped.count() == 5
    old.refresh_from_db()
    assert old.messages_deleted_at is None
    assert retention.forget(seconds=10) == 5


class TestBeside:
    """While a chunk is open, in another connection."""

    pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

    @pytest.fixture
    def other(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as pool:
            yield pool
            pool.submit(connections.close_all).result()

    def test_claims_and_records_do_not_wait(
        self, ses_account: SesAccount, news: List, other: ThreadPoolExecutor
    ) -> None:
        standing = make_batch(ses_account, lane=Lane.TRANSACTIONAL)
        old = single(standing, days=400).pk
        fresh = single(standing, days=0, status=Status.QUEUED).pk

        def send() -> bool:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            claim = ledger.claim([old, fresh])
            claimed = claim.claimed[fresh].claimed_at
            ledger.record([ledger.Result(fresh, claimed, Status.SENT, "key", "", "0100")])
            sweeping.finish_batches()
            return list(claim.claimed) == [fresh]

        with transaction.atomic():
            assert retention.forget_chunk([old, fresh]) == 1
            assert other.submit(send).result(timeout=10)
        assert Message.unscoped.get().pk == fresh
        assert Batch.unscoped.get().state == BatchState.DONE

    def test_what_somebody_holds_stays_for_the_next_run(
        self, ses_account: SesAccount, news: List, other: ThreadPoolExecutor
    ) -> None:
        old = campaign(ses_account, news, days=400)
        held = Message.unscoped.order_by("pk")[0]
        with transaction.atomic():
            Message.unscoped.select_for_update().get(pk=held.pk)
            assert other.submit(lambda: retention.forget(seconds=5)).result(timeout=10) == 4
        old.refresh_from_db()
        assert old.messages_deleted_at is None
        assert retention.forget(seconds=5) == 1
        old.refresh_from_db()
        assert old.messages_deleted_at is not None
