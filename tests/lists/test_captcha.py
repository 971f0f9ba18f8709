"""Captchas fail closed, and an answer counts once and for one form."""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from http.client import BadStatusLine
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs

import altcha
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as ValkeyDown

from lists import captcha
from lists.errors import CaptchaRefused, CaptchaUnavailable
from lists.models import Captcha, SignupForm
from tenants.models import Tenant

MakeForm = Callable[..., SignupForm]


@pytest.fixture
def make_form(acme: Tenant) -> MakeForm:
    def make(kind: Captcha, tenant: Tenant = acme, **fields: Any) -> SignupForm:
        return SignupForm.unscoped.create(
            tenant=tenant, name="Form", title="Form", consent_wording="Yes", captcha=kind, **fields
        )

    return make


def solve(challenge: dict[str, Any]) -> str:
    """What the widget posts for this challenge."""
    asked = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(asked)
    assert solution is not None
    return altcha.Payload(asked, solution).to_base64()


@pytest.fixture
def form(make_form: MakeForm, redis: Redis) -> SignupForm:
    return make_form(Captcha.ALTCHA)


def test_a_solved_challenge_counts_once(form: SignupForm) -> None:
    answer = solve(captcha.Altcha(form).challenge())
    captcha.verifier(form).verify(answer, remote_ip="192.0.2.1")
    with pytest.raises(CaptchaRefused, match="used before"):
        captcha.verifier(form).verify(answer, remote_ip="192.0.2.1")


def test_a_replay_in_other_clothes_is_refused(form: SignupForm) -> None:
    answer = solve(captcha.Altcha(form).challenge())
    captcha.verifier(form).verify(answer, remote_ip="")
    opened = json.loads(base64.b64decode(answer))
    opened["extra"] = "padding"
    opened["solution"]["time"] = 5
    again = base64.b64encode(json.dumps(opened, indent=1).encode()).decode()
    with pytest.raises(CaptchaRefused, match="used before"):
        captcha.verifier(form).verify(again, remote_ip="")


def test_an_answer_for_another_form_is_refused(form: SignupForm, make_form: MakeForm) -> None:
    foreign = solve(captcha.Altcha(make_form(Captcha.ALTCHA)).challenge())
    with pytest.raises(CaptchaRefused):
        captcha.verifier(form).verify(foreign, remote_ip="")


def test_an_expired_answer_is_refused(form: SignupForm, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = solve(captcha.Altcha(form).challenge())
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + captcha.ALTCHA_SECONDS + 1)
    with pytest.raises(CaptchaRefused, match="too old"):
        captcha.verifier(form).verify(answer, remote_ip="")


def test_an_expiry_moved_by_the_visitor_is_refused(form: SignupForm) -> None:
    challenge = captcha.Altcha(form).challenge()
    challenge["parameters"]["expiresAt"] += 3600
    with pytest.raises(CaptchaRefused):
        captcha.verifier(form).verify(solve(challenge), remote_ip="")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "é",
        "e30=",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"challenge": 1, "solution": 2}').decode(),
        base64.b64encode(b'{"challenge": {"parameters": []}, "solution": {}}').decode(),
        base64.b64encode(b"[" * 5000).decode(),
        "A" * 200_000,
    ],
)
def test_rubbish_is_refused(form: SignupForm, answer: str) -> None:
    with pytest.raises(CaptchaRefused):
        captcha.verifier(form).verify(answer, remote_ip="")


