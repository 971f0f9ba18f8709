"""The hosted sign-up page: what is asked, what is answered, what leaves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import altcha
import pytest
from django.db import DatabaseError, connection
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import ConnectionError as ValkeyDown

from lists import form_counts, siteverify
from lists.captcha import Altcha
from lists.errors import CaptchaUnavailable
from lists.forms.signup_forms import SignupFormForm
from lists.models import (
    Captcha,
    Confirmation,
    Contact,
    ContactField,
    FormDay,
    List,
    SignupForm,
    Source,
    Subscription,
    Suppression,
)
from lists.services import optin
from preferences import stamps
from preferences.services import mailing
from preferences.services.opening import opened
from sending.content import check_content
from sending.language import parse, render
from sending.ledger import claim
from sending.models import Batch, Lane, Message, SenderIdentity, SesAccount
from sending.skeleton import compile_batch
from tenants.models import Accent, Tenant
from tests.preferences.conftest import assert_public, confirm_path, form_url, mails

Post = Callable[..., Any]


def text(response: Any) -> str:
    return str(response.content.decode())


def test_the_page_works_without_script_and_cookie(visitor: Client, form: SignupForm) -> None:
    response = visitor.get(form_url(form))
    assert response.status_code == 200
    assert_public(response)
    assert "<script" not in text(response)
    assert "News from Acme" in text(response)
    assert "I want a mail a month." in text(response)
    assert Contact.unscoped.count() == 0


def test_a_sign_up_sends_one_mail(post: Post, form: SignupForm) -> None:
    response = post()
    assert response.status_code == 200
    assert_public(response)
    assert "Check your mail" in text(response)
    [(to, data)] = mails()
    assert to == "ada@person.example"
    assert data["lists"] == ["News"]
    assert data["wording"] == form.consent_wording
    message = Message.unscoped.select_related("batch").get()
    assert message.batch.lane == Lane.SYSTEM
    assert message.batch.from_header == "Acme <news@acme.example>"


def test_the_mail_holds_nothing_that_the_visitor_typed(post: Post) -> None:
    post(first_name="Buy at https://spam.example")
    assert "spam" not in json.dumps(mails())


def test_mails_share_one_batch(post: Post) -> None:
    for name in ("ada", "bea", "eve"):
        post(f"{name}@person.example")
    assert Message.unscoped.count() == 3
    assert Batch.unscoped.count() == 1


def test_twenty_posts_send_one_mail(post: Post) -> None:
    answers = {text(post()) for _ in range(20)}
    assert len(answers) == 1
    assert len(mails()) == 1


def answer_to(post: Post, email: str) -> str:
    response = post(email)
    assert response.status_code == 200
    return text(response).replace(email, "ADDRESS")


def test_the_answer_never_tells_who_is_known(
    post: Post, acme: Tenant, add_contact: Callable[..., Contact]
) -> None:
    add_contact("member@person.example")
    add_contact("gone@person.example", status="unsubscribed")
    Suppression.unscoped.create(
        tenant=acme, email_norm="bounced@person.example", reason="hard_bounce", source=Source.SES
    )
    names = ("new", "member", "gone", "bounced")
    assert len({answer_to(post, f"{name}@person.example") for name in names}) == 1
    assert [to for to, _ in mails()] == ["new@person.example", "gone@person.example"]


def test_a_form_that_is_off_is_not_there(post: Post, form: SignupForm, visitor: Client) -> None:
    SignupForm.unscoped.update(is_active=False)
    for response in (post(), visitor.get(form_url(form))):
        assert response.status_code == 404
        assert_public(response)
    unknown = visitor.get(reverse("public:form", args=["00000000-0000-4000-8000-000000000000"]))
    assert text(unknown) == text(visitor.get(form_url(form)))
    assert mails() == []


def test_a_form_without_a_sender_says_later(post: Post, visitor: Client, form: SignupForm) -> None:
    SenderIdentity.unscoped.update(verified=False)
    response = post()
    assert response.status_code == 503
    assert "takes no sign-ups at the moment" in text(response)
    assert Contact.unscoped.count() == 0


def test_a_form_whose_lists_are_gone_says_later(post: Post, news: List) -> None:
    news.delete()
    assert post().status_code == 503
    assert Contact.unscoped.count() == 0


def test_the_sender_must_be_the_workspaces_own(form: SignupForm, evil: Tenant) -> None:
    account = SesAccount.unscoped.get()
    SenderIdentity.unscoped.all().delete()
    SesAccount.unscoped.filter(pk=account.pk).update(tenant=evil)
    SenderIdentity.unscoped.create(
        tenant=evil, ses_account=account, name="acme.example", verified=True
    )
    assert mailing.sender_of(form) is None


def test_the_trap_catches_and_lets_go(post: Post) -> None:
    response = post(website="https://spam.example")
    assert response.status_code == 422
    assert "press the button once more" in text(response)
    assert "spam.example" not in text(response)
    assert mails() == []


def test_too_quick_is_asked_again_and_then_goes_through(
    visitor: Client, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"email": "ada@person.example", "stamp": stamps.make(form)}
    response = visitor.post(form_url(form), values)
    assert response.status_code == 422
    assert "very quick" in text(response)
    assert values["stamp"] in text(response)
    assert "ada@person.example" in text(response)
    monkeypatch.setattr(stamps, "SHORTEST", 0)
    assert visitor.post(form_url(form), values).status_code == 200
    assert len(mails()) == 1


@pytest.mark.parametrize("stamp", ["", "forged", "a:b:c"])
def test_without_a_stamp_there_is_one_more_step(post: Post, stamp: str) -> None:
    response = post(stamp=stamp)
    assert response.status_code == 422
    assert "One more step" in text(response)
    assert 'value="ada@person.example"' in text(response)
    assert mails() == []


def test_a_stamp_of_another_form_does_not_count(post: Post, form: SignupForm) -> None:
    other = SignupForm.unscoped.create(
        tenant=form.tenant, name="x", title="x", consent_wording=form.consent_wording
    )
    assert post(stamp=stamps.make(other)).status_code == 422
    assert mails() == []


def test_a_page_open_for_days_is_renewed(
    post: Post, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = stamps.make(form)
    real = stamps.time.time
    monkeypatch.setattr(stamps.time, "time", lambda: real() + stamps.LONGEST + 1)
    response = post(stamp=old)
    assert response.status_code == 422
    assert old not in text(response)


def test_a_changed_wording_must_be_read(post: Post, form: SignupForm) -> None:
    old = stamps.make(form)
    SignupForm.unscoped.update(consent_wording="I want a mail a day.")
    response = post(stamp=old)
    assert response.status_code == 422
    assert "has changed" in text(response)
    assert "I want a mail a day." in text(response)
    assert mails() == []


@pytest.mark.parametrize("address", ["", "x", "a@b", "jöhn@example.com", "a@b.example\nBcc: c@d.e"])
def test_a_bad_address_is_named(post: Post, address: str) -> None:
    response = post(address)
    assert response.status_code == 422
    assert "id_email_error" in text(response)
    assert Contact.unscoped.count() == 0


def test_too_many_from_one_place_is_told_so(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optin, "SIGNUPS_PER_NETWORK", 2)
    assert [post(f"{n}@person.example").status_code for n in range(3)] == [200, 200, 429]


def test_a_forwarded_address_is_not_believed(
    visitor: Client, form: SignupForm, ripe: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optin, "SIGNUPS_PER_NETWORK", 1)
    codes = [
        visitor.post(
            form_url(form),
            {"email": f"{n}@person.example", "stamp": stamps.make(form)},
            headers={"X-Forwarded-For": f"198.51.100.{n}"},
        ).status_code
        for n in range(2)
    ]
    assert codes == [200, 429]


def test_idn_domains_are_mailed_in_ascii(post: Post) -> None:
    post("ada@bücher.example")
    assert mails()[0][0] == "ada@xn--bcher-kva.example"


# --- captcha ----------------------------------------------------------------------------------


def solved(visitor: Client, form: SignupForm) -> str:
    challenge = visitor.get(reverse("public:challenge", args=[form.public_id]))
    assert "Set-Cookie" not in challenge
    asked = altcha.Challenge.from_dict(challenge.json())
    solution = altcha.solve_challenge(asked)
    assert solution is not None
    return altcha.Payload(asked, solution).to_base64()


@pytest.fixture
def guarded(form: SignupForm) -> SignupForm:
    form.captcha = Captcha.ALTCHA
    form.save()
    return form


def test_altcha_is_asked_for(visitor: Client, guarded: SignupForm, post: Post) -> None:
    page = visitor.get(form_url(guarded))
    assert f'challenge="/f/{guarded.public_id}/challenge/"' in text(page)
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert post().status_code == 422
    assert mails() == []


def test_altcha_solved_counts_once(visitor: Client, guarded: SignupForm, post: Post) -> None:
    answer = solved(visitor, guarded)
    assert post(altcha=answer).status_code == 200
    assert post("bea@person.example", altcha=answer).status_code == 422
    assert [to for to, _ in mails()] == ["ada@person.example"]


def test_a_typing_error_does_not_use_up_the_captcha(
    visitor: Client, guarded: SignupForm, post: Post
) -> None:
    answer = solved(visitor, guarded)
    assert post("typo", altcha=answer).status_code == 422
    assert post(altcha=answer).status_code == 200


def test_a_foreign_forms_captcha_is_refused(
    visitor: Client, guarded: SignupForm, post: Post, evil: Tenant
) -> None:
    theirs = SignupForm.unscoped.create(
        tenant=evil, name="x", title="x", consent_wording="x", captcha=Captcha.ALTCHA
    )
    assert post(altcha=solved(visitor, theirs)).status_code == 422
    assert mails() == []


def test_there_is_no_challenge_of_other_forms(visitor: Client, form: SignupForm) -> None:
    url = reverse("public:challenge", args=[form.public_id])
    assert visitor.get(url).status_code == 404
    SignupForm.unscoped.update(captcha=Captcha.ALTCHA, is_active=False)
    assert visitor.get(url).status_code == 404


def test_a_verifier_that_is_down_is_told_kindly(
    guarded: SignupForm, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise CaptchaUnavailable

    monkeypatch.setattr(Altcha, "verify", down)
    response = post(altcha="x")
    assert response.status_code == 503
    assert "Please try again in a few minutes" in text(response)
    assert "ada@person.example" in text(response)
    assert mails() == []


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        (Captcha.RECAPTCHA_V2, "https://www.google.com/recaptcha/"),
        (Captcha.RECAPTCHA_V3, "https://www.google.com/recaptcha/"),
        (Captcha.TURNSTILE, "https://challenges.cloudflare.com"),
        (Captcha.HCAPTCHA, "https://hcaptcha.com https://*.hcaptcha.com"),
    ],
)
def test_a_service_brings_its_own_keys_and_sources(
    visitor: Client, form: SignupForm, kind: Captcha, script: str
) -> None:
    form.captcha = kind
    form.captcha_site_key = 'key"><script>'
    form.captcha_secret = {"secret": "do-not-show"}
    form.save()
    response = visitor.get(form_url(form))
    assert "key&quot;&gt;&lt;script&gt;" in text(response)
    assert 'key"><script>' not in text(response)
    assert "do-not-show" not in text(response)
    assert f"script-src 'self' {script}" in response["Content-Security-Policy"]
    assert script not in visitor.get("/nothing/")["Content-Security-Policy"]


def test_recaptcha_down_is_refused(
    post: Post, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object) -> None:
        raise TimeoutError

    form.captcha = Captcha.RECAPTCHA_V2
    form.captcha_secret = {"secret": "theirs"}
    form.save()
    monkeypatch.setattr(siteverify.recaptcha, "submit", hang)
    assert post(**{"g-recaptcha-response": "token"}).status_code == 503
    assert mails() == []


# --- what is asked ------------------------------------------------------------------------------


@pytest.fixture
def rich(form: SignupForm, acme: Tenant, news: List) -> SignupForm:
    """Asks for every kind of value, and lets the visitor choose between two lists."""
    rows = [{"key": "last_name", "label": "Family name", "required": True}]
    for kind in ("string", "number", "boolean", "date"):
        ContactField.unscoped.create(tenant=acme, key=f"a_{kind}", label=kind, kind=kind)
        rows.append({"key": f"a_{kind}", "label": f"A {kind}", "required": False})
    form.fields = [*rows, {"key": "gone", "label": "Gone", "required": True}]
    form.visitor_chooses = True
    form.save()
    form.lists.add(List.unscoped.create(tenant=acme, name="Offers"))
    form.ticked_lists.set([news])
    return form


def test_every_kind_is_asked_for(visitor: Client, rich: SignupForm, news: List) -> None:
    page = text(visitor.get(form_url(rich)))
    for name in ("last_name", "fields.a_string", "fields.a_number", "fields.a_boolean"):
        assert f'name="{name}"' in page
    assert 'type="date" name="fields.a_date"' in page
    assert "Gone" not in page
    assert page.count("checked") == 1
    assert f'value="{news.public_id}"' in page


ANSWERS = {
    "last_name": " Love  lace ",
    "fields.a_string": "Bonn",
    "fields.a_number": "4.5",
    "fields.a_boolean": "on",
    "fields.a_date": "2001-02-03",
}


def test_answers_land_with_the_click_on_the_chosen_list(
    post: Post, visitor: Client, rich: SignupForm
) -> None:
    offers = List.unscoped.get(name="Offers")
    assert post(lists=[str(offers.public_id)], **ANSWERS).status_code == 200
    assert Contact.unscoped.get().fields == {}
    visitor.post(confirm_path(), {"confirm": "yes"})
    contact = Contact.unscoped.get()
    assert contact.last_name == "Love lace"
    assert contact.fields == {
        "a_string": "Bonn",
        "a_number": 4.5,
        "a_boolean": True,
        "a_date": "2001-02-03",
    }
    assert [one.list for one in Subscription.unscoped.all()] == [offers]


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_name": " "},
        {"last_name": "x" * 121},
        {"last_name": "a\0b"},
        {"fields.a_string": "x" * 1001},
        {"fields.a_string": "a\0b"},
        {"fields.a_number": "many"},
        {"fields.a_number": "1" * 400},
        {"fields.a_date": "yesterday"},
        {"lists": []},
        {"lists": ["1"]},
        {"lists": ["00000000-0000-4000-8000-000000000000"]},
    ],
    ids=str,
)
def test_a_wrong_answer_is_named_and_nothing_is_lost(
    post: Post, rich: SignupForm, news: List, wrong: dict[str, Any]
) -> None:
    response = post(**({"lists": [str(news.public_id)]} | ANSWERS | wrong))
    assert response.status_code == 422
    assert "field-error" in text(response)
    if "fields.a_string" not in wrong:
        assert 'value="Bonn"' in text(response)
    assert mails() == []


def test_anothers_list_is_no_choice(post: Post, rich: SignupForm, evil: Tenant) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    response = post(lists=[str(theirs.public_id)], **ANSWERS)
    assert response.status_code == 422
    assert "Theirs" not in text(response)
    assert Subscription.unscoped.count() == 0


def test_what_is_not_asked_is_not_kept(post: Post, form: SignupForm, acme: Tenant) -> None:
    ContactField.unscoped.create(tenant=acme, key="vip", label="VIP")
    assert post(**{"fields.vip": "yes", "last_name": "x", "lists": "1"}).status_code == 200
    assert Confirmation.unscoped.get().values == {"first_name": "Ada"}


def test_the_page_takes_no_huge_body(post: Post, visitor: Client, form: SignupForm) -> None:
    response = post(first_name="x" * 70_000)
    assert response.status_code == 413
    assert_public(response)
    many = "&".join(f"n{number}=x" for number in range(2_000))
    urlencoded = "application/x-www-form-urlencoded"
    assert visitor.post(form_url(form), many, content_type=urlencoded).status_code == 400
    assert mails() == []


def test_afterwards_a_page_of_their_own_opens(
    post: Post, visitor: Client, form: SignupForm
) -> None:
    SignupForm.unscoped.update(success_url="https://acme.example/thanks?a=1")
    policy = visitor.get(form_url(form))["Content-Security-Policy"]
    assert "form-action 'self' https://acme.example" in policy
    for email in ("ada@person.example", "ada@person.example"):
        response = post(email, next="https://evil.example/", success_url="https://evil.example/")
        assert response.status_code == 302
        assert response["Location"] == "https://acme.example/thanks?a=1"
    assert len(mails()) == 1


def test_a_page_of_an_international_name_leaves_the_policy_whole(
    visitor: Client, form: SignupForm
) -> None:
    settings = model_to_dict(form) | {"success_url": "https://grün.example:8443/danke?ä"}
    del settings["captcha_secret"]
    changed = SignupFormForm({**settings, "allowed_origins": ""}, instance=form, tenant=form.tenant)
    assert changed.is_valid(), changed.errors
    changed.changed().save()
    policy = visitor.get(form_url(form))["Content-Security-Policy"]
    assert "form-action 'self' https://xn--grn-ioa.example:8443" in policy
    assert "frame-ancestors 'none'" in policy


def test_only_named_sites_may_frame_the_page(visitor: Client, form: SignupForm) -> None:
    closed = visitor.get(form_url(form))
    assert closed["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in closed["Content-Security-Policy"]
    SignupForm.unscoped.update(allowed_origins=["https://www.acme.example"])
    opened = visitor.get(form_url(form))
    assert "X-Frame-Options" not in opened
    assert "frame-ancestors https://www.acme.example" in opened["Content-Security-Policy"]


# --- counting -----------------------------------------------------------------------------------


def counted() -> dict[str, int]:
    form_counts.fold()
    days = list(FormDay.unscoped.values(*form_counts.Count))
    return {name: day[name] for day in days for name in day if day[name]}


def test_what_happens_is_counted(
    post: Post, visitor: Client, guarded: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.get(form_url(guarded))
    visitor.head(form_url(guarded))
    visitor.get(f"/api/v1/forms/{guarded.public_id}")
    post("bad address")
    post(website="x")
    post(altcha="x")
    post(stamp="")
    post(altcha=solved(visitor, guarded))
    visitor.post(confirm_path(), {"confirm": "yes"})
    visitor.post(confirm_path(), {"confirm": "yes"})
    monkeypatch.setattr(stamps, "SHORTEST", 60)
    post()
    monkeypatch.setattr(stamps, "SHORTEST", 0)
    monkeypatch.setattr(optin, "SIGNUPS_PER_NETWORK", 1)
    post()
    assert FormDay.unscoped.count() == 0
    expected = {
        "views": 2,
        "submits": 1,
        "refused_address": 1,
        "refused_trap": 1,
        "refused_captcha": 1,
        "refused_quick": 1,
        "refused_rate": 1,
    }
    assert counted() == expected
    post()
    assert counted() == expected | {"refused_rate": 2}


@pytest.mark.django_db(transaction=True)
def test_a_click_is_counted_once(post: Post, visitor: Client) -> None:
    post()
    for _ in range(2):
        visitor.post(confirm_path(), {"confirm": "yes"})
    assert counted() == {"submits": 1, "confirmed": 1}


def test_counts_that_cannot_be_stored_are_given_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DatabaseError

    post()
    with monkeypatch.context() as patch:
        patch.setattr(form_counts, "execute_values", broken)
        with pytest.raises(DatabaseError):
            form_counts.fold()
    assert counted() == {"submits": 1}


def test_counts_of_a_deleted_form_are_dropped(post: Post, form: SignupForm) -> None:
    post()
    form.delete()
    assert counted() == {}


def test_a_day_is_one_of_the_workspaces_calendar(
    visitor: Client, form: SignupForm, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: late)
    Tenant.objects.update(timezone="Pacific/Auckland")
    visitor.get(form_url(form))
    form_counts.fold()
    assert FormDay.unscoped.get().day.isoformat() == "2026-03-02"


def test_without_valkey_the_page_is_still_shown(
    visitor: Client, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def hincrby(self, *_: object) -> None:
            raise ValkeyDown

    monkeypatch.setattr(form_counts, "valkey", Down)
    assert visitor.get(form_url(form)).status_code == 200


# --- the mail ---------------------------------------------------------------------------------


def test_the_mail_can_be_sent_as_it_stands() -> None:
    found = check_content(mailing.OURS, fields=(), postal_address="", unsubscribable=False)
    assert found == []


@pytest.mark.django_db(transaction=True)
def test_the_mail_leaves_for_somebody_who_had_left(
    post: Post, acme: Tenant, add_contact: Callable[..., Contact]
) -> None:
    """As SES gets it: to them, from the form's sender, with the link and no unsubscribe header."""
    contact = add_contact("ada@person.example", status="unsubscribed")
    Contact.unscoped.filter(pk=contact.pk).update(unsubscribed_at=timezone.now())
    post()
    message = Message.unscoped.get()
    claimed = claim([message.pk]).claimed[message.pk]
    batch = Batch.unscoped.select_related("ses_account").get()
    skeleton = compile_batch(batch, tenant=acme, site_url="http://testserver")
    body = json.loads(skeleton.body(claimed.recipient))
    simple = body["Content"]["Simple"]
    assert body["Destination"] == {"ToAddresses": ["ada@person.example"]}
    assert body["FromEmailAddress"] == "Acme <news@acme.example>"
    assert simple["Subject"]["Data"] == "Please confirm your subscription to Acme"
    for part in ("Html", "Text"):
        assert f"http://testserver{confirm_path()}" in simple["Body"][part]["Data"]
    assert simple["Headers"] == [{"Name": "Auto-Submitted", "Value": "auto-generated"}]


