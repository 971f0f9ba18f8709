"""What a member does about an alert: the buttons of the mail and of the page, and the settings."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from lists.models import List, Source, Subscription, SuppressionReason
from lists.services.suppression import Suppress, suppress
from lists.tokens import Kind, make
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tests.conftest import Person
from tests.sending.factory import make_contacts
from tests.webhooks.alerting import MINUTE, START, choose, clock, tell, write
from webhooks import alerts
from webhooks.housekeeping import forget_alerts
from webhooks.models import AlertChoice, Cadence, Feedback, FeedbackDigest

__all__ = ["tell"]


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

PAGE = "/w/acme/settings/alerts/"
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
