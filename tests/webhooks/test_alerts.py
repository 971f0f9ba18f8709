"""The digest mail: counts, at most one a quarter of an hour, and the button that acts."""

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
from django.test import Client
from django.utils import timezone

from lists.models import Contact, List, Source, Subscription, SuppressionReason
from lists.services.suppression import Suppress, suppress
from lists.tokens import Kind, make
from sending import tally
from sending.models import Batch, EventKind, Message, MessageEvent
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tests.conftest import Person
from tests.sending.factory import make_contacts
from tests.webhooks.conftest import make_message
from webhooks import alerts, tasks
from webhooks.housekeeping import forget_alerts
from webhooks.models import About, AlertChoice, Cadence, Feedback, FeedbackDigest

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
    """What the beat does each minute; returns how many alerts were mailed."""
    write(at)
    return alerts.mail_written(at)


def write(at: datetime) -> None:
    """Writes what is due; whoever was made by a fixture has long been a member."""
    new = Membership.unscoped.filter(created_at__gt=timezone.now() - timedelta(hours=1))
    new.update(created_at=START - timedelta(days=30))
    alerts.write_due(at)


def choose(tenant: Tenant, user: User | None = None, **values: Any) -> None:
    AlertChoice.unscoped.update_or_create(tenant=tenant, user=user, defaults=values)


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
        assert f"{settings.SITE_URL}/w/acme/feedback/alerts/" in text
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


# --- the button in the mail ---------------------------------------------------------------------


@pytest.fixture
def link(alice: Person, tell: Callable[..., Any]) -> str:
    tell(2, 1)
    write(START + MINUTE)
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
    write(START + MINUTE)
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
    write(START + MINUTE)
    digest = FeedbackDigest.unscoped.get(user=alice.user)
    address = f"/w/acme/feedback/digests/{digest.public_id}/remove/"
    assert bob.client.get(address).status_code == 405
    assert active() == 2
    assert bob.client.post(address).status_code == 302
    assert active() == 0


def test_another_tenant_sees_and_changes_nothing(
    mallory: Person, alice: Person, tell: Callable[..., Any]
) -> None:
    tell(2)
    write(START + MINUTE)
    digest = FeedbackDigest.unscoped.get()
    assert mallory.client.get("/w/acme/feedback/").status_code == 404
    path = f"feedback/digests/{digest.public_id}/remove/"
    assert mallory.client.post(f"/w/acme/{path}").status_code == 404
    assert mallory.client.post(f"/w/evil/{path}").status_code == 404
    assert b"person0" not in mallory.client.get("/w/evil/feedback/").content
    assert active() == 2


def test_a_viewer_sees_but_cannot_remove(acme: Tenant, alice: Person, tell: Any) -> None:
    tell(1)
    write(START + MINUTE)
    Membership.unscoped.filter(user=alice.user).update(role=Role.VIEWER)
    assert b"from all lists" not in alice.client.get("/w/acme/feedback/").content
    digest = FeedbackDigest.unscoped.get()
    answer = alice.client.post(f"/w/acme/feedback/digests/{digest.public_id}/remove/")
    assert answer.status_code == 403
    assert active() == 1


def test_one_press_takes_everyone_off_who_is_suppressed_up_to_what_was_shown(
    alice: Person, tell: Callable[..., Any]
) -> None:
    told = tell(2, 1)
    gone = [Suppress(one.email, SuppressionReason.HARD_BOUNCE, Source.SES) for one in told[:2]]
    suppress(tenant=alice.tenant, addresses=gone)
    page = alice.client.get("/w/acme/feedback/").content.decode()
    assert "Remove 2 from all lists" in page
    later = tell(1)
    suppress(
        tenant=alice.tenant,
        addresses=[Suppress(later[0].email, SuppressionReason.HARD_BOUNCE, Source.SES)],
    )
    alice.client.post("/w/acme/feedback/remove/", {"up_to": "3"})
    assert active() == 2  # who is not suppressed, and who came after the page was shown
    assert AuditEvent.unscoped.get().detail == {"contacts": 2}
    alice.client.post("/w/acme/feedback/remove/", {"up_to": "x"})
    assert active() == 2


