"""Acting on many contacts with progress and undo, and erasing one, in a real Chromium."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from lists import bulk
from lists.models import BulkAction, Contact, Suppression, Tag
from lists.tasks import run_bulk
from tests.conftest import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Starts the worker only when it is called, in a thread of its own."""
    monkeypatch.setattr(run_bulk, "delay", lambda action_id: None)

    def work() -> None:
        def run() -> None:
            try:
                bulk.run(BulkAction.unscoped.latest("pk").pk)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    return work


def test_ticked_contacts_get_a_tag_which_is_taken_back(
    live_server: Any,
    login: Callable[..., Page],
    alice: Person,
    add_contact: Callable[..., Contact],
    by_hand: Callable[[], None],
) -> None:
    for name in ("ann", "bob", "cid"):
        add_contact(f"{name}@x.example")
    page = login(alice)
    page.goto(f"{live_server.url}/w/acme/contacts/")
    page.get_by_label("Select ann@x.example").check()
    expect(page.locator(".selection-bar")).to_contain_text("1 contact selected")
    page.get_by_label("Select cid@x.example").check()
    expect(page.locator(".selection-bar")).to_contain_text("2 contacts selected")
    page.get_by_role("button", name="Choose what to do with them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 contacts")
    expect(page.get_by_label("Which tag")).to_be_hidden()
    page.get_by_label("Tag", exact=True).fill("VIP")
    page.get_by_role("button", name="Do it for 2 contacts").click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    by_hand()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert Tag.unscoped.get().tagged.count() == 2
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo it").click()
    expect(page.get_by_text("Undoing")).to_be_visible()
    by_hand()
    expect(page.get_by_text("Undone")).to_be_visible()
    assert Tag.unscoped.get().tagged.count() == 0


def test_what_an_act_needs_is_asked_for_with_it(
    live_server: Any, login: Callable[..., Page], alice: Person, add_contact: Callable[..., Contact]
) -> None:
    add_contact("ann@x.example")
    page = login(alice)
    page.goto(f"{live_server.url}/w/acme/contacts/?q=ann")
    page.get_by_role("link", name="Act on all of these").click()
    page.get_by_label("Delete", exact=True).check()
    expect(page.get_by_text("This cannot be undone", exact=True)).to_be_visible()
    page.get_by_role("button", name="Do it for 1 contact").click()
    expect(page.get_by_text("Type delete: it cannot be undone.").first).to_be_visible()
    page.get_by_label("Add to a list").check()
    expect(page.get_by_label("Type delete to go on")).to_be_hidden()
    expect(page.get_by_label(re.compile("This person has agreed"))).to_be_visible()
    assert not BulkAction.unscoped.exists()


def test_a_person_is_erased_once_the_address_is_typed(
    live_server: Any, login: Callable[..., Page], alice: Person, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact("ann@x.example")
    page = login(alice)
    page.goto(f"{live_server.url}/w/acme/contacts/{contact.public_id}/")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Erase this person").click()
    dialog = page.get_by_role("dialog", name="Erase this person?")
    expect(dialog.get_by_role("button", name="Erase for good")).to_be_disabled()
    dialog.get_by_role("textbox").fill("ann@x.example")
    dialog.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("This person is erased")).to_be_visible()
    assert not Contact.unscoped.exists()
    assert Suppression.unscoped.get().email_norm.startswith("erased:")
