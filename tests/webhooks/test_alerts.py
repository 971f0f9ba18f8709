"""The digest mail: counts, at most one a quarter of an hour, and the button that acts."""

import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from lists.models import Contact, Subscription
from lists.tokens import Kind, make
from sending.models import Batch, EventKind, Message, MessageEvent
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tests.conftest import Person
from tests.webhooks.conftest import make_message
from webhooks import alerts, tasks
from webhooks.models import FeedbackDigest

MINUTE = timedelta(minutes=1)
START = datetime.fromisoformat("2026-11-20T10:00:00+00:00")


@pytest.fixture
def tell(batch: Batch, add_contact: Callable[..., Contact]) -> Callable[..., list[Message]]:
    """Puts bounces and complaints of new contacts into the open digest."""
    numbers = iter(range(1_000))

    def note(bounces: int, complaints: int = 0, at: datetime = START) -> list[Message]:
        messages, news = [], []
        for position in range(bounces + complaints):
            contact = add_contact(f"person{next(numbers)}@example.com")
            message = make_message(batch, contact)
            is_complaint = position >= bounces
            event = MessageEvent.unscoped.create(
                tenant=batch.tenant,
                message=message,
                kind=EventKind.COMPLAINT if is_complaint else EventKind.BOUNCE,
                subtype="abuse" if is_complaint else "Permanent/General",
                recipient=contact.email,
                diagnostic="" if is_complaint else "smtp; 550 5.1.1 <unknown>",
                dedupe="1",
                at=at,
            )
            messages.append(message)
            news.append(alerts.News(event.pk, contact.pk, is_complaint))
        alerts.note(tenant=batch.tenant, news=news, now=at)
        return messages

    return note


def clock(at: datetime) -> int:
    """What the beat does each minute; returns how many digests were mailed."""
    alerts.close_due(at)
    return alerts.mail_closed(at)


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
    times = list(FeedbackDigest.unscoped.order_by("closed_at").values_list("closed_at", flat=True))
    closed = [time for time in times if time is not None]
    gaps = [after - before for before, after in pairwise(closed)]
    assert gaps == [15 * MINUTE] * 3
    assert len(mail.outbox) == 4
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
        Membership.unscoped.create(tenant=acme, user=user, role=role)
    gone = User.objects.create_user("gone@acme.example", is_active=False)
    Membership.unscoped.create(tenant=acme, user=gone, role=Role.OWNER)
    tell(1)
    clock(START + MINUTE)
    told = {message.to[0] for message in mail.outbox}
    assert told == {"alice@acme.example", "bob@acme.example", "admin@acme.example"}


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
        assert "25 contacts from all lists" in text
        assert link in text
        assert f"{settings.SITE_URL}/w/acme/feedback/" in text
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