def test_every_accent_has_a_colour_for_mail() -> None:
    assert set(mailing.COLOURS) == set(Accent)


def test_names_are_escaped_in_the_mail(post: Post, form: SignupForm, news: List) -> None:
    List.unscoped.update(name="<img src=x onerror=alert(1)>")
    post()
    values = mails()[0][1] | {"workspace": {"name": "A & <b>", "address": "1 Street"}}
    html = render(parse(mailing.OURS.html, html=True, part="html"), values)
    assert "<img" not in html
    assert "A &amp; &lt;b&gt;" in html
    plain = render(parse(mailing.OURS.text, html=False, part="text"), values)
    assert "- <img src=x onerror=alert(1)>" in plain
    assert "http://testserver/c/" in plain


# --- the API ----------------------------------------------------------------------------------


@pytest.fixture
def submit(visitor: Client, form: SignupForm, ripe: None) -> Callable[..., Any]:
    def send(**fields: object) -> Any:
        values = {"email": "ada@person.example", "stamp": stamps.make(form), **fields}
        return visitor.post(
            f"/api/v1/forms/{form.public_id}/submissions", values, content_type="application/json"
        )

    return send


def test_a_program_gets_the_form_and_submits_it(
    visitor: Client, form: SignupForm, submit: Post
) -> None:
    described = visitor.get(f"/api/v1/forms/{form.public_id}").json()
    assert described["consent_wording"] == form.consent_wording
    assert described["captcha"]["provider"] == "none"
    response = submit(stamp=described["stamp"], first_name="Ada")
    assert response.status_code == 202
    assert response.json()["status"] == "check_mail"
    assert response.json()["redirect_url"] == ""
    assert "Set-Cookie" not in response
    assert len(mails()) == 1