def test_without_valkey_nobody_gets_through(
    form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def set(self, *_: object, **__: object) -> None:
            raise ValkeyDown

    answer = solve(captcha.Altcha(form).challenge())
    monkeypatch.setattr(captcha, "valkey", Down)
    with pytest.raises(CaptchaUnavailable):
        captcha.verifier(form).verify(answer, remote_ip="")


class Google:
    """Stands where urllib's opener stands: keeps what was posted, answers or raises."""

    def __init__(self) -> None:
        self.answer: Any = {"success": True}
        self.posted: dict[str, list[str]] = {}
        self.timeout = 0.0

    def open(self, request: Any, timeout: float) -> Any:
        self.posted = parse_qs(request.data.decode())
        self.timeout = timeout
        if isinstance(self.answer, Exception):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return io.BytesIO(body)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    fake = Google()
    monkeypatch.setattr("django_recaptcha.client.build_opener", lambda *_: fake)
    yield fake


@pytest.fixture
def v2(make_form: MakeForm) -> SignupForm:
    return make_form(
        Captcha.RECAPTCHA_V2, captcha_site_key="site", captcha_secret={"secret": "theirs"}
    )


@pytest.fixture
def v3(make_form: MakeForm) -> SignupForm:
    return make_form(
        Captcha.RECAPTCHA_V3, captcha_site_key="site", captcha_secret={"secret": "theirs"}
    )


def test_recaptcha_asks_with_the_forms_own_secret(google: Google, v2: SignupForm) -> None:
    captcha.verifier(v2).verify("token", remote_ip="192.0.2.7")
    assert google.posted == {
        "secret": ["theirs"],
        "response": ["token"],
        "remoteip": ["192.0.2.7"],
    }
    assert 0 < google.timeout <= 5


@pytest.mark.parametrize(
    "failure",
    [
        TimeoutError(),
        URLError("no route"),
        ConnectionResetError(),
        BadStatusLine("x"),
        HTTPError("https://google.example", 503, "down", None, None),  # type: ignore[arg-type]
        b"<html>not json",
        b"[]",
        {"no": "success"},
        {"success": False, "error-codes": ["invalid-input-secret"]},
    ],
)
def test_a_silent_google_lets_nobody_through(
    google: Google, v2: SignupForm, failure: object
) -> None:
    google.answer = failure
    with pytest.raises(CaptchaUnavailable, match="try again in a few minutes"):
        captcha.verifier(v2).verify("token", remote_ip="")


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error-codes": ["timeout-or-duplicate"]},
        {"success": "true"},
    ],
)
def test_what_google_does_not_accept_is_refused(
    google: Google, v2: SignupForm, answer: object
) -> None:
    google.answer = answer
    with pytest.raises(CaptchaRefused):
        captcha.verifier(v2).verify("token", remote_ip="")


def test_without_a_token_google_is_not_asked(google: Google, v2: SignupForm) -> None:
    with pytest.raises(CaptchaRefused):
        captcha.verifier(v2).verify("", remote_ip="")
    assert google.posted == {}


def test_a_form_without_a_secret_lets_nobody_through(google: Google, make_form: MakeForm) -> None:
    with pytest.raises(CaptchaUnavailable):
        captcha.verifier(make_form(Captcha.RECAPTCHA_V2)).verify("token", remote_ip="")
    assert google.posted == {}


def test_a_score_must_belong_to_this_form(google: Google, v3: SignupForm) -> None:
    google.answer = {"success": True, "action": f"signup_{v3.public_id.hex}", "score": 0.9}
    captcha.verifier(v3).verify("token", remote_ip="")
    google.answer = {"success": True, "action": "login", "score": 0.9}
    with pytest.raises(CaptchaRefused, match="another form"):
        captcha.verifier(v3).verify("token", remote_ip="")


@pytest.mark.parametrize("score", [{"score": 0.1}, {"score": "1"}, {}])
def test_a_low_or_missing_score_is_refused(
    google: Google, v3: SignupForm, score: dict[str, object]
) -> None:
    google.answer = {"success": True, "action": f"signup_{v3.public_id.hex}", **score}
    with pytest.raises(CaptchaRefused):
        captcha.verifier(v3).verify("token", remote_ip="")


def test_none_asks_nothing(make_form: MakeForm) -> None:
    captcha.verifier(make_form(Captcha.NONE)).verify("", remote_ip="")