def test_a_daily_alert_of_thousands_is_removed_with_one_press(
    alice: Person, news: List, client: Client
) -> None:
    choose(alice.tenant, cadence=Cadence.DAY, daily_at=9)
    people = make_contacts(news, 6_000)
    told = [alerts.News(n, one.pk, False) for n, one in enumerate(people)]
    alerts.note(tenant=alice.tenant, news=told, now=START - timedelta(hours=3))
    assert clock(START) == 1
    digest = FeedbackDigest.unscoped.get()
    answer = client.post(f"/remove/{make(Kind.DIGEST, digest.pk, alice.user.pk)}/")
    assert b"6000 addresses are off all lists now" in answer.content
    assert active() == 0


# --- the settings -------------------------------------------------------------------------------

PAGE = "/w/acme/feedback/alerts/"
MINE = {"mine-cadence": "day", "mine-about": "complaints", "mine-daily_at": "7"}


def test_a_member_chooses_and_goes_back_to_the_workspaces(alice: Person, bob: Person) -> None:
    assert "You have chosen nothing yet" in bob.client.get(PAGE).content.decode()
    quiet = {"mine-quiet_from": "22", "mine-quiet_until": "8", "mine-at_least": "5"}
    answer = bob.client.post(f"{PAGE}mine/", MINE | quiet)
    assert answer.headers["Location"] == PAGE
    choice = AlertChoice.unscoped.get()
    assert (choice.user, choice.cadence, choice.about) == (bob.user, "day", "complaints")
    assert (choice.daily_at, choice.quiet_from, choice.quiet_until) == (7, 22, 8)
    assert (choice.at_least, choice.at_share) == (5, None)
    assert "You have chosen nothing yet" not in bob.client.get(PAGE).content.decode()
    bob.client.post(f"{PAGE}mine/", {"as_workspace": "1"})
    assert not AlertChoice.unscoped.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mine-quiet_from": "22"}, "Choose both hours, or neither."),
        ({"mine-quiet_from": "8", "mine-quiet_until": "8"}, "end at another hour"),
        ({"mine-cadence": "second"}, "Select a valid choice"),
        ({"mine-daily_at": "24"}, "Select a valid choice"),
        ({"mine-at_least": "0"}, "greater than or equal to 1"),
        ({"mine-at_share": "101"}, "less than or equal to 100"),
        ({"mine-timezone": "Mars"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_chosen_is_said(
    bob: Person, alice: Person, values: dict[str, str], words: str
) -> None:
    answer = bob.client.post(f"{PAGE}mine/", MINE | values)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not AlertChoice.unscoped.exists()


def test_the_workspaces_choice_is_an_admins_and_audited(alice: Person, bob: Person) -> None:
    everyone = {"all-cadence": "hour", "all-about": "both", "all-daily_at": "9"}
    assert bob.client.post(f"{PAGE}workspace/", everyone).status_code == 403
    assert alice.client.post(f"{PAGE}workspace/", everyone).status_code == 302
    event = AuditEvent.unscoped.get()
    assert event.detail == {"cadence": {"from": "quarter", "to": "hour"}}
    assert "once an hour at most" in bob.client.get(PAGE).content.decode()


def test_old_alerts_go(alice: Person, tell: Callable[..., Any]) -> None:
    tell(1)
    clock(START + MINUTE)
    forget_alerts(START + timedelta(days=89))
    assert Feedback.unscoped.exists() and FeedbackDigest.unscoped.exists()
    forget_alerts(START + timedelta(days=91))
    assert not Feedback.unscoped.exists() and not FeedbackDigest.unscoped.exists()
