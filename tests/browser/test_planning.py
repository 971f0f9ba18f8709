"""Planning a campaign and setting limits, as a marketer does it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, CampaignStatus
from campaigns.services.campaigns import create_campaign, save_draft
from lists.models import Contact, List
from sending.models import SesAccount
from tests.campaigns.test_campaigns import DRAFT
from tests.conftest import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def review(
    alice: Person,
    news: List,
    ses_account: SesAccount,
    add_contact: Callable[..., Contact],
    live_server: Any,
) -> str:
    """The address of a draft's review page."""
    add_contact("ada@example.com")
    campaign = create_campaign(tenant=alice.tenant, actor=alice.user, name="Spring")
    save_draft(campaign=campaign, lists=[news], **DRAFT)
    return f"{live_server.url}/w/acme/campaigns/{campaign.public_id}/review/"


def test_schedule_change_the_time_and_take_it_off(
    page: Page, login: Callable[..., Page], alice: Person, review: str
) -> None:
    login(alice)
    page.goto(review)
    day = (timezone.now() + timedelta(days=3)).date().isoformat()
    page.get_by_label("Day").fill("2020-01-01")
    page.locator("form", has=page.get_by_label("Day")).evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_text("This is past").first).to_be_visible()
    expect(page.get_by_label("Day")).to_have_value("2020-01-01")
    page.get_by_label("Day").fill(day)
    page.get_by_label("Time").fill("10:15")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_text("It leaves by itself on")).to_contain_text("10:15 UTC")
    page.get_by_label("Time").fill("11:45")
    page.get_by_role("button", name="Change the time").click()
    expect(page.get_by_text("It leaves by itself on")).to_contain_text("11:45 UTC")
    page.get_by_role("button", name="Take off the schedule").click()
    expect(page.get_by_role("heading", name="Review Spring")).to_be_visible()
    assert Campaign.unscoped.get().status == CampaignStatus.DRAFT


def test_a_missed_time_asks_on_a_phone(
    phone_page: Page, login: Callable[..., Page], alice: Person, review: str
) -> None:
    past = timezone.now() - timedelta(hours=3)
    Campaign.unscoped.update(status=CampaignStatus.MISSED, scheduled_at=past)
    login(alice, phone_page)
    phone_page.goto(review)
    expect(phone_page.get_by_text("the server was not running")).to_be_visible()
    for name in ("Send now", "Change the time", "Discard the schedule"):
        expect(phone_page.get_by_role("button", name=name)).to_be_visible()
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 390


def test_limits_say_what_to_do_and_fit_a_phone(
    phone_page: Page, login: Callable[..., Page], alice: Person, live_server: Any
) -> None:
    login(alice, phone_page)
    phone_page.goto(f"{live_server.url}/w/acme/settings/limits/")
    phone_page.get_by_label("Bounce limit").fill("3")
    phone_page.get_by_role("button", name="Save").click()
    expect(phone_page.get_by_text("Saved")).to_be_visible()
    expect(phone_page.get_by_label("Bounce limit")).to_have_value("3.0")
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 390
