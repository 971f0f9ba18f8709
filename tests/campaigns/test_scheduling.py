"""Campaigns that leave at a time: once, when ready, and never hours late without being asked."""

import smtplib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.alerts import mail_noted
from campaigns.errors import BadTime, NotReady
from campaigns.models import AlertKind, Campaign, CampaignAlert, CampaignStatus
from campaigns.services.campaigns import create_campaign, delete_draft, save_draft, send_campaign
from campaigns.services.scheduling import launch_due, schedule_campaign, unschedule_campaign
from lists.models import Contact, List
from sending import brakes, tally
from sending.models import Batch, BatchState, SesAccount
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tests.campaigns.test_campaigns import DRAFT
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# Half past eight in Berlin, where the tests' workspace is.
NOW = datetime(2026, 12, 3, 7, 30, tzinfo=UTC)
NINE = datetime(2026, 12, 3, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def draft(alice: Person, news: List, ses_account: SesAccount, add_contact: Callable) -> Campaign:
    Tenant.objects.update(timezone="Europe/Berlin")
    alice.tenant.refresh_from_db()
    add_contact("ada@example.com")
    campaign = create_campaign(tenant=alice.tenant, actor=alice.user, name="Spring")
    return save_draft(campaign=campaign, lists=[news], **DRAFT)


@pytest.fixture
def planned(draft: Campaign, alice: Person) -> Campaign:
    return schedule_campaign(campaign=draft, actor=alice.user, at=NINE)


def url(campaign: Campaign, page: str) -> str:
    return reverse(f"campaigns:{page}", args=["acme", campaign.public_id])


def stored() -> Campaign:
    return Campaign.unscoped.get()


def actions() -> list[str]:
    return list(AuditEvent.unscoped.order_by("id").values_list("action", flat=True))


def html_of(message: Any) -> str:
    return str(message.alternatives[0].content)


# --- planning -----------------------------------------------------------------------------------
def test_a_campaign_is_scheduled_in_the_zone_of_the_workspace(
    alice: Person, draft: Campaign
) -> None:
    review = alice.client.get(url(draft, "review")).content.decode()
    assert "In Europe/Berlin, where it is 08:30 now." in review
    assert 'value="2026-12-04"' in review
    answer = alice.client.post(url(draft, "schedule"), {"date": "2026-12-03", "time": "09:00"})
    assert answer.headers["Location"] == url(draft, "report")
    assert (stored().status, stored().scheduled_at) == (CampaignStatus.SCHEDULED, NINE)
    event = AuditEvent.unscoped.get()
    assert (event.action, event.actor) == ("campaign.scheduled", alice.user)
    assert event.detail == {"at": "2026-12-03 09:00 CET"}
    page = alice.client.get(url(draft, "report")).content.decode()
    assert "leaves by itself on 3 Dec 2026, 09:00 CET" in page
    assert "Take off the schedule" in page
    assert 'value="2026-12-03"' in page and 'value="09:00"' in page
    assert "3 Dec 2026, 09:00 CET" in alice.client.get("/w/acme/campaigns/").content.decode()
    assert "3 Dec 2026, 09:00 CET" in alice.client.get("/w/acme/").content.decode()


@pytest.mark.parametrize(
    ("day", "time", "words"),
    [
        ("2026-12-03", "08:30", "This is past: it is 2026-12-03 08:30 CET now."),
        ("2025-12-03", "09:00", "This is past"),
        ("2027-03-28", "02:30", "The clocks in Europe/Berlin skip 02:30 on this day."),
        ("2027-12-05", "09:00", "more than a year away"),
        ("9999-12-31", "23:59", "more than a year away"),
        ("0001-01-01", "00:00", "within the next year"),
        ("tomorrow", "09:00", "as in 2026-12-31"),
        ("2026-12-04", "noon", "as in 09:30"),
        ("", "", "required"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_words(
    alice: Person, draft: Campaign, day: str, time: str, words: str
) -> None:
    answer = alice.client.post(url(draft, "schedule"), {"date": day, "time": time})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert f'value="{day}"' in page or not day
    assert stored().status == CampaignStatus.DRAFT


def test_of_an_hour_that_comes_twice_it_is_the_first(alice: Person, draft: Campaign) -> None:
    alice.client.post(url(draft, "schedule"), {"date": "2027-10-31", "time": "02:30"})
    assert stored().scheduled_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert "02:30 CEST" in alice.client.get(url(draft, "report")).content.decode()


def test_what_is_not_ready_cannot_be_scheduled(alice: Person, draft: Campaign) -> None:
    Campaign.unscoped.update(subject="")
    answer = alice.client.post(url(draft, "schedule"), {"date": "2026-12-04", "time": "09:00"})
    assert answer.status_code == 422
    assert "subject is empty" in answer.content.decode()
    assert stored().status == CampaignStatus.DRAFT


def test_a_scheduled_campaign_is_changed_only_off_the_schedule(
    alice: Person, planned: Campaign
) -> None:
    with pytest.raises(NotReady, match="Take it off the schedule"):
        save_draft(campaign=planned, lists=[], **DRAFT)
    with pytest.raises(NotReady, match="Take it off the schedule"):
        delete_draft(campaign=planned)
    for page in ("edit", "review"):
        assert alice.client.get(url(planned, page)).headers["Location"] == url(planned, "report")
    schedule_campaign(campaign=planned, actor=alice.user, at=NINE + HOUR)
    assert stored().scheduled_at == NINE + HOUR
    assert alice.client.post(url(planned, "unschedule")).status_code == 302
    assert (stored().status, stored().scheduled_at) == (CampaignStatus.DRAFT, None)
    assert alice.client.get(url(planned, "edit")).status_code == 200
    with pytest.raises(NotReady, match="not scheduled"):
        unschedule_campaign(campaign=planned, actor=alice.user)
    assert launch_due(NINE + 2 * HOUR) == 0
    assert actions() == ["campaign.scheduled"] * 2 + ["campaign.unscheduled"]


def test_a_scheduled_campaign_may_be_sent_now_instead(alice: Person, planned: Campaign) -> None:
    alice.client.post(url(planned, "send"))
    assert (stored().status, stored().scheduled_at) == (CampaignStatus.LAUNCHED, None)
    assert launch_due(NINE) == 0
    assert Batch.unscoped.count() == 1
    late = alice.client.post(url(planned, "schedule"), {"date": "2026-12-04", "time": "09:00"})
    assert late.headers["Location"] == url(planned, "report")
    with pytest.raises(NotReady, match="sent already"):
        schedule_campaign(campaign=planned, actor=alice.user, at=NINE)


def test_a_viewer_sees_the_time_and_may_not_change_it(planned: Campaign, alice: Person) -> None:
    Membership.unscoped.update(role=Role.VIEWER)
    page = alice.client.get(url(planned, "report")).content.decode()
    assert "leaves by itself on 3 Dec 2026, 09:00 CET" in page
    for button in ("Send now", "Take off the schedule", "Change the time", "Send test"):
        assert button not in page
    for act in ("schedule", "unschedule"):
        assert alice.client.post(url(planned, act)).status_code == 403
    assert stored().status == CampaignStatus.SCHEDULED


# --- leaving ------------------------------------------------------------------------------------
def test_it_leaves_at_its_time_and_not_before(planned: Campaign) -> None:
    assert launch_due(NINE - timedelta(seconds=1)) == 0
    assert launch_due(NINE) == 1
    assert launch_due(NINE) == 0
    campaign = stored()
    assert (campaign.status, campaign.scheduled_at) == (CampaignStatus.LAUNCHED, NINE)
    assert campaign.batch and campaign.batch.state == BatchState.RUNNING
    event = AuditEvent.unscoped.get(action="campaign.sent")
    assert event.actor is None
    assert event.detail == {"recipients": 1, "scheduled": "2026-12-03 09:00 CET"}
    assert not CampaignAlert.unscoped.exists()


def test_up_to_an_hour_late_it_still_leaves(planned: Campaign) -> None:
    assert launch_due(NINE + HOUR) == 1
    assert stored().status == CampaignStatus.LAUNCHED


def test_more_than_an_hour_late_it_asks(alice: Person, bob: Person, planned: Campaign) -> None:
    """public-bugs 38."""
    late = NINE + HOUR + timedelta(seconds=1)
    assert launch_due(late) == 1
    assert launch_due(late) == 0
    assert (stored().status, stored().batch) == (CampaignStatus.MISSED, None)
    page = alice.client.get(url(planned, "report")).content.decode()
    assert "should have left on 3 Dec 2026, 09:00 CET; the server was not running" in page
    for button in ("Send now", "Change the time", "Discard the schedule"):
        assert button in page
    assert "“Spring” has missed its time" in alice.client.get("/w/acme/").content.decode()
    mail_noted(NOW)
    assert {one.to[0] for one in mail.outbox} == {alice.user.email, bob.user.email}
    assert mail.outbox[0].subject == "Acme: “Spring” missed its time"
    assert "should have left on 3 Dec 2026, 09:00 CET; the server" in mail.outbox[0].body
    assert f"{settings.SITE_URL}{url(planned, 'report')}" in mail.outbox[0].body
    assert actions()[-1] == "campaign.missed"


def test_each_answer_to_the_question_works(alice: Person, planned: Campaign) -> None:
    def miss() -> Campaign:
        Campaign.unscoped.update(status=CampaignStatus.MISSED, scheduled_at=NOW - 3 * HOUR)
        return stored()

    with pytest.raises(NotReady, match="missed its time"):
        save_draft(campaign=miss(), lists=[], **DRAFT)
    alice.client.post(url(planned, "schedule"), {"date": "2026-12-04", "time": "09:00"})
    assert stored().status == CampaignStatus.SCHEDULED
    alice.client.post(url(miss(), "unschedule"))
    assert stored().status == CampaignStatus.DRAFT
    alice.client.post(url(miss(), "send"))
    assert stored().status == CampaignStatus.LAUNCHED


def test_what_is_no_longer_ready_is_a_draft_again_with_the_reason(
    alice: Person, planned: Campaign
) -> None:
    Contact.unscoped.all().delete()
    assert launch_due(NINE) == 1
    campaign = stored()
    assert (campaign.status, campaign.batch) == (CampaignStatus.DRAFT, None)
    assert campaign.held_reason.startswith("Nobody on the chosen lists may be mailed")
    for page in ("edit", "review"):
        text = alice.client.get(url(campaign, page)).content.decode()
        assert "should have left on 3 Dec 2026, 09:00 CET and was not ready: Nobody" in text
    event = AuditEvent.unscoped.get(action="campaign.held")
    assert event.detail["reason"] == campaign.held_reason
    mail_noted(NOW)
    (message,) = mail.outbox
    assert message.subject == "Acme: “Spring” was not sent"
    assert campaign.held_reason in message.body
    assert campaign.held_reason in html_of(message)


def test_a_launch_that_fails_halfway_leaves_nothing_behind(planned: Campaign) -> None:
    refuse = NotReady("The account was disconnected.")
    with patch("campaigns.services.campaigns.launch_batch", side_effect=refuse):
        assert launch_due(NINE) == 1
    assert (stored().status, stored().batch) == (CampaignStatus.DRAFT, None)
    assert stored().held_reason == refuse.message
    assert not Batch.unscoped.exists()


def test_a_fault_of_ours_holds_back_no_other_and_is_tried_again(
    alice: Person, planned: Campaign, news: List
) -> None:
    other = create_campaign(tenant=alice.tenant, actor=alice.user, name="Summer")
    save_draft(campaign=other, lists=[news], **(DRAFT | {"name": "Summer"}))
    schedule_campaign(campaign=other, actor=alice.user, at=NINE + MINUTE)
    real = launch_due.__globals__["launch_locked"]

    def fail(campaign: Campaign, checked: Any) -> None:
        if campaign.pk == planned.pk:
            raise RuntimeError("a fault")
        real(campaign, checked)

    with patch("campaigns.services.scheduling.launch_locked", fail):
        assert launch_due(NINE + 2 * MINUTE) == 1
    planned.refresh_from_db()
    other.refresh_from_db()
    assert planned.status == CampaignStatus.SCHEDULED
    assert other.status == CampaignStatus.LAUNCHED
    assert launch_due(NINE + 3 * MINUTE) == 1


@pytest.mark.django_db(transaction=True)
def test_many_clocks_at_once_launch_it_once(planned: Campaign) -> None:
    start, done = threading.Barrier(6), []

    def look() -> None:
        start.wait()
        done.append(launch_due(NINE))
        connection.close()

    with patch("sending.services.batches.launch.delay") as launched:
        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(done) == [0] * 5 + [1]
    launched.assert_called_once()
    assert Batch.unscoped.count() == 1
    assert actions().count("campaign.sent") == 1


def test_the_clock_calls_both(planned: Campaign, alice: Person) -> None:
    Campaign.unscoped.update(scheduled_at=NOW - 2 * HOUR)
    tasks.launch_scheduled()
    tasks.mail_alerts()
    assert len(mail.outbox) == 1


def test_a_time_is_not_planned_in_the_past(draft: Campaign, alice: Person) -> None:
    with pytest.raises(BadTime, match="past"):
        schedule_campaign(campaign=draft, actor=alice.user, at=NOW)


# --- the mail of a limit ------------------------------------------------------------------------
@pytest.fixture
def braked(draft: Campaign, alice: Person) -> Campaign:
    campaign = send_campaign(campaign=draft, actor=alice.user)
    assert campaign.batch
    counts = {"total": 5_000, "sent": 1_040, "bounced": 62}
    tally.add({(draft.tenant_id, campaign.batch.pk): counts}, now=NOW)
    brakes.look_at([campaign.batch.pk])
    return campaign


def test_a_trip_is_mailed_once_with_figures_and_link(
    alice: Person, bob: Person, mallory: Person, braked: Campaign
) -> None:
    for role in (Role.DEVELOPER, Role.VIEWER):
        user = User.objects.create_user(f"{role}@acme.example")
        Membership.unscoped.create(tenant=braked.tenant, user=user, role=role)
    assert CampaignAlert.unscoped.get().kind == AlertKind.LIMIT
    for _ in range(2):
        brakes.look_at_all()
        mail_noted(NOW)
    assert {one.to[0] for one in mail.outbox} == {alice.user.email, bob.user.email}
    message = mail.outbox[0]
    assert message.subject == "Acme: “Spring” is paused"
    for text in (message.body, html_of(message)):
        assert "62 of 1,040 mails bounced (5.96 %), your limit is 4 %." in text
        assert f"{settings.SITE_URL}{url(braked, 'report')}" in text
        assert "resume or cancel it" in text


def test_a_mail_server_that_is_down_loses_no_alert(
    braked: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: EmailMultiAlternatives) -> int:
        raise smtplib.SMTPServerDisconnected("down")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMultiAlternatives, "send", fail)
        assert mail_noted(NOW) == 0
    assert Batch.unscoped.get().state == BatchState.PAUSED
    assert mail_noted(NOW + 4 * MINUTE) == 0
    assert mail_noted(NOW + 5 * MINUTE) == 1
    assert mail_noted(NOW + 20 * MINUTE) == 0
    assert len(mail.outbox) == 1


def test_the_report_shows_why_it_stands(alice: Person, braked: Campaign) -> None:
    page = alice.client.get(url(braked, "report")).content.decode()
    assert "Paused by the bounce limit: 62 of 1,040 mails bounced (5.96 %)" in page
    assert "Resume" in page
