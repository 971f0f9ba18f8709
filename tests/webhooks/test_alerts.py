"""Alert mails: what they say, and each member's own pace."""

import smtplib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from lists.tokens import Kind, make
from sending import tally
from sending.models import Batch
from tenants.models import Membership, Role, Tenant, User
from tests.conftest import Person
from tests.webhooks.alerting import MINUTE, START, choose, clock, tell
from webhooks import alerts, tasks
from webhooks.models import About, Cadence, FeedbackDigest

__all__ = ["tell"]


def texts(message: Any) -> tuple[str, str]:
    html = message.alternatives[0].content
    return str(message.body), str(html)


def test_the_first_event_waits_a_minute_for_company(
    alice: Person, tell: Callable[..., Any]
) -> None:
    tell(1)
    assert clock(START + timedelta(seconds=59)) == 0
    tell(2, 1, at=START + timedelta(seconds=30))
    assert clock(START + MINUTE) == 1
    (message,) = mail.outbox
    assert message.subject == "Acme: 3 bounces and 1 complaint"
    assert message.to == [alice.user.email]


def test_at_most_one_mail_in_fifteen_minutes(alice: Person, tell: Callable[..., Any]) -> None:
    tell(1)
    clock(START + MINUTE)
    for minute in range(2, 60):
        tell(1, at=START + minute * MINUTE)
        clock(START + minute * MINUTE)
    times = FeedbackDigest.unscoped.order_by("window_end").values_list("window_end", flat=True)
    assert [after - before for before, after in pairwise(times)] == [15 * MINUTE] * 3
    assert len(mail.outbox) == 4
    clock(START + 62 * MINUTE)
    assert sum(FeedbackDigest.unscoped.values_list("bounces", flat=True)) == 59


def test_one_tenants_storm_does_not_hold_back_another(
    alice: Person, mallory: Person, tell: Callable[..., Any]
) -> None:
    tell(1)
    clock(START + MINUTE)
    alerts.note(
        tenant=mallory.tenant,
        news=[alerts.News(event_id=0, contact_id=None, is_complaint=True)],
        now=START + MINUTE,
    )
    assert clock(START + 2 * MINUTE) == 1
    assert mail.outbox[-1].to == [mallory.user.email]
    assert mail.outbox[-1].subject == "Evil: 1 complaint"


def test_owners_admins_and_marketers_are_told(
    acme: Tenant, alice: Person, bob: Person, mallory: Person, tell: Callable[..., Any]
) -> None:
    for role in (Role.ADMIN, Role.DEVELOPER, Role.VIEWER):
        user = User.objects.create_user(f"{role}@acme.example")
        member(acme, user, role)
    member(acme, User.objects.create_user("gone@acme.example", is_active=False), Role.OWNER)
    tell(1)
    clock(START + MINUTE)
    told = {message.to[0] for message in mail.outbox}
    assert told == {"alice@acme.example", "bob@acme.example", "admin@acme.example"}


def member(tenant: Tenant, user: User, role: Role, since: datetime = START) -> None:
    made = Membership.unscoped.create(tenant=tenant, user=user, role=role)
    Membership.unscoped.filter(pk=made.pk).update(created_at=since)


def test_the_mail_names_twenty_and_counts_the_rest(alice: Person, tell: Callable[..., Any]) -> None:
    Tenant.objects.update(timezone="Europe/Berlin")
    messages = tell(24, 1)
    clock(START + MINUTE)
    (message,) = mail.outbox
    digest = FeedbackDigest.unscoped.get()
    link = f"{settings.SITE_URL}/remove/{make(Kind.DIGEST, digest.pk, alice.user.pk)}/"
    for text in texts(message):
        assert "20 November 2026 11:00 CET" in text
        assert "24 mails of Acme bounced for good and 1 person" in text
        assert messages[0].email in text and messages[19].email in text
        assert messages[20].email not in text
        assert "nd 5 more" in text
        assert "“Hello”" in text and "refused the address for good" in text
        assert "25 contacts from all lists" in text
        assert link in text
        assert f"{settings.SITE_URL}/w/acme/feedback/" in text
        assert f"{settings.SITE_URL}/w/acme/settings/alerts/" in text
    plain, html = texts(message)
    assert "<unknown>" in plain
    assert "&lt;unknown&gt;" in html and "<unknown>" not in html


def test_a_mail_server_that_is_down_is_tried_again(
    alice: Person, tell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(1)

    def fail(self: EmailMultiAlternatives) -> int:
        raise smtplib.SMTPServerDisconnected("down")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMultiAlternatives, "send", fail)
        assert clock(START + MINUTE) == 0
    assert clock(START + 2 * MINUTE) == 0  # not yet
    assert clock(START + 6 * MINUTE) == 1
    assert clock(START + 20 * MINUTE) == 0
    assert len(mail.outbox) == 1
    assert FeedbackDigest.unscoped.get().mailed_at == START + 6 * MINUTE


