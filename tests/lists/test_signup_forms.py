"""The dashboard's forms pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lists.models import Captcha, Confirmation, Contact, List, SignupForm
from sending.models import SesAccount
from tenants.models import AuditEvent, Membership, Role, Tenant
from tests.conftest import Person

SECRET = "6Lc-very-secret-abcd"


def filled(*lists: List, **over: Any) -> dict[str, Any]:
    return {
        "name": "Footer",
        "title": "Our news",
        "intro": "",
        "lists": [one.pk for one in lists],
        "asks_name": "on",
        "consent_wording": "I want it.",
        "from_email": "news@acme.example",
        "success_message": "",
        "captcha": "altcha",
        "captcha_site_key": "",
        "recaptcha_secret": "",
        **over,
    }


def url(name: str, *args: Any) -> str:
    return reverse(f"lists:{name}", args=["acme", *args])


@pytest.fixture
def form(acme: Tenant, news: List) -> SignupForm:
    made = SignupForm.unscoped.create(
        tenant=acme,
        name="Footer",
        title="Our news",
        consent_wording="I want it.",
        from_email="news@acme.example",
    )
    made.lists.set([news])
    return made


def test_the_first_form_is_offered(bob: Person) -> None:
    page = bob.client.get(url("forms")).content.decode()
    assert "No form yet" in page
    assert url("form_new") in page


def test_a_form_needs_a_list(bob: Person) -> None:
    assert "First you need a list" in bob.client.get(url("form_new")).content.decode()


def test_a_form_is_made(bob: Person, news: List) -> None:
    response = bob.client.post(url("form_new"), filled(news))
    made = SignupForm.unscoped.get()
    assert response.status_code == 302
    assert response["Location"] == url("form", made.public_id)
    assert (made.tenant, made.captcha, made.is_active) == (bob.tenant, Captcha.ALTCHA, True)
    assert list(made.lists.all()) == [news]
    event = AuditEvent.unscoped.get(action="form.created")
    assert event.actor == bob.user
    assert event.ip == "127.0.0.1"


def test_the_page_shows_link_and_html(
    bob: Person, form: SignupForm, ses_account: SesAccount
) -> None:
    page = bob.client.get(url("form", form.public_id)).content.decode()
    assert f"http://testserver/f/{form.public_id}/" in page
    assert "&lt;form action=" in page
    assert "cannot leave" not in page


def test_the_page_says_when_mails_cannot_leave(bob: Person, form: SignupForm) -> None:
    page = bob.client.get(url("form", form.public_id)).content.decode()
    assert "No connected Amazon SES account may send as news@acme.example." in page


def test_people_are_counted_once(
    bob: Person, form: SignupForm, add_contact: Callable[..., Contact]
) -> None:
    ada, bea = add_contact("ada@person.example"), add_contact("bea@person.example")
    now = timezone.now()
    for contact, done in ((ada, None), (ada, now), (bea, None)):
        Confirmation.unscoped.create(
            tenant=form.tenant, contact=contact, form=form, expires_at=now, confirmed_at=done
        )
    listed = bob.client.get(url("forms"))
    [row] = listed.context["forms"]
    assert (row.requested, row.confirmed) == (2, 1)


@pytest.mark.parametrize("captcha", ["recaptcha_v2", "recaptcha_v3"])
def test_recaptcha_needs_both_keys(bob: Person, news: List, captcha: str) -> None:
    response = bob.client.post(url("form_new"), filled(news, captcha=captcha))
    assert response.status_code == 422
    assert set(response.context["edit"].errors) == {"captcha_site_key", "recaptcha_secret"}
    assert not SignupForm.unscoped.exists()


def test_the_secret_is_written_and_never_shown(bob: Person, news: List) -> None:
    keys = {"captcha": "recaptcha_v2", "captcha_site_key": "site"}
    bob.client.post(url("form_new"), filled(news, recaptcha_secret=SECRET, **keys))
    made = SignupForm.unscoped.get()
    assert made.captcha_secret == {"secret": SECRET}
    for name in ("form", "form_edit"):
        assert SECRET not in bob.client.get(url(name, made.public_id)).content.decode()
    edit = bob.client.get(url("form_edit", made.public_id)).content.decode()
    assert "ends in abcd" in edit
    bob.client.post(url("form_edit", made.public_id), filled(news, title="Changed", **keys))
    made.refresh_from_db()
    assert (made.title, made.captcha_secret) == ("Changed", {"secret": SECRET})
    assert SECRET not in str(list(AuditEvent.unscoped.values_list("detail", flat=True)))


def test_an_invalid_secret_is_not_sent_back(bob: Person, news: List) -> None:
    values = filled(news, captcha="recaptcha_v2", recaptcha_secret=SECRET)
    response = bob.client.post(url("form_new"), values)
    assert response.status_code == 422
    assert SECRET not in response.content.decode()


def test_what_is_missing_is_named(bob: Person) -> None:
    List.unscoped.create(tenant=bob.tenant, name="News")
    values = filled(title="", consent_wording="", from_email="jöhn@acme.example")
    response = bob.client.post(url("form_new"), values)
    assert response.status_code == 422
    assert set(response.context["edit"].errors) == {
        "title",
        "lists",
        "consent_wording",
        "from_email",
    }


def test_another_tenants_list_is_no_choice(bob: Person, news: List, evil: Tenant) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    response = bob.client.post(url("form_new"), filled(news, theirs))
    assert response.status_code == 422
    assert "Theirs" not in response.content.decode()


def test_a_form_is_closed_and_opened(bob: Person, form: SignupForm) -> None:
    for on in (False, True):
        bob.client.post(url("form_switch", form.public_id), {"on": "1" if on else "0"})
        form.refresh_from_db()
        assert form.is_active is on
    assert bob.client.get(url("form_switch", form.public_id)).status_code == 405
    assert AuditEvent.unscoped.count() == 2


def test_who_may_only_look_may_not_change(bob: Person, form: SignupForm, news: List) -> None:
    Membership.unscoped.filter(user=bob.user).update(role=Role.VIEWER)
    assert bob.client.get(url("form", form.public_id)).status_code == 200
    assert bob.client.post(url("form_new"), filled(news)).status_code == 403
    assert bob.client.post(url("form_switch", form.public_id)).status_code == 403


@pytest.mark.parametrize("name", ["form", "form_edit", "form_switch"])
def test_another_workspace_sees_nothing(mallory: Person, form: SignupForm, name: str) -> None:
    theirs = reverse(f"lists:{name}", args=["evil", form.public_id])
    method = mallory.client.post if name == "form_switch" else mallory.client.get
    assert method(theirs).status_code == 404
    assert method(url(name, form.public_id)).status_code == 404


def test_names_are_only_text(bob: Person, form: SignupForm) -> None:
    SignupForm.unscoped.update(name="<script>x</script>", consent_wording="<script>x</script>")
    for name, args in (
        ("forms", ()),
        ("form", (form.public_id,)),
        ("form_edit", (form.public_id,)),
    ):
        assert "<script>x" not in bob.client.get(url(name, *args)).content.decode()
