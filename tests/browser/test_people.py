"""From the sign-up page to a first API key, and the API's pages, in a real Chromium."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from tests.conftest import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_a_newcomer_gets_a_workspace_and_a_key(
    live_server: Any, new_page: Callable[..., Page]
) -> None:
    page = new_page(timezone_id="Europe/Lisbon")
    page.goto(f"{live_server.url}/accounts/signup/")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.locator("form button.btn-primary").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")
    link = re.search(r"http\S+", str(mail.outbox[0].body))
    assert link
    page.goto(link[0])
    page.locator("form button.btn-primary").click()
    if "/accounts/login/" in page.url:
        page.get_by_label("Email").fill("ann@example.com")
        page.get_by_label("Password").fill("correct horse battery")
        page.locator("form button.btn-primary").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Create your first workspace")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    page.get_by_label("Company").fill("Fox")
    page.get_by_role("button", name="Create workspace").click()
    expect(page).to_have_url(f"{live_server.url}/w/fox/")
    expect(page.get_by_text("0 of 6 steps")).to_be_visible()
    page.get_by_role("link", name="Developers").first.click()
    page.get_by_role("link", name="Create a key").first.click()
    page.get_by_label("Name").fill("Shop")
    page.get_by_label("Send mail").check()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text(re.compile(r"^bf_live_\w{12}_[\w-]{43}$"))).to_be_visible()


def test_the_pages_of_the_api_render_under_the_policy(
    live_server: Any, new_page: Callable[..., Page]
) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/api/v1/docs/")
    expect(page.get_by_text("Send a mail to one person")).to_be_visible()
    page.get_by_text("Send a mail to one person").click()
    expect(page.get_by_text("The key needs the scope emails.send")).to_be_visible()


def test_a_role_is_changed_where_it_is_shown(
    live_server: Any, login: Callable[..., Page], alice: Person, bob: Person
) -> None:
    page = login(alice)
    page.goto(f"{live_server.url}/w/acme/settings/members/")
    page.get_by_label("Role of bob@acme.example").select_option("Viewer")
    expect(page.get_by_text("Bob is Viewer now")).to_be_visible()
