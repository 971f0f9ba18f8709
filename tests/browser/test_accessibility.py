"""No serious or critical finding of axe on any page, at desktop and phone width, light and dark."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page
from redis import Redis

from lists.models import (
    Captcha,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    SuppressionReason,
)
from lists.services.optin import request_subscription
from lists.services.suppression import Suppress, suppress
from lists.tokens import Kind, make
from sending.models import SenderIdentity, SesAccount
from tenants.models import Tenant
from tests.browser.axe import in_every_look
from tests.conftest import Person
from tests.preferences.conftest import form_url, link
from tests.routes import WORKSPACE, Row
from tests.world import build

pytestmark = pytest.mark.django_db(transaction=True)

# Parts of pages, downloads, and what stands in a sandbox: not pages of their own.
_NO_PAGES = ("progress", "preview", "count", "report", "under_way", "state", "stack", "zone")


def is_page(name: str, row: Row) -> bool:
    """Whether a browser shows this route by itself."""
    part = any(name.split(":")[1].endswith(word) for word in _NO_PAGES)
    return not (row.acts or row.calls_aws) and (not part or name == "campaigns:report")


def test_every_page_of_the_dashboard(  # noqa: PLR0917 (fixtures)
    live_server: Any,
    login: Callable[..., Page],
    alice: Person,
    settings: Any,
    tmp_path: Any,
    redis: Redis,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.SITE_URL = live_server.url
    world = build(alice.tenant, alice.user, "zanzibar")
    page = login(alice)
    wrong: dict[str, Any] = {}
    pages = {name: row for name, row in WORKSPACE.items() if is_page(name, row)}
    assert len(pages) > 25
    for name, row in pages.items():
        url = reverse(name, kwargs=row.ids(world) | {"workspace": "acme"})
        answer = page.goto(live_server.url + url)
        assert answer is not None
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status == 200, name
        if found := in_every_look(page):
            wrong[name] = found
    assert wrong == {}


@pytest.fixture
def ada(add_contact: Callable[..., Contact], news: List) -> Contact:
    """Active on News, paused on Offers, unconfirmed on Tips, never on Deals."""
    contact = add_contact("ada@person.example")
    tomorrow = timezone.now() + timedelta(days=1)
    for name, status, paused_until in [
        ("Offers", "active", tomorrow),
        ("Tips", "unconfirmed", None),
        ("Deals", "", None),
    ]:
        one = List.unscoped.create(tenant=news.tenant, name=name, description="Now and then.")
        if status:
            Subscription.unscoped.create(
                tenant=news.tenant, contact=contact, list=one, status=status, source="member",
                paused_until=paused_until,
            )  # fmt: skip
    return contact


@pytest.fixture
def form(news: List, ses_account: SesAccount, redis: Redis) -> SignupForm:
    made = SignupForm.unscoped.create(
        tenant=news.tenant, name="x", title="News from Acme", consent_wording="I want it.",
        captcha=Captcha.NONE, from_email="news@acme.example",
    )  # fmt: skip
    made.lists.set([news])
    return made


def confirm_url(form: SignupForm, email: str) -> str:
    asked = request_subscription(
        form=form, email=email, lists=list(form.lists.all()), values={}, ip="", user_agent=""
    )
    assert asked is not None
    return reverse("public:confirm", args=[make(Kind.CONFIRM, asked.pk, asked.contact_id)])


def records_url(tenant: Tenant) -> str:
    """The page for whoever runs the DNS of acme.example."""
    until = timezone.now() + timedelta(days=1)
    domains = SenderIdentity.unscoped.filter(tenant=tenant)
    domains.update(dkim_tokens=["t"], signing_hosted_zone="x.example", dns_link=1,
                   dns_link_until=until)  # fmt: skip
    return reverse("dns:records", args=[make(Kind.DNS, domains.get().pk, 1)])


@pytest.mark.parametrize("accent", ["amber", "own"])
def test_every_public_page(
    live_server: Any, page: Page, ada: Contact, form: SignupForm, accent: str
) -> None:
    tenant = ada.tenant
    tenant.accent, tenant.colour = ("blue", "#7a6a00") if accent == "own" else (accent, "")
    tenant.public_footer = "See https://acme.example/privacy"
    tenant.save()
    wrong: dict[str, Any] = {}

    def look(name: str) -> None:
        if found := in_every_look(page):
            wrong[name] = found

    def opened(name: str, path: str) -> None:
        page.goto(live_server.url + path)
        look(name)

    def pressed(name: str, button: str) -> None:
        page.get_by_role("button", name=button, exact=True).first.click()
        page.wait_for_load_state()
        look(name)

    opened("form", form_url(form))
    pressed("form with errors", "Sign up")
    opened("confirm", confirm_url(form, "new@person.example"))
    pressed("confirmed", "Yes, subscribe me")
    late = confirm_url(form, "late@person.example")
    form.confirmation_set.update(expires_at=timezone.now())
    opened("expired", late)
    opened("records of a domain", records_url(tenant))
    opened("unsubscribe", link("unsubscribe", ada))
    opened("preferences", link("preferences", ada) + "?lang=de")
    page.locator("summary").first.click()
    look("pause")
    opened("preferences in English", link("preferences", ada))
    pressed("unsubscribed from everything", "Unsubscribe from everything")
    complaint = Suppress(ada.email_norm, SuppressionReason.COMPLAINT, Source.SES, "")
    suppress(tenant=tenant, addresses=[complaint])
    opened("suppressed", link("preferences", ada))
    opened("nobody", link("preferences", None))
    opened("forged", "/u/forged/")
    assert wrong == {}
