"""What is in a mail, and what stands in DNS: two alarms that are about no recipient."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from lists.models import Contact, Suppression
from sending import domain_alerts
from sending.models import Batch, BatchTally, DomainAlert, Message, SenderIdentity, SesAccount
from tests.conftest import Person
from tests.webhooks.conftest import make_message
from tests.webhooks.test_translate import Store, run, store, tagged
from webhooks.models import Feedback

__all__ = ["store"]

AddContact = Callable[..., Contact]

REFUSALS = ["message_too_large", "content_rejected", "attachment_rejected"]


def refused() -> int:
    return int(BatchTally.unscoped.aggregate(n=Sum("refused", default=0))["n"])


def test_each_refused_mail_counts_once_in_any_order(
    batch: Batch, add_contact: AddContact, store: Store
) -> None:
    events: list[Any] = []
    for number in range(9):
        message = make_message(batch, add_contact(f"{number}@example.com"))
        events += [
            tagged(f"event_bounce_transient_{REFUSALS[number % 3]}", message),
            tagged("event_bounce_transient_mailbox_full", message),
        ]
    order = events * 3
    random.Random(7).shuffle(order)
    for event in order:
        store(event)
    run()
    for event in reversed(events):
        store(event)
        run()
    assert refused() == 9
    assert not Suppression.unscoped.exists() and not Feedback.unscoped.exists()


# --- a receiver reports that a mail failed DKIM, SPF or DMARC ------------------------------------
NOON = datetime(2026, 12, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def domain(account: SesAccount) -> SenderIdentity:
    identity: SenderIdentity = account.identities.get()
    identity.name = "example.com"
    identity.save()
    return identity


def report(store: Store, message: Message, *, at: datetime, feedback: str) -> None:
    event = tagged("event_complaint_auth_failure", message)
    event["complaint"] |= {"feedbackId": feedback, "timestamp": at.isoformat()}
    store(event)


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now)


def test_the_members_are_told_once_a_day_and_the_page_counts(
    *, ada: Message, domain: SenderIdentity, store: Store, alice: Person, bob: Person,
    mallory: Person, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    at(monkeypatch, NOON)
    page = reverse("domains:domain", args=["acme", domain.public_id])
    assert "Failed checks" not in alice.client.get(page).content.decode()
    for number in (2, 1, 1, 2):
        report(store, ada, at=NOON - number * timedelta(hours=1), feedback=f"feedback-{number}")
        run()
    domain_alerts.mail_noted(NOON)
    at(monkeypatch, NOON + timedelta(hours=5))
    report(store, ada, at=NOON - timedelta(hours=3), feedback="late")
    run()
    domain_alerts.mail_noted(timezone.now())
    assert {one.to[0] for one in mail.outbox} == {alice.user.email, bob.user.email}
    assert len(mail.outbox) == 2
    sent = mail.outbox[0]
    assert sent.subject == "Acme: mail from example.com failed a receiver\u2019s checks"
    assert "somebody forges your name" in sent.body and page in sent.body

    domain.refresh_from_db()
    assert (domain.auth_failures, domain.auth_failed_at) == (3, NOON - timedelta(hours=1))
    assert "Reported 3 times" in alice.client.get(page).content.decode()
    assert not Suppression.unscoped.exists() and not Feedback.unscoped.exists()

    at(monkeypatch, NOON + timedelta(days=1))
    report(store, ada, at=NOON + timedelta(hours=23), feedback="tomorrow")
    run()
    assert domain_alerts.mail_noted(timezone.now()) == 1
    assert DomainAlert.unscoped.count() == 2


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["example.com"], "example.com"),
        (["example.com", "news.example.com"], "news.example.com"),
        (["hello@news.example.com"], "hello@news.example.com"),
        (["hello@news.example.com", "example.com"], "example.com"),
        (["another.com", "other.example.com"], None),
    ],
)
def test_whose_domain_it_is(
    *, names: list[str], told: str | None, ada: Message, batch: Batch, account: SesAccount,
    store: Store, alice: Person,
) -> None:  # fmt: skip
    Batch.unscoped.update(from_header="Acme <Hello@News.example.com>")
    account.identities.all().delete()
    for name in names:
        SenderIdentity.unscoped.create(tenant=account.tenant, ses_account=account, name=name)
    report(store, ada, at=NOON, feedback="one")
    run()
    counted = SenderIdentity.unscoped.filter(auth_failures=1).values_list("name", flat=True)
    assert list(counted) == ([told] if told else [])
    assert domain_alerts.mail_noted(timezone.now()) == len(counted)
    if told and "@" in told:
        account_page = reverse("sending:account", args=["acme", account.public_id])
        assert account_page in mail.outbox[0].body
