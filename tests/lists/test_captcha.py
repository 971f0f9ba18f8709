"""Captchas fail closed, and an answer counts once and for one form."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

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


def test_none_asks_nothing(make_form: MakeForm) -> None:
    captcha.verifier(make_form(Captcha.NONE)).verify("", remote_ip="")