def test_a_program_needs_the_captcha_too(
    visitor: Client, guarded: SignupForm, submit: Post
) -> None:
    refused = submit()
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "captcha_refused"
    answer = solved(visitor, guarded)
    assert submit(captcha=answer).status_code == 202
    assert submit(email="bea@person.example", captcha=answer).status_code == 422
    assert len(mails()) == 1


def test_a_program_is_held_to_the_other_checks(
    submit: Post, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert submit(website="x").json()["error"]["code"] == "press_again"
    assert submit(stamp="forged").status_code == 422
    assert submit(email="x").status_code == 422
    assert submit(admin=True).json()["error"]["code"] == "unknown_field"
    assert mails() == []
    monkeypatch.setattr(optin, "SIGNUPS_PER_NETWORK", 1)
    codes = [submit(email=f"{n}@person.example").status_code for n in range(2)]
    assert codes[-1] == 429
    SignupForm.unscoped.update(is_active=False)
    assert submit().status_code == 404


def test_twenty_submissions_send_one_mail(submit: Post) -> None:
    assert len({submit().content for _ in range(20)}) == 1
    assert len(mails()) == 1


def test_a_verifier_that_is_down_refuses_programs(
    guarded: SignupForm, submit: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise CaptchaUnavailable

    monkeypatch.setattr(Altcha, "verify", down)
    response = submit(captcha="x")
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "captcha_unavailable"
    assert mails() == []


def test_a_program_answers_every_kind(
    visitor: Client, rich: SignupForm, submit: Post, news: List
) -> None:
    described = visitor.get(f"/api/v1/forms/{rich.public_id}").json()
    assert [one["name"] for one in described["questions"]] == [
        "last_name",
        "fields.a_string",
        "fields.a_number",
        "fields.a_boolean",
        "fields.a_date",
    ]
    assert [(one["name"], one["ticked"]) for one in described["lists"]] == [
        ("News", True),
        ("Offers", False),
    ]
    own = {"a_string": "Bonn", "a_number": 1e20 / 1e17, "a_boolean": False, "a_date": None}
    chosen = [described["lists"][0]["id"]]
    assert submit(last_name="L", fields=own, lists=chosen).status_code == 202
    confirmation = Confirmation.unscoped.get()
    assert confirmation.values == {
        "last_name": "L",
        "a_string": "Bonn",
        "a_number": 1000,
        "a_boolean": False,
    }
    assert list(confirmation.lists.all()) == [news]


@pytest.mark.parametrize(
    "case",
    [
        ({"first_name": "x"}, "first_name", "unknown_field"),
        ({"fields": {"gone": "x"}}, "fields.gone", "unknown_field"),
        ({"fields": {"last_name": "x"}}, "fields.last_name", "unknown_field"),
        ({"fields": {f"n{n}": "x" for n in range(3_000)}}, "fields.n0", "unknown_field"),
        ({f"n{n}": "x" for n in range(3_000)}, "n0", "unknown_field"),
        ({"fields": {"a_string": 5}}, "fields.a_string", "invalid_field"),
        ({"fields": {"a_string": ["x"]}}, "fields.a_string", "invalid_field"),
        ({"fields": {"a_string": "x" * 1001}}, "fields.a_string", "invalid_field"),
        ({"fields": {"a_number": True}}, "fields.a_number", "invalid_field"),
        ({"fields": {"a_number": "many"}}, "fields.a_number", "invalid_field"),
        ({"fields": {"a_number": 1e300}}, "fields.a_number", "invalid_field"),
        ({"fields": {"a_boolean": 1}}, "fields.a_boolean", "invalid_field"),
        ({"fields": {"a_date": {"$gt": ""}}}, "fields.a_date", "invalid_field"),
        ({"fields": "x"}, "fields", "not_a_dict"),
        ({"last_name": ""}, "last_name", "invalid_field"),
        ({"last_name": ["x"]}, "last_name", "invalid"),
        ({"lists": None}, "lists", "null"),
        ({"lists": []}, "lists", "empty"),
        ({"lists": "all"}, "lists", "not_a_list"),
        ({"lists": ["x"]}, "lists.0", "invalid"),
        ({"lists": ["00000000-0000-4000-8000-000000000000"]}, "lists", "invalid"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_program_is_told_what_is_wrong(
    submit: Post, rich: SignupForm, news: List, case: tuple[dict[str, Any], str, str]
) -> None:
    wrong, param, code = case
    response = submit(**({"last_name": "L", "lists": [str(news.public_id)]} | wrong))
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert mails() == []


def test_a_program_chooses_no_lists_where_there_is_no_choice(submit: Post, news: List) -> None:
    assert submit(lists=[str(news.public_id)]).json()["error"]["code"] == "unknown_field"
    assert submit().status_code == 202


def test_another_tenants_list_is_not_offered(submit: Post, rich: SignupForm, evil: Tenant) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    response = submit(last_name="L", lists=[str(theirs.public_id)])
    assert response.json()["error"]["param"] == "lists"
    assert Subscription.unscoped.count() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422),
        ("{", 400),
        ("[]", 422),
        ("null", 422),
        ('"x"', 422),
        ('{"email": "a\\u0000b@x.example"}', 400),
        ('{"email": NaN}', 400),
        ("[" * 2_000, 400),
        ('{"email": "' + "x" * 70_000 + '"}', 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_rubbish_is_no_submission(
    visitor: Client, form: SignupForm, body: str, status: int
) -> None:
    url = f"/api/v1/forms/{form.public_id}/submissions"
    response = visitor.post(url, body, content_type="application/json")
    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_a_form_post_is_no_json(visitor: Client, form: SignupForm) -> None:
    url = f"/api/v1/forms/{form.public_id}/submissions"
    assert visitor.post(url, {"email": "ada@person.example"}).status_code == 415


# --- other sites --------------------------------------------------------------------------------

SITE = "https://www.acme.example"


@pytest.fixture
def embedded(form: SignupForm) -> SignupForm:
    form.allowed_origins = [SITE]
    form.save()
    return form


def test_a_named_site_may_read_and_post(
    visitor: Client, embedded: SignupForm, guarded: SignupForm
) -> None:
    address = f"/api/v1/forms/{embedded.public_id}"
    asked = visitor.options(
        f"{address}/submissions",
        headers={"Origin": SITE, "Access-Control-Request-Method": "POST"},
    )
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Methods"] == "GET, POST"
    assert asked["Access-Control-Allow-Headers"] == "Content-Type"
    challenge = reverse("public:challenge", args=[guarded.public_id])
    for response in (
        asked,
        visitor.get(address, headers={"Origin": SITE}),
        visitor.get(challenge, headers={"Origin": SITE}),
        visitor.post(
            f"{address}/submissions", {}, headers={"Origin": SITE}, content_type="application/json"
        ),
    ):
        assert response["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in response["Vary"]
        assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://www.acme.example", f"{SITE}.evil.example"]
)
def test_another_site_may_not(
    visitor: Client, embedded: SignupForm, submit: Post, origin: str
) -> None:
    address = f"/api/v1/forms/{embedded.public_id}"
    values = {"email": "ada@person.example", "stamp": stamps.make(embedded)}
    for response in (
        visitor.options(f"{address}/submissions", headers={"Origin": origin}),
        visitor.get(address, headers={"Origin": origin}),
        visitor.post(
            f"{address}/submissions",
            values,
            headers={"Origin": origin},
            content_type="application/json",
        ),
    ):
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "origin_not_allowed"
        assert "Access-Control-Allow-Origin" not in response
    assert mails() == []


def test_a_closed_form_answers_no_preflight(visitor: Client, embedded: SignupForm) -> None:
    SignupForm.unscoped.update(is_active=False)
    asked = visitor.options(
        f"/api/v1/forms/{embedded.public_id}/submissions", headers={"Origin": SITE}
    )
    assert asked.status_code == 404


def test_the_script_has_an_address_that_stays(visitor: Client, form: SignupForm) -> None:
    response = visitor.get(f"/f/{form.public_id}/embed.js")
    assert response["Location"] == "/static/dist/embed.js"
    assert not response.cookies


# --- confirming -------------------------------------------------------------------------------


def test_looking_at_the_confirm_page_confirms_nothing(post: Post, visitor: Client) -> None:
    post()
    path = confirm_path()
    for method in (visitor.get, visitor.head):
        response = method(path, headers={"User-Agent": "Barracuda Sentinel (EE)"})
        assert response.status_code == 200
        assert_public(response)
    assert Subscription.unscoped.get().status == "unconfirmed"


def test_the_button_confirms(post: Post, visitor: Client) -> None:
    post()
    path = confirm_path()
    for _ in range(2):
        response = visitor.post(path, {"confirm": "yes"})
        assert response.status_code == 200
        assert_public(response)
        assert "Your subscription is confirmed" in text(response)
    assert Subscription.unscoped.get().status == "active"
    assert len(mails()) == 1


def test_an_expired_link_offers_a_new_one(post: Post, visitor: Client) -> None:
    post()
    path = confirm_path()
    Confirmation.unscoped.update(
        expires_at="2020-01-01T00:00:00Z", created_at="2020-01-01T00:00:00Z"
    )
    assert "This link has expired" in text(visitor.get(path))
    assert "This link has expired" in text(visitor.post(path, {"confirm": "yes"}))
    assert Subscription.unscoped.get().status == "unconfirmed"
    assert "Check your mail" in text(visitor.post(path, {"again": "yes"}))
    assert len(mails()) == 2
    visitor.post(confirm_path(), {"confirm": "yes"})
    assert Subscription.unscoped.get().status == "active"


def test_a_confirmation_works_after_the_form_is_gone(
    post: Post, visitor: Client, form: SignupForm
) -> None:
    post()
    form.delete()
    assert "confirmed" in text(visitor.post(confirm_path(), {"confirm": "yes"}))
    assert Subscription.unscoped.get().status == "active"


def test_a_confirmation_of_deleted_lists_says_so(post: Post, visitor: Client, news: List) -> None:
    post()
    news.delete()
    response = visitor.post(confirm_path(), {"confirm": "yes"})
    assert response.status_code == 410
    assert_public(response)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_replaced(form: SignupForm) -> None:
    assert opened(form.public_id)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid]
        )
        assert cursor.fetchone() == (True,)
    other.close()
    assert opened(form.public_id)