def test_one_bad_address_does_not_mail_the_others_twice(
    alice: Person, bob: Person, tell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(1)
    real = EmailMultiAlternatives.send

    def picky(self: EmailMultiAlternatives) -> int:
        if self.to == [alice.user.email]:
            raise smtplib.SMTPRecipientsRefused({})
        return real(self)

    monkeypatch.setattr(EmailMultiAlternatives, "send", picky)
    clock(START + MINUTE)
    clock(START + 10 * MINUTE)
    assert [message.to for message in mail.outbox] == [[bob.user.email]]


def test_the_task_does_both(alice: Person, tell: Callable[..., Any]) -> None:
    tell(1, at=timezone.now() - 2 * MINUTE)
    tasks.mail_digests()
    assert len(mail.outbox) == 1


# --- the button in the mail ---------------------------------------------------------------------


@pytest.fixture
def link(alice: Person, tell: Callable[..., Any]) -> str:
    tell(2, 1)
    digest = FeedbackDigest.unscoped.get()
    return f"/remove/{make(Kind.DIGEST, digest.pk, alice.user.pk)}/"


def active() -> int:
    return Subscription.unscoped.filter(status="active").count()


def test_opening_the_link_changes_nothing(client: Client, link: str) -> None:
    for _ in range(2):
        answer = client.get(link)
        assert answer.status_code == 200
        assert b"Remove 3 contacts from all lists" in answer.content
        assert answer["Referrer-Policy"] == "no-referrer"
    assert client.head(link).status_code == 200
    assert not answer.cookies
    assert active() == 3
    assert FeedbackDigest.unscoped.get().removed_at is None


def test_pressing_the_button_removes_the_addresses_from_all_lists_once(
    client: Client, link: str, alice: Person
) -> None:
    answer = client.post(link)
    assert b"3 addresses are off all lists now" in answer.content
    assert active() == 0
    digest = FeedbackDigest.unscoped.get()
    assert digest.removed_by == alice.user
    first = digest.removed_at
    assert b"on no list any more" in client.post(link).content
    assert b"removed from all lists already" in client.get(link).content
    assert FeedbackDigest.unscoped.get().removed_at == first
    assert AuditEvent.unscoped.filter(action="feedback.contacts_removed").count() == 1


@pytest.mark.parametrize("change", ["removed", "role", "inactive"])
def test_somebody_who_has_left_cannot_act(
    client: Client, link: str, alice: Person, change: str
) -> None:
    if change == "removed":
        Membership.unscoped.filter(user=alice.user).delete()
    elif change == "role":
        Membership.unscoped.filter(user=alice.user).update(role=Role.VIEWER)
    else:
        User.objects.filter(pk=alice.user.pk).update(is_active=False)
    assert client.post(link).status_code == 404
    assert active() == 3


def test_a_link_that_is_not_ours_does_nothing(
    client: Client, link: str, alice: Person, mallory: Person
) -> None:
    digest = FeedbackDigest.unscoped.get()
    forged = [
        link[:-3] + "A/",
        "/remove/x/",
        f"/remove/{make(Kind.RECIPIENT, digest.pk, alice.user.pk)}/",
        f"/remove/{make(Kind.DIGEST, digest.pk, mallory.user.pk)}/",
        f"/remove/{make(Kind.DIGEST, digest.pk + 1000, alice.user.pk)}/",
    ]
    for address in forged:
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    assert active() == 3


# --- the page -----------------------------------------------------------------------------------


def test_the_page_lists_what_came_back(alice: Person, tell: Callable[..., Any]) -> None:
    tell(2, 1)
    answer = alice.client.get("/w/acme/feedback/")
    content = answer.content.decode()
    assert "person0@example.com" in content
    assert "smtp; 550 5.1.1 &lt;unknown&gt;" in content
    assert "Remove 3 from all lists" in content
    only = alice.client.get("/w/acme/feedback/?kind=complaint").content.decode()
    assert "person2@example.com" in only and "person0@example.com" not in only


def test_the_page_goes_on_behind_its_fifty(alice: Person, tell: Callable[..., Any]) -> None:
    tell(30, at=START)
    tell(31, at=START + MINUTE)
    first = alice.client.get("/w/acme/feedback/").context["page"]
    assert len(first.items) == 50
    second = alice.client.get("/w/acme/feedback/", {"after": first.next_cursor}).context["page"]
    assert len(second.items) == 11 and second.next_cursor == ""
    assert len({event.pk for event in [*first.items, *second.items]}) == 61
    for junk in ("x", "2026~1", "~", "2026-11-20T10:00:00+00:00~x"):
        assert alice.client.get("/w/acme/feedback/", {"after": junk}).status_code == 200


def test_the_button_of_the_page_acts(alice: Person, bob: Person, tell: Callable[..., Any]) -> None:
    tell(2)
    digest = FeedbackDigest.unscoped.get()
    address = f"/w/acme/feedback/digests/{digest.public_id}/remove/"
    assert bob.client.get(address).status_code == 405
    assert active() == 2
    assert bob.client.post(address).status_code == 302
    assert active() == 0


def test_another_tenant_sees_and_changes_nothing(
    mallory: Person, alice: Person, tell: Callable[..., Any]
) -> None:
    tell(2)
    digest = FeedbackDigest.unscoped.get()
    assert mallory.client.get("/w/acme/feedback/").status_code == 404
    path = f"feedback/digests/{digest.public_id}/remove/"
    assert mallory.client.post(f"/w/acme/{path}").status_code == 404
    assert mallory.client.post(f"/w/evil/{path}").status_code == 404
    assert b"person0" not in mallory.client.get("/w/evil/feedback/").content
    assert active() == 2


def test_a_viewer_sees_but_cannot_remove(acme: Tenant, alice: Person, tell: Any) -> None:
    tell(1)
    Membership.unscoped.filter(user=alice.user).update(role=Role.VIEWER)
    assert b"from all lists" not in alice.client.get("/w/acme/feedback/").content
    digest = FeedbackDigest.unscoped.get()
    answer = alice.client.post(f"/w/acme/feedback/digests/{digest.public_id}/remove/")
    assert answer.status_code == 403
    assert active() == 1
