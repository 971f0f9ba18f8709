"""Captchas of others are asked as their guides say, believed once, and only for their form."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lists import captcha
from lists.errors import CaptchaRefused, CaptchaUnavailable
from lists.models import Captcha, SignupForm
from lists.siteverify import hosts_of
from tenants.models import Tenant
from tests.lists.siteverify import CLOUDFLARE, GOOGLE, HCAPTCHA, Services, running

SERVICES = {
    Captcha.RECAPTCHA_V2: GOOGLE,
    Captcha.RECAPTCHA_V3: GOOGLE,
    Captcha.TURNSTILE: CLOUDFLARE,
    Captcha.HCAPTCHA: HCAPTCHA,
}
MakeForm = Callable[..., SignupForm]
every_service = pytest.mark.parametrize("kind", SERVICES)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    with running() as stand_in:
        monkeypatch.setattr("lists.siteverify.urlopen", stand_in.open)
        monkeypatch.setattr("django_recaptcha.client.build_opener", lambda *_: stand_in)
        yield stand_in


@pytest.fixture
def make_form(acme: Tenant) -> MakeForm:
    def make(kind: Captcha, **fields: Any) -> SignupForm:
        values = {"captcha_site_key": "site", "captcha_secret": {"secret": "theirs"}} | fields
        return SignupForm.unscoped.create(
            tenant=acme, name="Form", title="Form", consent_wording="Yes", captcha=kind, **values
        )

    return make


def solve(services: Services, form: SignupForm, **answer: Any) -> str:
    """A token as the service's widget makes it on the form's own page."""
    said: dict[str, Any] = {"score": 0.9} if form.captcha == Captcha.RECAPTCHA_V3 else {}
    if action := captcha.verifier(form).action:
        said["action"] = action
    return services.solve(SERVICES[Captcha(form.captcha)], **(said | answer))


def verify(form: SignupForm, token: str) -> None:
    captcha.verifier(form).verify(token, remote_ip="192.0.2.7")


@every_service
def test_a_solved_one_is_believed_once(
    services: Services, make_form: MakeForm, kind: Captcha
) -> None:
    form = make_form(kind)
    token = solve(services, form)
    verify(form, token)
    asked = {"secret": "theirs", "response": token, "remoteip": "192.0.2.7"}
    named = {"sitekey": "site"} if kind == Captcha.HCAPTCHA else {}
    assert services.asked == [asked | named]
    assert services.timeouts == [3]
    with pytest.raises(CaptchaRefused):
        verify(form, token)


@every_service
@pytest.mark.parametrize(
    "failure", [500, 503, 404, b"<html>", b"[]", b"{}", b"null", b"", "hang"], ids=str
)
def test_a_service_that_is_down_lets_nobody_through(
    services: Services, make_form: MakeForm, kind: Captcha, failure: Any
) -> None:
    form = make_form(kind)
    services.failure = failure
    with pytest.raises(CaptchaUnavailable, match="try again in a few minutes"):
        verify(form, solve(services, form))


@every_service
def test_a_wrong_secret_is_ours_to_mend(
    services: Services, make_form: MakeForm, kind: Captcha
) -> None:
    form = make_form(kind, captcha_secret={"secret": "of another"})
    with pytest.raises(CaptchaUnavailable):
        verify(form, solve(services, form))


@every_service
@pytest.mark.parametrize("secret", [{}, {"secret": ""}])
def test_without_a_secret_nobody_is_asked(
    services: Services, make_form: MakeForm, kind: Captcha, secret: dict[str, str]
) -> None:
    form = make_form(kind, captcha_secret=secret)
    with pytest.raises(CaptchaUnavailable):
        verify(form, solve(services, form))
    assert services.asked == []


@every_service
@pytest.mark.parametrize("token", ["", "x" * 9000])
def test_without_a_token_nobody_is_asked(
    services: Services, make_form: MakeForm, kind: Captcha, token: str
) -> None:
    with pytest.raises(CaptchaRefused):
        verify(make_form(kind), token)
    assert services.asked == []


@every_service
def test_a_token_that_is_none_or_too_old_is_refused(
    services: Services, make_form: MakeForm, kind: Captcha
) -> None:
    form = make_form(kind)
    with pytest.raises(CaptchaRefused):
        verify(form, "made up")
    token = solve(services, form)
    services.tokens[token].expires = 0
    with pytest.raises(CaptchaRefused):
        verify(form, token)


@every_service
def test_success_is_true_and_nothing_like_it(
    services: Services, make_form: MakeForm, kind: Captcha
) -> None:
    form = make_form(kind)
    services.failure = b'{"success": "true", "hostname": "testserver", "score": 1}'
    with pytest.raises(CaptchaRefused):
        verify(form, solve(services, form))


@every_service
@pytest.mark.parametrize("hostname", ["evil.example", "", "testserver.evil.example"])
def test_a_token_of_another_site_is_refused(
    services: Services, make_form: MakeForm, kind: Captcha, hostname: str
) -> None:
    form = make_form(kind)
    with pytest.raises(CaptchaRefused, match="another form"):
        verify(form, solve(services, form, hostname=hostname))


@every_service
def test_a_site_that_may_show_the_form_may_solve_it(
    services: Services, make_form: MakeForm, kind: Captcha
) -> None:
    form = make_form(kind, allowed_origins=["https://www.acme.example"])
    assert hosts_of(form) == {"testserver", "www.acme.example"}
    verify(form, solve(services, form, hostname="www.acme.example"))


@pytest.mark.parametrize("kind", [Captcha.RECAPTCHA_V3, Captcha.TURNSTILE])
@pytest.mark.parametrize("action", ["", "login"])
def test_a_token_of_another_form_is_refused(
    services: Services, make_form: MakeForm, kind: Captcha, action: str
) -> None:
    form = make_form(kind)
    with pytest.raises(CaptchaRefused, match="another form"):
        verify(form, solve(services, form, action=action))


@pytest.mark.parametrize("score", [0.1, "1", None])
def test_a_low_or_missing_score_is_refused(
    services: Services, make_form: MakeForm, score: object
) -> None:
    form = make_form(Captcha.RECAPTCHA_V3)
    with pytest.raises(CaptchaRefused, match="robot"):
        verify(form, solve(services, form, score=score))


def test_hcaptcha_names_the_site_key_and_may_keep_the_host_to_itself(
    services: Services, make_form: MakeForm
) -> None:
    form = make_form(Captcha.HCAPTCHA)
    verify(form, solve(services, form, hostname="not-provided"))
    foreign = solve(services, form)
    services.tokens[foreign].site_key = "their other site"
    with pytest.raises(CaptchaRefused):
        verify(form, foreign)


def test_another_service_is_not_sent_our_token(services: Services, make_form: MakeForm) -> None:
    form = make_form(Captcha.TURNSTILE)
    with pytest.raises(CaptchaRefused):
        verify(form, services.solve(HCAPTCHA))
