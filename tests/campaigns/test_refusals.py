"""Mails of a campaign that servers refuse for what is in them: counted, and told once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.alerts import mail_noted, note_refused
from campaigns.models import Campaign, CampaignAlert, CampaignStatus
from campaigns.selectors.refusals import too_many
from lists.models import Contact
from sending import tally
from sending.models import Batch, BatchState, EventKind, Lane, Message, MessageEvent, SesAccount
from tests.conftest import Person

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("refused", "sent", "told"),
    [
        (0, 0, False),
        (4, 4, False),
        (5, 5, True),
        (5, 500, True),
        (5, 501, False),
        (6, 501, True),
        (12, 1_400, False),
        (14, 1_400, True),
        (9_999, 1_000_000, False),
        (10_000, 1_000_000, True),
    ],
)
def test_from_how_many_on_the_members_are_told(refused: int, sent: int, told: bool) -> None:
    assert too_many(refused, sent) is told


def make_spring(account: SesAccount, **fields: Any) -> Campaign:
    batch = Batch.unscoped.create(
        tenant=account.tenant, lane=Lane.CAMPAIGN, ses_account=account, launched_at=NOW,
        from_header="Acme <news@acme.example>", subject="Spring",
        **{"state": BatchState.RUNNING} | fields,
    )  # fmt: skip
    return Campaign.unscoped.create(
        tenant=account.tenant, name="Spring", subject="Spring", ses_account=account,
        from_email="news@acme.example", status=CampaignStatus.LAUNCHED, batch=batch,
    )  # fmt: skip


@pytest.fixture
def spring(ses_account: SesAccount) -> Campaign:
    return make_spring(ses_account)


def count(campaign: Campaign, *, shard: int = 0, **counts: int) -> None:
    """As a worker with this process id counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "shard", lambda: shard)
        tally.add({(campaign.tenant_id, campaign.batch_id or 0): counts}, now=NOW)


def refuse(campaign: Campaign, contact: Contact, *said: str, at: datetime | None = None) -> None:
    assert campaign.batch
    message = Message.unscoped.create(
        tenant=campaign.tenant, batch=campaign.batch, contact=contact, email=contact.email
    )
    for number, words in enumerate(said):
        MessageEvent.unscoped.create(
            tenant=campaign.tenant, message=message, kind=EventKind.BOUNCE, recipient=contact.email,
            subtype="Transient/ContentRejected", diagnostic=words, dedupe=str(number),
            at=at or NOW + DAY,
        )  # fmt: skip


def report(person: Person, campaign: Campaign) -> str:
    url = reverse("campaigns:report", args=[campaign.tenant.slug, campaign.public_id])
    return " ".join(person.client.get(url).content.decode().split())


@pytest.mark.usefixtures("redis")
def test_it_is_told_once_by_mail_and_stays_on_the_page(
    spring: Campaign, alice: Person, bob: Person, mallory: Person, add_contact: Callable[..., Any]
) -> None:
    refuse(spring, add_contact("ada@example.com"), "550 spam", "552 too big", "552 too big", "")
    count(spring, shard=1, sent=700, refused=9)
    count(spring, shard=2, sent=800)
    tasks.mail_alerts()
    assert not mail.outbox and "Refused for what" not in report(alice, spring)
    count(spring, shard=2, refused=6)
    for _ in range(3):
        tasks.mail_alerts()
    assert {one.to[0] for one in mail.outbox} == {alice.user.email, bob.user.email}
    assert len(mail.outbox) == 2
    sent = mail.outbox[0]
    assert sent.subject == "Acme: mails of “Spring” are refused for what is in them"
    html = sent.alternatives[0][0]  # type: ignore[attr-defined]
    for text in (" ".join(sent.body.split()), " ".join(html.split()), report(alice, spring)):
        assert "15 of 1,500 mails" in text and "were refused for what is in them" in text
        assert text.index("552 too big") < text.index("550 spam")
    # So much more left well that it is no share any more: what was told stays true.
    count(spring, shard=1, sent=100_000, refused=1)
    tasks.mail_alerts()
    assert len(mail.outbox) == 2
    assert "16 of 101,500 mails" in report(alice, spring)


def test_of_two_clocks_one_tells(spring: Campaign, alice: Person) -> None:
    count(spring, sent=5, refused=5)
    for _ in range(2):
        note_refused(NOW)
    assert CampaignAlert.unscoped.count() == 1
    again = CampaignAlert(tenant=spring.tenant, campaign=spring, kind="refused")
    CampaignAlert.unscoped.bulk_create([again], ignore_conflicts=True)
    assert CampaignAlert.unscoped.count() == 1
    mail_noted(NOW)
    assert len(mail.outbox) == 1
    assert "The servers said" not in mail.outbox[0].body  # none had words


@pytest.mark.parametrize(("days", "told"), [(6, True), (8, False)])
def test_what_ended_long_ago_is_not_looked_at(
    ses_account: SesAccount, days: int, told: bool
) -> None:
    over = make_spring(ses_account, state=BatchState.DONE, finished_at=NOW - days * DAY)
    count(over, sent=5, refused=5)
    note_refused(NOW)
    assert CampaignAlert.unscoped.exists() is told


def test_mail_of_no_campaign_tells_nobody(spring: Campaign) -> None:
    count(spring, sent=5, refused=5)
    Campaign.unscoped.all().delete()
    note_refused(NOW)
    assert not CampaignAlert.unscoped.exists()


def test_the_clock_asks_one_question_however_many_campaigns(ses_account: SesAccount) -> None:
    for _ in range(5):
        count(make_spring(ses_account), sent=900, refused=8)
    with CaptureQueriesContext(connection) as queries:
        note_refused(NOW)
    assert len(queries) == 1
