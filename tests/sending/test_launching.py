"""From pressing send to the last row, and back after a crash; the services around it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections, transaction
from redis import Redis

from lists.errors import InvalidAddress
from lists.models import Contact, List, Source, SubscriptionStatus, Suppression
from lists.selectors.reach import Audience
from sending import feed, launching, queue, sweeping, tasks
from sending.errors import BatchEnded, ContentError
from sending.models import (
    Batch,
    BatchState,
    Lane,
    Message,
    MessageData,
    SesAccount,
    Status,
)
from sending.selectors.batches import progress
from sending.services.batches import (
    cancel_batch,
    create_batch,
    launch_batch,
    pause_batch,
    resume_batch,
    send_one,
)
from tenants.models import Tenant
from tests.sending.conftest import statuses
from tests.sending.factory import make_batch, make_contacts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
AddContact = Callable[..., Contact]


def new_batch(account: SesAccount, *lists: List, **fields: Any) -> Batch:
    given: dict[str, Any] = {
        "tenant": account.tenant,
        "lane": Lane.CAMPAIGN,
        "ses_account": account,
        "from_header": "Acme <news@acme.example>",
        "subject": "Hello",
        "html": "<p>Hello</p>",
        "audience": Audience(tuple(one.pk for one in lists)) if lists else None,
    }
    return create_batch(**{**given, **fields})


def pressed(batch: Batch) -> Batch:
    """The batch as launch_batch leaves it, without its task."""
    with patch("sending.services.batches.launch.delay"):
        return launch_batch(batch=batch)


def test_the_audience_becomes_rows_once(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    add_contact("ann@example.net")
    add_contact("unconfirmed@example.net", status=SubscriptionStatus.UNCONFIRMED)
    add_contact("gone@example.net", status=SubscriptionStatus.UNSUBSCRIBED)
    add_contact("bad@example.net")
    Suppression.unscoped.create(
        tenant=news.tenant, email_norm="bad@example.net", reason="manual", source=Source.MEMBER
    )
    batch = pressed(new_batch(ses_account, news))
    for _ in range(2):
        launching.launch(batch.pk)
    rows = Message.unscoped.values_list("email", "status", "reason")
    assert set(rows) == {
        ("ann@example.net", Status.QUEUED, ""),
        ("bad@example.net", Status.SKIPPED, "Suppressed"),
    }
    seen = progress(batch)
    assert (seen.total, seen.queued, seen.skipped) == (2, 1, 1)


def test_a_contact_on_two_lists_gets_one_row(
    ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    contact = add_contact("ann@example.net")
    second = List.unscoped.create(tenant=news.tenant, name="Second")
    contact.subscriptions.create(
        tenant=news.tenant, list=second, status=SubscriptionStatus.ACTIVE, source=Source.MEMBER
    )
    batch = pressed(new_batch(ses_account, news, second))
    launching.launch(batch.pk)
    assert Message.unscoped.count() == 1


def test_a_list_of_another_tenant_gives_no_row(
    ses_account: SesAccount, news: List, add_contact: AddContact, evil: Tenant
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    make_contacts(theirs, 3)
    batch = pressed(new_batch(ses_account, theirs))
    launching.launch(batch.pk)
    assert Message.unscoped.count() == 0


def test_a_launch_that_died_goes_on_behind_its_last_chunk(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_FIRST_CHUNK", 3)
    monkeypatch.setattr(launching, "_CHUNK", 4)
    make_contacts(news, 10)
    batch = pressed(new_batch(ses_account, news))
    assert launching._write_chunk(batch.pk)
    assert Message.unscoped.count() == 3
    assert sweeping.unfinished_launches() == [batch.pk]
    launching.launch(batch.pk)
    assert Message.unscoped.count() == 10
    assert sweeping.unfinished_launches() == []
    assert progress(batch).total == 10


def test_a_paused_launch_waits_and_a_resumed_one_goes_on(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_FIRST_CHUNK", 3)
    make_contacts(news, 10)
    batch = pressed(new_batch(ses_account, news))
    launching._write_chunk(batch.pk)
    pause_batch(batch=batch)
    launching.launch(batch.pk)
    assert Message.unscoped.count() == 3
    resume_batch(batch=batch)
    launching.launch(batch.pk)
    assert Message.unscoped.count() == 10


def test_valkey_holds_a_window_and_is_fed_behind_it(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(queue, "LOW_WATER", 3)
    make_contacts(news, 25)
    queue.set_rate(ses_account.pace_key, 100_000)
    batch = pressed(new_batch(ses_account, news))
    launching.launch(batch.pk)
    taken: list[int] = []
    for _ in range(10):
        assert queue.window(batch.pk)[1] <= 20
        for lease in queue.take(8).leases:
            taken += [one for group in lease.groups for one in group.ids]
        feed.feed(batch.pk)
    assert taken == list(Message.unscoped.order_by("pk").values_list("pk", flat=True))


def test_launching_twice_is_launching_once(
    ses_account: SesAccount, news: List, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    batch = new_batch(ses_account, news)
    with patch("sending.services.batches.launch.delay") as delay:
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
                launch_batch(batch=batch)
    delay.assert_called_once_with(batch.pk)


def test_a_launch_is_done_in_slices(
    ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contacts(news, 5)
    monkeypatch.setattr(launching, "_FIRST_CHUNK", 2)
    monkeypatch.setattr(launching, "_CHUNK", 2)
    batch = pressed(new_batch(ses_account, news))
    again: list[int] = []
    monkeypatch.setattr(tasks.launch, "delay", again.append)
    monkeypatch.setattr(tasks, "_LAUNCH_SECONDS", 0.0)
    for rows in (2, 4, 5, 5):
        tasks.launch(batch.pk)
        assert Message.unscoped.count() == rows
    assert again == [batch.pk] * 3
    batch.refresh_from_db()
    assert batch.audience_at


@pytest.mark.django_db(transaction=True)
def test_a_launch_leaves_a_batch_to_who_is_writing_it(ses_account: SesAccount, news: List) -> None:
    make_contacts(news, 5)
    batch = pressed(new_batch(ses_account, news))
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            assert launching._is_ours(batch.pk)
            left = other.submit(launching.launch, batch.pk).result(10)
            assert not left
            assert not Message.unscoped.exists()
        other.submit(launching.launch, batch.pk).result(10)
        other.submit(connections.close_all).result(10)
    assert Message.unscoped.count() == 5


def test_content_is_checked_before_anything_is_written(ses_account: SesAccount) -> None:
    with pytest.raises(ContentError):
        new_batch(ses_account, html="{% if %}")
    assert Batch.unscoped.count() == 0


def test_an_account_of_another_tenant_is_refused(ses_account: SesAccount, evil: Tenant) -> None:
    with pytest.raises(ValueError, match="another tenant"):
        new_batch(ses_account, tenant=evil)


def test_one_mail_is_pushed_once_it_is_committed(
    ses_account: SesAccount, redis: Redis, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    batch = new_batch(ses_account, lane=Lane.TRANSACTIONAL)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        message = send_one(batch=batch, email="Ann@Example.NET", to_name="Ann", data={"code": "7"})
        assert queue.window(batch.pk) == (None, 0)
    assert queue.window(batch.pk) == (None, 1)
    assert redis.llen("send") == 1
    extra = MessageData.unscoped.get(message=message)
    assert (extra.to_name, extra.data) == ("Ann", {"code": "7"})
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING
    assert progress(batch).queued == 1


def test_one_mail_to_a_suppressed_address_is_skipped(ses_account: SesAccount) -> None:
    batch = new_batch(ses_account, lane=Lane.TRANSACTIONAL)
    Suppression.unscoped.create(
        tenant=batch.tenant, email_norm="ann@example.net", reason="manual", source=Source.MEMBER
    )
    message = send_one(batch=batch, email="ANN@example.net")
    assert (message.status, message.reason) == (Status.SKIPPED, "Suppressed")
    assert queue.window(batch.pk) == (None, 0)


def test_one_mail_to_no_address_is_refused(ses_account: SesAccount) -> None:
    batch = new_batch(ses_account, lane=Lane.TRANSACTIONAL)
    with pytest.raises(InvalidAddress):
        send_one(batch=batch, email="ann@")
    assert Message.unscoped.count() == 0


def test_a_done_batch_opens_for_one_more_mail(ses_account: SesAccount) -> None:
    batch = make_batch(ses_account)
    assert sweeping.finish(batch.pk)
    batch.refresh_from_db()
    assert batch.state == BatchState.DONE
    send_one(batch=batch, email="ann@example.net")
    assert not sweeping.finish(batch.pk)
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING


def test_cancelling_skips_the_rest_and_ends_the_batch(ses_account: SesAccount, news: List) -> None:
    make_contacts(news, 5)
    batch = pressed(new_batch(ses_account, news))
    launching.launch(batch.pk)
    with patch("sending.services.batches.cancel_rest.delay"):
        cancel_batch(batch=batch, reason="Wrong subject")
    sweeping.cancel_rest(batch.pk)
    assert statuses() == {Status.SKIPPED: 5}
    assert Counter(Message.unscoped.values_list("reason", flat=True)) == {"Wrong subject": 5}
    assert progress(Batch.unscoped.get()).holding == "Wrong subject"
    for act in (pause_batch, resume_batch):
        with pytest.raises(BatchEnded):
            act(batch=batch)
    with pytest.raises(BatchEnded):
        send_one(batch=batch, email="ann@example.net")
