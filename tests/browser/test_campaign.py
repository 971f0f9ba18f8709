"""From an empty campaign page to a launched campaign, as a marketer does it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lists.models import Contact
from sending.models import Batch, BatchState, Lane, SesAccount
from tests.conftest import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

HTML = "<html><body><p>Hello {{ contact.first_name | default: 'you' }}</p></body></html>"


@pytest.fixture
def campaigns(
    login: Callable[..., Page],
    alice: Person,
    ses_account: SesAccount,
    add_contact: Callable[..., Contact],
    live_server: Any,
) -> str:
    for n in range(3):
        add_contact(f"person{n}@example.com", first_name=f"Person {n}")
    login(alice)
    return f"{live_server.url}/w/acme/campaigns/"


def write(page: Page, campaigns: str) -> None:
    page.goto(campaigns)
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name").fill("Spring")
    page.get_by_role("button", name="Write it").click()
    page.get_by_role("checkbox", name="News").check()
    page.get_by_label("From name").fill("Acme, Inc")
    page.get_by_label("From address").fill("news@acme.example")
    page.get_by_label("Subject").fill("Hello")
    page.get_by_label("HTML").fill(HTML)
    page.get_by_role("button", name="Save and review").click()


def test_write_review_and_send(page: Page, campaigns: str) -> None:
    write(page, campaigns)
    expect(page.get_by_role("heading", name="Review Spring")).to_be_visible()
    preview = page.frame_locator("iframe")
    expect(preview.get_by_text("Hello Alice")).to_be_visible()
    expect(preview.get_by_role("link", name="Unsubscribe")).to_be_visible()
    page.get_by_role("button", name="Send now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 people will get “Hello”")
    dialog.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", name="Spring")).to_be_visible()
    batch = Batch.unscoped.get(lane=Lane.CAMPAIGN)
    assert batch.state == BatchState.RUNNING

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    batch.refresh_from_db()
    assert batch.state == BatchState.CANCELLED


def test_a_wrong_sender_is_explained_and_nothing_typed_is_lost(page: Page, campaigns: str) -> None:
    page.goto(campaigns + "new/")
    page.get_by_label("Name").fill("May")
    page.get_by_role("button", name="Write it").click()
    page.get_by_label("From address").fill("news@other.example")
    page.get_by_label("Subject").fill("Kept")
    page.get_by_role("button", name="Save and review").click()
    expect(page.get_by_text("No connected SES account may send from").first).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("Kept")


def test_the_composer_fits_a_phone(
    phone_page: Page, campaigns: str, login: Callable[..., Page], alice: Person
) -> None:
    login(alice, phone_page)
    write(phone_page, campaigns)
    expect(phone_page.get_by_role("heading", name="Review Spring")).to_be_visible()
    width = phone_page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
