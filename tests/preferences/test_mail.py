"""A list's own confirmation mail: what is refused, what is shown, what leaves."""

from collections.abc import Callable
from typing import Any

import pytest

from lists.models import List, SignupForm
from preferences import mails
from preferences.mails import MailRefused
from preferences.services import mailing
from sending.language import parse, render
from sending.models import Batch, Message
from tenants.models import AuditEvent
from tests.conftest import Person
from tests.preferences.conftest import mails as sent

GOOD = '<p>Hello from {{ workspace.name }}</p><p><a href="{{ confirm_url }}">Confirm</a></p>'


@pytest.mark.parametrize("html", [GOOD, mails.STARTER, mails.STARTER * 3])
def test_a_mail_with_the_link_will_do(html: str) -> None:
    mails.check("Please confirm", html)


@pytest.mark.parametrize(
    ("subject", "html", "why"),
    [
        ("", GOOD, "subject is empty"),
        ("Confirm", "", "empty"),
        ("Confirm", "<p>Hello</p>", "Nobody could confirm"),
        ("Confirm", "<p>{{ confirm_url }}</p>", "Nobody could confirm"),
        ("Confirm", "<!-- <a href='{{ confirm_url }}'>x</a> -->", "Nobody could confirm"),
        ("Confirm", "{% if false %}" + GOOD + "{% endif %}", "Nobody could confirm"),
        ("Confirm", GOOD + "{{ contact.first_name }}", "stays empty"),
        ("Confirm {{ unsubscribe_url }}", GOOD, "stays empty"),
        ("Confirm", GOOD + "{% if %}", "merge tag"),
        ("Confirm", GOOD + "{{ title | explode }}", "explode"),
        ("Confirm", GOOD + '<a href="javascript:alert(1)">x</a>', "script"),
    ],
)
def test_what_could_not_go_or_not_confirm_is_refused(subject: str, html: str, why: str) -> None:
    with pytest.raises(MailRefused, match=f"(?i){why}"):
        mails.check(subject, html)


def url(list_: List, what: str = "") -> str:
    return f"/w/acme/lists/{list_.public_id}/mail/{what}"


def test_the_page_saves_what_can_go(alice: Person, news: List) -> None:
    refused = alice.client.post(url(news), {"confirm_subject": "x", "confirm_html": "<p>x</p>"})
    assert refused.status_code == 422
    assert "Nobody could confirm" in refused.content.decode()
    news.refresh_from_db()
    assert news.confirm_html == ""
    saved = alice.client.post(url(news), {"confirm_subject": "Join us", "confirm_html": GOOD})
    assert saved.status_code == 302
    news.refresh_from_db()
    assert (news.confirm_subject, news.confirm_html) == ("Join us", GOOD)
    assert AuditEvent.unscoped.get().action == "list.confirmation_mail_changed"
    alice.client.post(url(news), {"confirm_subject": "", "confirm_html": ""})
    news.refresh_from_db()
    assert mailing.mail_of([news]) is mailing.OURS


def test_the_preview_is_alone_in_a_sandbox(alice: Person, news: List) -> None:
    news.confirm_subject, news.confirm_html = "Join", GOOD + "<script>alert(1)</script>"
    news.save()
    shown = alice.client.get(url(news, "preview/"))
    assert "Hello from Acme" in shown.content.decode()
    assert "sandbox" in shown["Content-Security-Policy"]
    assert "script-src" not in shown["Content-Security-Policy"]
    assert shown["X-Frame-Options"] == "SAMEORIGIN"


def test_a_sign_up_gets_the_lists_own_mail(
    post: Callable[..., Any], form: SignupForm, news: List
) -> None:
    news.confirm_subject, news.confirm_html = "Join {{ workspace.name }}", GOOD
    news.save()
    post()
    batch = Batch.unscoped.get()
    assert batch.subject == "Join {{ workspace.name }}"
    [(_, values)] = sent()
    html = render(parse(batch.html, html=True, part="HTML"), values | {"workspace": {"name": "A"}})
    assert f'<a href="{values["confirm_url"]}">Confirm</a>' in html
    assert "{{ confirm_url }}" in batch.text


def test_of_several_lists_the_first_with_a_mail_of_its_own_counts(acme: Any, news: List) -> None:
    alpha = List.unscoped.create(tenant=acme, name="Alpha")
    zeta = List.unscoped.create(
        tenant=acme, name="Zeta", confirm_subject="Z", confirm_html=GOOD + "zeta"
    )
    news.confirm_subject, news.confirm_html = "N", GOOD
    assert mailing.mail_of([zeta, news, alpha]).subject == "N"
    assert mailing.mail_of([zeta, alpha]).subject == "Z"
    assert mailing.mail_of([alpha]) is mailing.OURS


def test_a_test_mail_goes_to_who_asks(alice: Person, form: SignupForm, news: List) -> None:
    assert alice.client.post(url(news, "test/")).status_code == 302
    message = Message.unscoped.get()
    assert message.email == "alice@acme.example"
    [(_, values)] = sent()
    path = values["confirm_url"].removeprefix("http://testserver")
    assert "This was a test mail" in alice.client.get(path).content.decode()


def test_without_a_sender_there_is_no_test(alice: Person, news: List) -> None:
    alice.client.post(url(news, "test/"))
    assert not Message.unscoped.exists()
    assert "No form of this list" in alice.client.get("/w/acme/lists/").content.decode()


def test_the_tenants_colour_and_logo_are_in_the_mail(
    post: Callable[..., Any], form: SignupForm
) -> None:
    tenant = form.tenant
    tenant.colour, tenant.logo_digest = "#7a1f5c", "abc"
    tenant.save()
    post()
    [(_, values)] = sent()
    html = render(parse(mailing.OURS.html, html=True, part="HTML"), values)
    assert "background-color:#7a1f5c" in html
    assert f'src="http://testserver/look/{tenant.public_id}/abc"' in html
