"""Sign-up forms as they are built, and as strangers' sites show them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from redis import Redis

from lists.models import Captcha, Confirmation, ContactField, List, SignupForm
from sending.models import MessageData, SesAccount
from tenants.models import Tenant
from tests.browser.axe import findings
from tests.browser.conftest import PHONE
from tests.conftest import Person
from tests.preferences.conftest import form_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def form(acme: Tenant, news: List, ses_account: SesAccount, redis: Redis) -> SignupForm:
    """Asks for a name and a town, offers two lists, guarded by ALTCHA."""
    ContactField.unscoped.create(tenant=acme, key="city", label="Town")
    made = SignupForm.unscoped.create(
        tenant=acme,
        name="Footer",
        title="News from Acme",
        consent_wording="I want a mail a month from Acme. I can unsubscribe in every mail.",
        captcha=Captcha.ALTCHA,
        from_email="news@acme.example",
        visitor_chooses=True,
        fields=[
            {"key": "first_name", "label": "First name", "required": True},
            {"key": "city", "label": "Where do you live?", "required": False},
        ],
    )
    made.lists.set([news, List.unscoped.create(tenant=acme, name="Offers")])
    made.ticked_lists.set([news])
    return made


@contextmanager
def site(html: str) -> Iterator[str]:
    """Somebody else's site with one page; its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "script-src http://localhost:*")
            self.end_headers()
            if self.path == "/":
                head = (
                    "<!doctype html><html lang=en><title>Shop</title>"
                    '<meta name="viewport" content="width=device-width">'
                )
                self.wfile.write(f"{head}<main><h1>Shop</h1>{html}</main>".encode())

        def log_message(self, *_: object) -> None:
            """Requests are not worth a line."""

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


# --- the builder --------------------------------------------------------------------------------


@pytest.fixture
def as_bob(login: Callable[..., Page], bob: Person) -> Callable[[Page], Page]:
    """Signs a page in."""
    return lambda page: login(bob, page)


def builder(live_server: Any, form: SignupForm | None = None) -> str:
    place = f"{form.public_id}/edit" if form else "new"
    return f"{live_server.url}/w/acme/forms/{place}/"