def test_one_bad_address_does_not_keep_back_the_others(
    alice: Person, bob: Person, tell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(1)
    real = EmailMultiAlternatives.send

    def picky(self: EmailMultiAlternatives) -> int:
        if self.to == [alice.user.email]:
            raise smtplib.SMTPRecipientsRefused({})
        return real(self)

    monkeypatch.setattr(EmailMultiAlternatives, "send", picky)
    for minute in (1, 2, 10):
        clock(START + minute * MINUTE)
    assert [message.to for message in mail.outbox] == [[bob.user.email]]


def test_the_task_does_both(alice: Person, tell: Callable[..., Any]) -> None:
    Membership.unscoped.update(created_at=START)
    tell(1, at=timezone.now() - 2 * MINUTE)
    tasks.mail_digests()
    assert len(mail.outbox) == 1


# --- each as often as they like -----------------------------------------------------------------


def test_each_member_has_their_own_pace_and_kind(
    acme: Tenant, alice: Person, bob: Person, tell: Callable[..., Any]
) -> None:
    choose(acme, cadence=Cadence.HOUR)
    choose(acme, alice.user, cadence=Cadence.EACH, about=About.COMPLAINTS)
    tell(3, 2)
    clock(START)
    assert [message.subject for message in mail.outbox] == ["Acme: 1 complaint"] * 2
    assert {message.to[0] for message in mail.outbox} == {alice.user.email}
    clock(START + MINUTE)
    assert mail.outbox[-1].to == [bob.user.email]
    assert mail.outbox[-1].subject == "Acme: 3 bounces and 2 complaints"
    tell(1, at=START + 5 * MINUTE)
    clock(START + 59 * MINUTE)
    assert len(mail.outbox) == 3
    clock(START + 61 * MINUTE)
    assert mail.outbox[-1].subject == "Acme: 1 bounce"


def test_none_is_none_and_what_came_meanwhile_is_not_told_later(
    acme: Tenant, alice: Person, tell: Callable[..., Any]
) -> None:
    choose(acme, alice.user, cadence=Cadence.NONE)
    tell(5)
    clock(START + MINUTE)
    choose(acme, alice.user, cadence=Cadence.EACH)
    clock(START + 2 * MINUTE)
    assert mail.outbox == []
    tell(1, at=START + 3 * MINUTE)
    clock(START + 3 * MINUTE)
    assert len(mail.outbox) == 1


def test_quiet_hours_of_the_persons_own_zone_hold_back_until_they_end(
    acme: Tenant, alice: Person, tell: Callable[..., Any]
) -> None:
    choose(
        acme, alice.user, cadence=Cadence.EACH, quiet_from=18, quiet_until=20,
        timezone="Asia/Tokyo",
    )  # fmt: skip
    tell(2)  # 19:00 there
    for minute in range(60):
        clock(START + minute * MINUTE)
    assert mail.outbox == []
    clock(START + 60 * MINUTE)
    assert len(mail.outbox) == 2


def test_from_a_share_on(acme: Tenant, alice: Person, batch: Batch, tell: Any) -> None:
    choose(acme, cadence=Cadence.QUARTER, at_share=2.0)
    tell(3)
    counts = {"total": 200, "sent": 200, "bounced": 3}
    tally.add({(acme.pk, batch.pk): counts}, now=START)
    clock(START + MINUTE)
    assert mail.outbox == []
    tell(1, at=START + MINUTE)
    tally.add({(acme.pk, batch.pk): {"bounced": 1}}, now=START)
    clock(START + 2 * MINUTE)
    (message,) = mail.outbox
    assert message.subject == "Acme: 4 bounces"


def test_a_new_member_is_not_told_of_old_news(
    acme: Tenant, alice: Person, tell: Callable[..., Any]
) -> None:
    tell(3)
    clock(START + MINUTE)
    carol = User.objects.create_user("carol@acme.example")
    member(acme, carol, Role.ADMIN, since=START + 30 * MINUTE)
    tell(1, at=START + 40 * MINUTE)
    clock(START + 41 * MINUTE)
    assert [m.subject for m in mail.outbox if m.to == [carol.email]] == ["Acme: 1 bounce"]


@pytest.mark.parametrize(
    ("cadence", "most"),
    [(Cadence.EACH, 5), (Cadence.QUARTER, 5), (Cadence.HOUR, 2), (Cadence.DAY, 1)],
)
def test_ten_thousand_bounces_are_no_storm(
    acme: Tenant, alice: Person, bob: Person, cadence: Cadence, most: int
) -> None:
    """In ten minutes, as the translator tells them: a few at first, then by the hundred."""
    choose(acme, cadence=cadence, daily_at=11)
    told = 0
    for minute in range(10):
        for size in (1, 2, 497, 500):
            news = [alerts.News(told + n, None, False) for n in range(size)]
            alerts.note(tenant=acme, news=news, now=START + minute * MINUTE)
            told += size
            clock(START + minute * MINUTE)
    for minute in range(10, 62):
        clock(START + minute * MINUTE)
    assert told == 10_000
    each = Counter(message.to[0] for message in mail.outbox)
    assert set(each) == {alice.user.email, bob.user.email}
    assert max(each.values()) <= most
    for user in (alice.user, bob.user):
        clock(START + 130 * MINUTE)
        mine = FeedbackDigest.unscoped.filter(user=user)
        assert sum(mine.values_list("bounces", flat=True)) == 10_000
    if cadence == Cadence.EACH:
        assert "too many for a mail each: at most 10 come in an hour" in mail.outbox[-1].body
