"""The dashboard's forms pages."""

from typing import Any

import pytest
from django.urls import reverse

from lists.models import Captcha, ContactField, List, SignupForm, Tag
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
        "rows": ["first_name"],
        "label-first_name": "First name",
        "button": "Sign up",
        "tags": "",
        "allowed_origins": "",
        "success_url": "",
        "consent_wording": "I want it.",
        "from_email": "news@acme.example",
        "success_message": "",
        "captcha": "altcha",
        "captcha_site_key": "",
        "secret": "",
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


@pytest.mark.parametrize("captcha", ["recaptcha_v2", "recaptcha_v3", "turnstile", "hcaptcha"])
def test_a_service_needs_both_keys(bob: Person, news: List, captcha: str) -> None:
    response = bob.client.post(url("form_new"), filled(news, captcha=captcha))
    assert response.status_code == 422
    assert set(response.context["edit"].errors) == {"captcha_site_key", "secret"}
    assert not SignupForm.unscoped.exists()


def test_the_secret_is_written_and_never_shown(bob: Person, news: List) -> None:
    keys = {"captcha": "recaptcha_v2", "captcha_site_key": "site"}
    bob.client.post(url("form_new"), filled(news, secret=SECRET, **keys))
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


def test_a_secret_goes_to_no_other_service(bob: Person, news: List) -> None:
    keys = {"captcha": "recaptcha_v2", "captcha_site_key": "site"}
    bob.client.post(url("form_new"), filled(news, secret=SECRET, **keys))
    made = SignupForm.unscoped.get()
    change = url("form_edit", made.public_id)
    answer = bob.client.post(change, filled(news, captcha="turnstile", captcha_site_key="x"))
    assert set(answer.context["edit"].errors) == {"secret"}
    bob.client.post(change, filled(news, captcha="altcha"))
    made.refresh_from_db()
    assert made.captcha_secret == {}


def test_an_invalid_secret_is_not_sent_back(bob: Person, news: List) -> None:
    values = filled(news, captcha="recaptcha_v2", secret=SECRET)
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


# --- the builder --------------------------------------------------------------------------------


@pytest.fixture
def city(acme: Tenant) -> ContactField:
    return ContactField.unscoped.create(tenant=acme, key="city", label="Town", kind="string")


def test_questions_lists_and_tags_are_stored(
    bob: Person, news: List, city: ContactField, acme: Tenant
) -> None:
    offers = List.unscoped.create(tenant=acme, name="Offers")
    Tag.unscoped.create(tenant=acme, name="VIP")
    rows = {
        "rows": ["city", "first_name", "city", "no_such"],
        "label-city": " Where? ",
        "label-first_name": "First name",
        "required-city": "on",
    }
    more = {
        "visitor_chooses": "on",
        "ticked_lists": [news.pk],
        "tags": "vip, From the site",
        "allowed_origins": "https://WWW.Acme.example/shop?x=1\nhttp://localhost:3000",
        "success_url": "https://acme.example/thanks",
        "button": "Join",
    }
    response = bob.client.post(url("form_new"), filled(news, offers, **rows, **more))
    assert response.status_code == 302
    made = SignupForm.unscoped.get()
    assert made.fields == [
        {"key": "city", "label": "Where?", "required": True},
        {"key": "first_name", "label": "First name", "required": False},
    ]
    assert list(made.ticked_lists.all()) == [news]
    assert sorted(tag.name for tag in made.tags.all()) == ["From the site", "VIP"]
    assert made.allowed_origins == ["https://www.acme.example", "http://localhost:3000"]
    assert (made.visitor_chooses, made.button) == (True, "Join")
    page = bob.client.get(url("form", made.public_id)).content.decode()
    assert "Where? (required)" in page
    assert "/embed.js" in page
    assert "name=&quot;fields.city&quot;" in page


@pytest.mark.parametrize(
    "case",
    [
        ("success_url", "http://acme.example/", "begins with https"),
        ("success_url", "javascript:alert(1)", "begins with https"),
        ("success_url", "data:text/html,x", "begins with https"),
        ("success_url", "https://ann:secret@acme.example/", "before the @"),
        ("success_url", "https://\ue000.example/", "begins with https"),
        ("allowed_origins", "http://acme.example", "must begin with https"),
        ("allowed_origins", "https://acme.example;script-src", "is no site"),
        ("allowed_origins", "null", "is no site"),
        ("allowed_origins", "*", "is no site"),
        ("tags", "x" * 61, "at most 60"),
        ("label-first_name", " ", "what the visitor reads"),
        ("label-first_name", "x" * 121, "120 characters"),
        ("ticked_lists", "", "Tick only lists"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    bob: Person, news: List, acme: Tenant, case: tuple[str, str, str]
) -> None:
    field, value, words = case
    over = {field: value}
    if field == "ticked_lists":
        offers = List.unscoped.create(tenant=acme, name="Offers")
        over = {"ticked_lists": str(offers.pk), "visitor_chooses": "on"}
    response = bob.client.post(url("form_new"), filled(news, **over))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not SignupForm.unscoped.exists()


def keys_after(response: Any) -> list[str]:
    return [row.key for row in response.context["rows"].rows]


def test_buttons_move_rows_and_store_nothing(
    bob: Person, form: SignupForm, news: List, city: ContactField
) -> None:
    where = url("form_edit", form.public_id)
    values = filled(news, title="Typed", name="")
    added = bob.client.post(where, values | {"act": "add", "new_field": "city"})
    assert added.status_code == 200
    assert keys_after(added) == ["first_name", "city"]
    assert "Town is added." in added.content.decode()
    assert 'value="Typed"' in added.content.decode()
    assert "needs another look" not in added.content.decode()
    both = values | {"rows": ["first_name", "city"], "label-city": "Where?"}
    for act, after in {
        "up:city": ["city", "first_name"],
        "down:first_name": ["city", "first_name"],
        "up:first_name": ["first_name", "city"],
        "down:city": ["first_name", "city"],
        "remove:first_name": ["city"],
        "remove:nothing": ["first_name", "city"],
        "nonsense:city": ["first_name", "city"],
    }.items():
        assert keys_after(bob.client.post(where, both | {"act": act})) == after
    form.refresh_from_db()
    assert (form.fields, form.title) == ([], "Our news")
    assert not AuditEvent.unscoped.exists()


def test_the_preview_is_the_page_as_typed(
    bob: Person, form: SignupForm, news: List, city: ContactField
) -> None:
    typed = filled(
        news,
        title="<b>Typed</b>",
        button="Join",
        visitor_chooses="on",
        rows=["city"],
        **{"label-city": "Where do you live?"},
    )
    response = bob.client.post(url("form_edit", form.public_id), typed | {"act": "preview"})
    shown = response.context["preview_page"]
    assert "&lt;b&gt;Typed&lt;/b&gt;" in shown
    for words in ("Where do you live?", "Join", "What would you like to get?", "ALTCHA"):
        assert words in shown
    assert "<script" not in shown
    assert 'sandbox srcdoc="' in response.content.decode()


def test_a_field_of_another_workspace_is_none(bob: Person, news: List, evil: Tenant) -> None:
    ContactField.unscoped.create(tenant=evil, key="secret", label="Theirs")
    bob.client.post(url("form_new"), filled(news, rows=["secret"], **{"label-secret": "x"}))
    assert SignupForm.unscoped.get().fields == []
