"""Sign-up, login, confirming an address, resetting a password; nobody learns who has an account."""

import re
from smtplib import SMTPServerDisconnected

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from redis import Redis

from tenants.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"


def sign_up(email: str = "ann@example.com", password: str = PASSWORD) -> object:
    form = {"email": email, "password1": password}
    return Client(headers={"user-agent": "test"}).post("/accounts/signup/", form)


def log_in(client: Client, password: str = PASSWORD) -> int:
    form = {"login": "ann@example.com", "password": password}
    client.post("/accounts/login/", form)
    return int(client.session.get("_auth_user_id", 0))


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://testserver(/\S+)", str(message.body))
    assert found
    return found[1]


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def test_an_address_is_confirmed_by_pressing_a_button_and_not_by_opening_a_link() -> None:
    sign_up("Ann@Example.com")
    assert log_in(Client()) == 0
    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    assert message.from_email == "Bluefox <bluefox@bluefox.example>"
    assert "Bluefox" in message.subject + str(message.body)
    assert "example.com" not in message.subject
    link = link_in(message)
    assert Client().get(link).status_code == 200
    assert not EmailAddress.objects.get().verified
    Client().post(link)
    assert EmailAddress.objects.get().verified
    client = Client()
    assert log_in(client) == User.objects.get().pk
    assert client.get("/").headers["Location"] == "/workspaces/new/"


def test_the_password_is_kept_by_argon2_and_weak_ones_are_refused() -> None:
    for weak in ("short", "password1234", "1234567890"):
        sign_up(password=weak)
    assert not User.objects.exists()
    sign_up()
    assert User.objects.get().password.startswith("argon2$argon2id$")


def test_signing_up_twice_looks_the_same_and_the_owner_is_told(ann: User) -> None:
    known, new = sign_up("ann@example.com"), sign_up("bea@example.com")
    for response in (known, new):
        assert response.status_code == 302  # type: ignore[attr-defined]
        assert response.headers["Location"] == "/accounts/confirm-email/"  # type: ignore[attr-defined]
    assert [message.to for message in mail.outbox] == [["ann@example.com"], ["bea@example.com"]]
    assert log_in(Client()) == ann.pk  # the stranger's sign-up did not change the password


def test_a_reset_looks_the_same_for_known_and_unknown_addresses(ann: User, client: Client) -> None:
    other_session = Client()
    assert log_in(other_session) == ann.pk
    answers = [
        client.post("/accounts/password/reset/", {"email": email})
        for email in ("ann@example.com", "nobody@example.com")
    ]
    assert {(a.status_code, a.headers["Location"]) for a in answers} == {
        (302, "/accounts/password/reset/done/")
    }
    link = link_in(next(m for m in mail.outbox if m.to == ["ann@example.com"]))
    form_url = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(
        form_url, {"password1": "a wholly new password", "password2": "a wholly new password"}
    )
    assert log_in(Client()) == 0
    assert log_in(Client(), "a wholly new password") == ann.pk
    assert other_session.get("/").headers["Location"].startswith("/accounts/login/")
    # A link works once.
    assert "password1" not in Client().get(link, follow=True).content.decode()


def test_wrong_password_and_unknown_address_are_told_apart_by_nobody(ann: User) -> None:
    pages = [
        Client().post("/accounts/login/", {"login": login, "password": "wrong password"})
        for login in ("ann@example.com", "nobody@example.com")
    ]
    errors = [list(page.context["form"].non_field_errors()) for page in pages]
    assert errors[0] == errors[1]
    assert errors[0]


def test_guessing_is_stopped(ann: User) -> None:
    for _ in range(6):
        log_in(Client(), "wrong password")
    assert log_in(Client()) == 0


def test_get_does_not_log_out(ann: User) -> None:
    client = Client()
    log_in(client)
    client.get("/accounts/logout/")
    assert client.session["_auth_user_id"]
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_login_leads_only_to_places_of_ours(ann: User) -> None:
    form = {"login": "ann@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/accounts/login/", form).headers["Location"] == "/"
    form["next"] = "/w/acme/settings/"
    assert Client().post("/accounts/login/", form).headers["Location"] == "/w/acme/settings/"


def test_a_mail_server_that_is_away_is_said_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: mail.EmailMessage, *_: object) -> int:
        raise SMTPServerDisconnected("away")

    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", fail)
        response = sign_up()
    assert response.status_code == 503  # type: ignore[attr-defined]
    assert "could not send the mail" in response.content.decode()  # type: ignore[attr-defined]
    log_in(Client())
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]


def test_pages_behind_the_login_are_closed(client: Client, redis: Redis) -> None:
    for path in ("/", "/workspaces/new/", "/accounts/email/", "/accounts/password/change/"):
        response = client.get(path)
        assert response.headers["Location"].startswith("/accounts/login/")
