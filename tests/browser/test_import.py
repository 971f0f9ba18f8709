"""The import wizard from a file to its undo, as a marketer goes through it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lists import importing, undoing
from lists.models import Contact, Import, Subscription
from tests.conftest import Person
from tests.lists.workbook import workbook

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

_PEOPLE = (
    "Email;First Name;Shoe size;Notes\n"
    "ann@example.com;Søren;41;x\n"
    "known@example.com;New;;\n"
    "bad;Bea;1;\n"
    "info@example.com;Info;;\n"
    "ANN@example.com;Again;;\n"
)


@pytest.fixture
def wizard(
    login: Callable[..., Page],
    alice: Person,
    live_server: Any,
    tmp_path: Path,
    settings: Any,
) -> str:
    settings.MEDIA_ROOT = tmp_path
    login(alice)
    return f"{live_server.url}/w/acme/contacts/imports/new/"


def _choose(page: Page, wizard: str, name: str, content: bytes) -> None:
    page.goto(wizard)
    page.get_by_label("CSV file or Excel workbook").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    page.get_by_role("button", name="Upload and look at the columns").click()


def test_upload_check_import_and_undo(
    page: Page, wizard: str, add_contact: Callable[..., Contact]
) -> None:
    add_contact("known@example.com", first_name="Old")
    _choose(page, wizard, "people.csv", _PEOPLE.encode("cp1252"))
    expect(page.get_by_text("Step 2 of 3")).to_be_visible()
    expect(page.get_by_label("Columns are parted by")).to_have_value(";")
    expect(page.get_by_text("Søren")).to_be_visible()
    expect(page.get_by_label("Shoe size")).to_have_value("field:shoe_size:number")
    page.get_by_label("Notes").select_option("Skip this column")
    page.get_by_label("New tags").fill("fair, vip")
    page.get_by_label("Fill in only what is blank").check()
    page.get_by_role("button", name="Check the file first").click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    import_ = Import.unscoped.get()
    importing.run(import_.pk)
    start = page.get_by_role("button", name="Start the import")
    expect(start).to_be_visible()
    expect(page.get_by_text("Nothing is imported yet")).to_be_visible()
    expect(page.get_by_text("Addresses of an office")).to_be_visible()
    assert Contact.unscoped.count() == 1

    page.get_by_role("button", name="Change something").click()
    page.get_by_label("Overwrite them").check()
    page.get_by_role("button", name="Check the file first").click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    importing.run(import_.pk)
    page.get_by_label("I have the consent of each").check()
    start.click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    importing.run(import_.pk)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows to look at").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["line", "4", "5", "6"]
    assert Contact.unscoped.get(email_norm="known@example.com").first_name == "New"
    assert Subscription.unscoped.count() == Contact.unscoped.count() == 3

    page.get_by_role("button", name="Undo this import").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("Undoing")).to_be_visible()
    undoing.undo(import_.pk)
    expect(page.get_by_text("2 new contacts were taken away")).to_be_visible()
    assert Contact.unscoped.get().first_name == "Old"


def test_a_workbook_on_a_telephone(
    phone_page: Page, login: Callable[..., Page], alice: Person, wizard: str
) -> None:
    page = login(alice, phone_page)
    content = workbook(
        {"People": [["Mail"], ["a@example.com"]], "More": [["Mail"], ["b@example.com"]]}
    )
    _choose(page, wizard, "people.xlsx", content)
    with page.expect_navigation():
        page.get_by_label("Sheet").select_option("More")
    expect(page.get_by_text("b@example.com")).to_be_visible()
    page.get_by_label("New list").fill("Fair")
    page.get_by_label("I have the consent of each").check()
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    importing.run(Import.unscoped.get().pk)
    expect(page.get_by_role("link", name="See the list")).to_be_visible()
    assert Contact.unscoped.get().email == "b@example.com"
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth")