def test_a_form_is_built_by_keyboard_and_shown_as_it_grows(
    live_server: Any, page: Page, as_bob: Callable[[Page], Page], form: SignupForm
) -> None:
    as_bob(page)
    page.goto(builder(live_server))
    preview = page.frame_locator("#form-preview")
    page.get_by_label("Heading", exact=True).fill("Our news")
    expect(preview.get_by_role("heading", name="Our news")).to_be_visible()
    expect(preview.get_by_label("First name")).to_be_visible()

    page.get_by_label("Field to add").select_option("city")
    page.get_by_role("button", name="Add the field").press("Enter")
    expect(preview.get_by_label("Town")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Town is added.")).to_have_count(1)
    page.get_by_label("Town · text, what the visitor reads").fill("Where do you live?")
    expect(preview.get_by_label("Where do you live?")).to_be_visible()
    up = page.get_by_role("button", name="Move up: Town")
    up.press("Enter")
    expect(page.locator("[name=rows]").first).to_have_value("city")
    expect(up).to_be_focused()
    expect(page.get_by_label("Heading", exact=True)).to_have_value("Our news")

    page.get_by_label("News", exact=True).first.check()
    page.get_by_label("What people agree to").fill("I want it.")
    page.get_by_label("Confirmation mail comes from").fill("news@acme.example")
    page.get_by_label("Name", exact=True).fill("Sidebar")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Sidebar")).to_be_visible()
    made = SignupForm.unscoped.get(name="Sidebar")
    assert [(one["key"], one["label"]) for one in made.fields] == [
        ("city", "Where do you live?"),
        ("first_name", "First name"),
    ]


def test_a_form_is_built_without_javascript(
    live_server: Any,
    new_page: Callable[..., Page],
    as_bob: Callable[[Page], Page],
    form: SignupForm,
) -> None:
    page = as_bob(new_page(**PHONE, java_script_enabled=False))
    page.goto(builder(live_server, form))
    page.get_by_label("Heading", exact=True).fill("Changed")
    page.get_by_role("button", name="Move down: First name").click()
    page.get_by_role("button", name="Show what I typed").click()
    shown = page.frame_locator("#form-preview")
    expect(shown.get_by_role("heading", name="Changed")).to_be_visible()
    page.get_by_role("button", name="Remove: Town").click()
    page.get_by_role("button", name="Save the form").last.click()
    form.refresh_from_db()
    assert form.title == "Changed"
    assert [one["key"] for one in form.fields] == ["first_name"]


@pytest.mark.parametrize("screen", [(320, "light"), (390, "dark"), (1440, "light")])
def test_the_pages_fit_and_are_accessible(
    live_server: Any,
    new_page: Callable[..., Page],
    as_bob: Callable[[Page], Page],
    form: SignupForm,
    screen: tuple[int, str],
) -> None:
    width, scheme = screen
    page = as_bob(new_page(viewport={"width": width, "height": 800}, color_scheme=scheme))
    form.allowed_origins = ["https://www.averylongnameofasite.example"]
    form.save()
    for address in (
        builder(live_server, form),
        f"{live_server.url}/w/acme/forms/{form.public_id}/",
        f"{live_server.url}/w/acme/forms/",
        live_server.url + form_url(form),
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert findings(page) == [], address


# --- embeds -------------------------------------------------------------------------------------


def script_embed(live_server: Any, form: SignupForm) -> str:
    return (
        f'<div data-bluefox-form="{form.public_id}"></div>'
        f'<script src="{live_server.url}/f/{form.public_id}/embed.js" async></script>'
    )


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_the_script_shows_the_form_on_another_site(
    live_server: Any, new_page: Callable[..., Page], form: SignupForm, screen: dict[str, Any]
) -> None:
    page = new_page(**screen)
    with site(script_embed(live_server, form)) as origin:
        form.allowed_origins = [origin]
        form.save()
        page.goto(origin)
        expect(page.get_by_role("heading", name="News from Acme")).to_be_visible()
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(page.get_by_label("News", exact=True)).to_be_checked()
        page.get_by_label("Offers").check()
        page.get_by_label("News", exact=True).uncheck()
        page.get_by_label("First name").fill("Ada")
        page.get_by_label("Where do you live?").fill("Bonn")
        page.get_by_label("Email address").fill("ada@person.example1")
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.get_by_label("Email address").fill("ada@person.example")
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_text("Check your mail and press the button in it.")).to_be_focused()
        assert page.url == f"{origin}/"
        assert page.context.cookies() == []
    confirmation = Confirmation.unscoped.get()
    assert confirmation.values == {"first_name": "Ada", "city": "Bonn"}
    assert [one.name for one in confirmation.lists.all()] == ["Offers"]
    assert MessageData.unscoped.count() == 1


def test_the_script_opens_the_page_for_afterwards(
    live_server: Any, page: Page, form: SignupForm
) -> None:
    with site(script_embed(live_server, form)) as origin:
        form.allowed_origins, form.success_url = [origin], f"{origin}/thanks"
        form.visitor_chooses, form.fields = False, []
        form.save()
        page.goto(origin)
        page.get_by_label("Email address").fill("ada@person.example")
        with page.expect_request("**/thanks"):
            page.get_by_role("button", name="Sign up").click()


def test_a_site_that_is_not_named_gets_a_link(
    live_server: Any, browser: Browser, form: SignupForm
) -> None:
    page = browser.new_page()  # of its own: the browser complains on its console, and should
    with site(script_embed(live_server, form)) as origin:
        page.goto(origin)
        link = page.get_by_role("link", name="Sign up by mail")
        expect(link).to_have_attribute("href", f"{live_server.url}{form_url(form)}")
    page.context.close()


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_the_html_needs_no_javascript(
    live_server: Any,
    new_page: Callable[..., Page],
    bob: Person,
    form: SignupForm,
    screen: dict[str, Any],
) -> None:
    """As it is copied from the form's page, with a captcha that needs no script."""
    form.captcha = Captcha.NONE
    form.save()
    copied = bob.client.get(f"/w/acme/forms/{form.public_id}/").context["html_embed"]
    page = new_page(**screen, java_script_enabled=False)
    with site(copied.replace("http://testserver", live_server.url)) as origin:
        page.goto(origin)
        page.get_by_label("Email address").fill("ada@person.example")
        page.get_by_label("First name").fill("Ada")
        page.get_by_label("Offers").check()
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_text("One more step")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Ada")
    expect(page.get_by_label("Offers")).to_be_checked()
    page.wait_for_timeout(2_000)  # as long as anybody needs to read it
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    assert Confirmation.unscoped.get().lists.count() == 2
