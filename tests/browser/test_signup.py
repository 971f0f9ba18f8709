"""From the sign-up form to the preference page, as people go through it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from redis import Redis

from lists.models import (
    Captcha,
    Contact,
    LeaveReason,
    List,
    SignupForm,
    Source,
    Subscription,
)
from lists.selectors.audience import count_sendable
from sending.models import MessageData, SesAccount
from tenants.models import Tenant
from tests.browser.axe import findings
from tests.browser.conftest import PHONE
from tests.preferences.conftest import form_url, link

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def form(acme: Tenant, news: List, ses_account: SesAccount, redis: Redis) -> SignupForm:
    made = SignupForm.unscoped.create(
        tenant=acme,
        name="Footer",
        title="News from Acme",
        intro="What we make, once a month.",
        consent_wording="I want a mail a month from Acme. I can unsubscribe in every mail.",
        captcha=Captcha.ALTCHA,
        from_email="news@acme.example",
        fields=[{"key": "first_name", "label": "First name", "required": False}],
    )
    made.lists.set([news])
    return made


@pytest.fixture
def ada(add_contact: Callable[..., Contact], news: List, acme: Tenant) -> Contact:
    contact = add_contact("ada@person.example")
    offers = List.unscoped.create(tenant=acme, name="Offers", description="Now and then.")
    Subscription.unscoped.create(
        tenant=acme, contact=contact, list=offers, status="active", source=Source.MEMBER
    )
    return contact


def test_sign_up_with_altcha_and_confirm(
    live_server: Any, phone_page: Page, form: SignupForm, news: List
) -> None:
    page = phone_page
    page.goto(live_server.url + form_url(form))
    page.get_by_label("Email address").fill("ada@person.example")
    page.get_by_label("First name").fill("Ada")
    page.locator("altcha-widget input[type=checkbox]").click()
    expect(page.locator("altcha-widget").get_by_text("Verified")).to_be_visible()
    page.wait_for_timeout(2_000)  # as long as anybody needs to read it
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    expect(page.get_by_text("ada@person.example")).to_be_visible()

    address = MessageData.unscoped.get().data["confirm_url"]
    page.goto(address.replace("http://testserver", live_server.url))
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 0
    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", name="Your subscription is confirmed")).to_be_visible()
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 1

    page.get_by_role("link", name="Choose what you get").click()
    expect(page.get_by_role("heading", name="What you get from us")).to_be_visible()
    assert page.context.cookies() == []


def test_the_html_embed_leads_to_the_page(
    live_server: Any, page: Page, form: SignupForm, new_page: Callable[..., Page]
) -> None:
    """A stranger's site holds the form; the hosted page asks for the captcha."""
    page.set_content(
        f'<form action="{live_server.url}{form_url(form)}" method="post">'
        '<input name="email" value="ada@person.example"><button>Sign up</button></form>'
    )
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("One more step")).to_be_visible()
    expect(page.get_by_label("Email address")).to_have_value("ada@person.example")
    page.locator("altcha-widget input[type=checkbox]").click()
    expect(page.locator("altcha-widget").get_by_text("Verified")).to_be_visible()
    page.wait_for_timeout(2_000)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_preferences_on_a_phone(
    live_server: Any, new_page: Callable[..., Page], ada: Contact, news: List, javascript: bool
) -> None:
    page = new_page(**PHONE, java_script_enabled=javascript)
    page.goto(live_server.url + link("preferences", ada))

    def place(name: str) -> Any:
        return page.locator(".choices > li").filter(has=page.get_by_role("heading", name=name))

    place("Offers").get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_text("You are unsubscribed from Offers.")).to_be_visible()
    expect(place("Offers").get_by_text("Not subscribed")).to_be_visible()

    place("Offers").get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("You are subscribed to Offers.")).to_be_visible()

    place("News").locator("summary").click()
    place("News").get_by_role("button", name="60 days").click()
    day = timezone.now() + timedelta(days=60)
    expect(page.get_by_text(f"News is paused until {day.day} {day:%B %Y}.")).to_be_visible()
    assert count_sendable(tenant=ada.tenant, list_ids=[news.pk]) == 0
    place("News").get_by_role("button", name="End the pause").click()

    page.get_by_text("Pause all mail").click()
    everything = page.locator("section").filter(has=page.get_by_text("Everything at once"))
    until = (timezone.now() + timedelta(days=9)).date()
    everything.get_by_label("Or until a date").fill(until.isoformat())
    everything.get_by_role("button", name="Pause until this date").click()
    expect(page.get_by_text("All mail is paused until")).to_be_visible()
    page.get_by_role("button", name="End the pause now").click()

    page.get_by_role("button", name="Unsubscribe from everything").click()
    expect(page.get_by_text("You are unsubscribed from everything.").first).to_be_visible()
    ada.refresh_from_db()
    assert ada.unsubscribed_at is not None
    assert page.context.cookies() == []


