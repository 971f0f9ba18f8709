"""A workspace that can send, a form that is open, and links as mails carry them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from redis import Redis

from lists.models import Captcha, Contact, List, SignupForm
from lists.tokens import Kind, make
from preferences import stamps
from sending.models import Message, MessageData, SesAccount
from tenants.models import Tenant

FROM = "news@acme.example"


@pytest.fixture
def form(acme: Tenant, news: List, ses_account: SesAccount, redis: Redis) -> SignupForm:
    """Open, for the list News, without captcha."""
    made = SignupForm.unscoped.create(
        tenant=acme,
        name="Footer",
        title="News from Acme",
        consent_wording="I want a mail a month. I can unsubscribe.",
        captcha=Captcha.NONE,
        from_email=FROM,
        fields=[{"key": "first_name", "label": "First name", "required": False}],
    )
    made.lists.set([news])
    return made


@pytest.fixture
def ripe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait for a stamp."""
    monkeypatch.setattr(stamps, "SHORTEST", 0)


@pytest.fixture
def visitor() -> Client:
    """A browser that enforces CSRF, as a stranger's would."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def post(visitor: Client, form: SignupForm, ripe: None) -> Callable[..., Any]:
    """Posts the hosted page."""

    def send(email: str = "ada@person.example", **fields: Any) -> Any:
        values = {"email": email, "first_name": "Ada", "website": "", "stamp": stamps.make(form)}
        return visitor.post(form_url(form), values | fields)

    return send


def form_url(form: SignupForm) -> str:
    return reverse("public:form", args=[form.public_id])


def link(name: str, contact: Contact | None, batch: int = 0) -> str:
    """The address of public:<name> in a mail to this contact; of a test mail with None."""
    token = make(Kind.RECIPIENT, batch, contact.pk if contact else 0)
    return reverse(f"public:{name}", args=[token])


def mails() -> list[tuple[str, dict[str, Any]]]:
    """To whom mail was queued, and with which values, oldest first."""
    rows = Message.unscoped.order_by("pk")
    data = dict(MessageData.unscoped.values_list("message_id", "data"))
    return [(row.email, data[row.pk]) for row in rows]


def confirm_path() -> str:
    """The path of the link in the newest mail."""
    return str(mails()[-1][1]["confirm_url"]).removeprefix("http://testserver")


def assert_public(response: Any) -> None:
    """No cookie, no session, nothing for search engines and caches."""
    assert "Set-Cookie" not in response
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    assert "'unsafe-eval'" not in response["Content-Security-Policy"]
