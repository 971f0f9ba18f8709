"""A segment from its first condition to the campaign to it, with and without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign
from lists.models import Contact, Segment
from lists.services.fields import create_field
from sending import launching
from sending.models import Message, SesAccount
from tests.browser.conftest import PHONE
from tests.browser.test_campaign import HTML
from tests.conftest import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def workspace(
    alice: Person, ses_account: SesAccount, add_contact: Callable[..., Contact], live_server: Any
) -> str:
    create_field(tenant=alice.tenant, label="City")
    for n in range(3):
        add_contact(f"oslo{n}@example.com", fields={"city": "Oslo"})
    add_contact("rome@example.com", fields={"city": "Rome"})
    return f"{live_server.url}/w/acme"


def control(page: Page, group: int, condition: int, what: str) -> Any:
    return page.get_by_label(f"Group {group}, condition {condition}: {what}", exact=True)


def test_build_a_segment_and_send_a_campaign_to_it(
    page: Page, login: Callable[..., Page], alice: Person, workspace: str
) -> None:
    login(alice)
    page.goto(workspace)
    page.get_by_role("link", name="Segments").first.click()
    page.get_by_role("link", name="Make the first segment").click()
    page.get_by_label("Name").fill("Oslo")
    control(page, 1, 1, "what").select_option("City")
    expect(control(page, 1, 1, "how")).to_have_value("is")
    expect(page.get_by_text("Write what to compare with")).to_be_visible()
    control(page, 1, 1, "text").fill("oslo")
    expect(page.get_by_text("3 contacts")).to_be_visible()
    expect(page.get_by_text("City is oslo.")).to_be_visible()
    page.get_by_role("button", name="Add condition").click()
    control(page, 1, 2, "list").select_option("News")
    expect(page.get_by_text("City is oslo and on News.")).to_be_visible()
    page.get_by_role("button", name="Or: add a group").click()
    control(page, 2, 1, "what").select_option("Address")
    control(page, 2, 1, "text").fill("rome@example.com")
    expect(page.get_by_text("4 contacts")).to_be_visible()
    page.get_by_role("button", name="Remove group 2, condition 1").click()
    expect(page.get_by_text("3 contacts")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Oslo", level=1)).to_be_visible()
    expect(page.get_by_text("oslo2@example.com")).to_be_visible()
    page.goto(f"{workspace}/segments/")
    expect(page.get_by_role("cell", name="3", exact=True)).to_be_visible()

    page.goto(f"{workspace}/campaigns/new/")
    page.get_by_label("Name").fill("Spring")
    page.get_by_role("button", name="Write it").click()
    page.get_by_label("Oslo", exact=True).first.check()
    page.get_by_text("Leave out", exact=True).click()
    expect(page.get_by_label("Leave out unengaged contacts")).to_be_visible()
    page.get_by_label("From address").fill("news@acme.example")
    page.get_by_label("Subject").fill("Hello")
    page.get_by_label("HTML").fill(HTML)
    page.get_by_role("button", name="Save and review").click()
    page.get_by_role("button", name="Send now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 people will get “Hello”")
    dialog.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", name="Spring")).to_be_visible()
    batch = Campaign.unscoped.get().batch
    assert batch is not None
    launching.launch(batch.pk)
    assert Message.unscoped.filter(batch=batch, email__startswith="oslo").count() == 3
    assert Message.unscoped.count() == 3


def test_the_builder_works_without_javascript_on_a_phone(
    new_page: Callable[..., Page], login: Callable[..., Page], alice: Person, workspace: str
) -> None:
    page = login(alice, new_page(java_script_enabled=False, **PHONE))
    page.goto(f"{workspace}/segments/new/")
    page.get_by_label("Name").fill("Oslo")
    control(page, 1, 1, "what").select_option("City")
    page.get_by_role("button", name="Count", exact=True).last.click()
    control(page, 1, 1, "text").fill("oslo")
    page.get_by_role("button", name="Add condition").click()
    control(page, 1, 2, "what").select_option("Opened a mail")
    page.get_by_role("button", name="Count", exact=True).last.click()
    control(page, 1, 2, "days").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("City is oslo and opened a mail within 30 days.")).to_be_visible()
    assert Segment.unscoped.get().name == "Oslo"
