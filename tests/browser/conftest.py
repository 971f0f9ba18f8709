"""A real Chromium for the browser tests, and pages that must not break the site's policy.

`page` is a desktop, `phone_page` a telephone, `new_page(**options)` anything else that Playwright's
new_context takes; `login(person)` signs a page in. Addresses begin with `live_server.url`.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.conftest import Person

# Playwright keeps an event loop in the thread of the tests, where Django then refuses to query.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# A page that was asked for and is refused: the test itself looks at what it says.
_EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def _program() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.fail(
            "There is no Chromium for the browser tests. Install one (Debian: apt-get install "
            "chromium) or name it: CHROMIUM=/path/to/chromium. `make test` does this by itself.",
            pytrace=False,
        )
    return found


# For this folder only: while it runs, no test of the same process may run an event loop.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """The one driver of these tests: a second one in the same thread is refused."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=_program(), args=_ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own.

    At the end no page may have thrown, logged an error, or broken the Content Security Policy.
    """
    wrong: list[str] = []
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in wrong if not _EXPECTED.match(text)] == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone_page(new_page: Callable[..., Page]) -> Page:
    return new_page(**PHONE)


@pytest.fixture
def login(page: Page, live_server: Any) -> Callable[..., Page]:
    """login(person) signs `page` in, login(person, other) another page; the page comes back."""

    def sign_in(person: Person, on: Page = page) -> Page:
        session = person.client.cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
        on.context.add_cookies([cookie])  # type: ignore[list-item]
        return on

    return sign_in