def test_unsubscribe_page(live_server: Any, phone_page: Page, ada: Contact) -> None:
    page = phone_page
    page.goto(live_server.url + link("unsubscribe", ada))
    ada.refresh_from_db()
    assert ada.unsubscribed_at is None
    page.get_by_role("button", name="Unsubscribe from everything").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    page.get_by_role("link", name="Change what you get").click()
    expect(page.get_by_role("heading", name="What you get from us")).to_be_visible()


@pytest.mark.parametrize("screen", [(320, "light"), (390, "dark"), (1440, "light")])
def test_every_page_fits_and_is_accessible(
    live_server: Any,
    new_page: Callable[..., Page],
    ada: Contact,
    form: SignupForm,
    screen: tuple[int, str],
) -> None:
    width, scheme = screen
    Tenant.objects.update(name="Verylongnameofacompanywithoutanyspacesinitatall GmbH & Co. KG")
    List.unscoped.filter(name="News").update(name="Donaudampfschifffahrtsgesellschaftsneuigkeiten")
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for address in (
        form_url(form),
        link("unsubscribe", ada),
        link("preferences", ada),
        link("preferences", None),
        "/u/forged/",
    ):
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert findings(page) == [], address


_COLOUR = "one => getComputedStyle(one).backgroundColor"


@pytest.mark.parametrize("javascript", [True, False])
def test_from_the_form_to_the_farewell(
    live_server: Any,
    new_page: Callable[..., Page],
    form: SignupForm,
    news: List,
    javascript: bool,
) -> None:
    """On a phone, in German: sign up, confirm, pause everything, go on, leave and say why."""
    SignupForm.unscoped.update(captcha=Captcha.NONE)
    page = new_page(**PHONE, java_script_enabled=javascript, locale="de-DE")

    def press(name: str) -> None:
        page.get_by_role("button", name=name).first.click()

    page.goto(live_server.url + form_url(form))
    page.get_by_label("E-Mail-Adresse").fill("ada@person.example")
    page.wait_for_timeout(2_000)  # as long as anybody needs to read it
    press("Sign up")
    expect(page.get_by_role("heading", name="Sehen Sie in Ihr Postfach")).to_be_visible()
    values = MessageData.unscoped.get().data
    assert values["words"]["button"] == "Meine Anmeldung bestätigen"

    page.goto(values["confirm_url"].replace("http://testserver", live_server.url))
    press("Ja, melden Sie mich an")
    expect(page.get_by_role("heading", name="Ihre Anmeldung ist bestätigt")).to_be_visible()
    assert Contact.unscoped.get().language == "de"

    page.get_by_role("link", name="Wählen Sie, was Sie bekommen").click()
    page.get_by_text("Alle E-Mails pausieren").click()
    everything = page.locator("section").filter(has=page.get_by_text("Alles auf einmal"))
    everything.get_by_role("button", name="30 Tage").click()
    expect(page.get_by_text("Alle E-Mails pausieren bis")).to_be_visible()
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 0
    press("Die Pause jetzt beenden")
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 1

    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", name="Ce que vous recevez de nous")).to_be_visible()
    press("Se désinscrire")
    expect(page.get_by_text("Vous êtes désinscrit de News.")).to_be_visible()
    reasons = page.get_by_role("radio")
    empty = reasons.last.evaluate(_COLOUR)
    page.get_by_label("Je reçois trop de messages").check()
    assert reasons.first.evaluate(_COLOUR) != empty == reasons.last.evaluate(_COLOUR)
    page.get_by_label("Avec vos propres mots").fill("Chaque jour")
    press("Envoyer")
    expect(page.get_by_text("Merci de nous l'avoir dit.")).to_be_visible()
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 0
    told = LeaveReason.unscoped.get()
    assert (told.reason, told.text) == ("too_often", "Chaque jour")
    assert Contact.unscoped.get().language == "fr"
    assert page.context.cookies() == []
