"""The hosted sign-up page: what is asked, what is answered, what leaves."""

import json
from collections.abc import Callable
from typing import Any

import altcha
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lists import captcha
from lists.captcha import Altcha
from lists.errors import CaptchaUnavailable
from lists.models import (
    Captcha,
    Confirmation,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    Suppression,
)
from lists.services import optin
from preferences import stamps
from preferences.services import mailing
from sending.content import Content, check_content
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
    post(name="Buy at https://spam.example")
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


@pytest.mark.parametrize("kind", [Captcha.RECAPTCHA_V2, Captcha.RECAPTCHA_V3])
def test_recaptcha_brings_its_own_keys_and_sources(
    visitor: Client, form: SignupForm, kind: Captcha
) -> None:
    form.captcha = kind
    form.captcha_site_key = 'key"><script>'
    form.captcha_secret = {"secret": "do-not-show"}
    form.save()
    response = visitor.get(form_url(form))
    assert "key&quot;&gt;&lt;script&gt;" in text(response)
    assert "do-not-show" not in text(response)
    policy = response["Content-Security-Policy"]
    assert "script-src 'self' https://www.google.com/recaptcha/" in policy
    assert "https://www.google.com" not in visitor.get("/nothing/")["Content-Security-Policy"]


def test_recaptcha_down_is_refused(
    post: Post, form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object) -> None:
        raise TimeoutError

    form.captcha = Captcha.RECAPTCHA_V2
    form.captcha_secret = {"secret": "theirs"}
    form.save()
    monkeypatch.setattr(captcha.recaptcha, "submit", hang)
    assert post(**{"g-recaptcha-response": "token"}).status_code == 503
    assert mails() == []


# --- the mail ---------------------------------------------------------------------------------


def test_the_mail_can_be_sent_as_it_stands() -> None:
    content = Content(subject=mailing.SUBJECT, html=mailing.HTML, text=mailing.TEXT)
    found = check_content(content, fields=(), postal_address="", unsubscribable=False)
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
    html = render(parse(mailing.HTML, html=True, part="html"), values)
    assert "<img" not in html
    assert "A &amp; &lt;b&gt;" in html
    plain = render(parse(mailing.TEXT, html=False, part="text"), values)
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
    response = submit(stamp=described["stamp"], name="Ada")
    assert response.status_code == 202
    assert response.json()["status"] == "check_mail"
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
