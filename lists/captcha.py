"""Is this a person? One small protocol, and the services that may be asked.

Every verifier fails closed: what cannot be checked is refused.
"""

import logging
import secrets
import time
from typing import Any, Protocol

import altcha
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from lists.errors import CaptchaRefused, CaptchaUnavailable
from lists.models import Captcha, SignupForm
from lists.siteverify import HCaptcha, ReCaptchaV2, ReCaptchaV3, Turnstile
from tenants.valkey import valkey

logger = logging.getLogger(__name__)

MAX_ANSWER = 8 * 1024  # characters; the widget's are about 800
ALTCHA_SECONDS = 600
# The browser tries counters from 0 up: some 200 derivations of 1,000 rounds, well under a second
# on a phone, and one derivation for us.
_COST = 1_000
_COUNTERS = range(100, 301)


class CaptchaVerifier(Protocol):
    """`answer_field` is the name under which the page posts the answer; `action` is what the
    page names to the service, "" where that knows none.
    """

    answer_field: str
    action: str

    def verify(self, answer: str, *, remote_ip: str) -> None:
        """Returns when a person answered. Raises CaptchaRefused or CaptchaUnavailable."""


class NoCaptcha:
    answer_field = ""
    action = ""

    def verify(self, answer: str, *, remote_ip: str) -> None:
        return None


class Altcha:
    """A small calculation instead of a third party. Solved for one form, counted once."""

    answer_field = "altcha"
    action = ""

    def __init__(self, form: SignupForm) -> None:
        self._name = f"{form.tenant_id}:{form.public_id}"
        self._challenge_key = salted_hmac("altcha challenge", self._name, algorithm="sha256")
        self._solution_key = salted_hmac("altcha solution", self._name, algorithm="sha256")

    def challenge(self) -> dict[str, Any]:
        """What the widget fetches; good for ten minutes."""
        counter = secrets.choice(_COUNTERS)
        return altcha.create_challenge(
            "PBKDF2/SHA-256",
            _COST,
            counter=counter,
            expires_at=int(time.time()) + ALTCHA_SECONDS,
            hmac_secret=self._challenge_key.digest(),
            hmac_key_secret=self._solution_key.digest(),
        ).to_dict()

    def verify(self, answer: str, *, remote_ip: str) -> None:
        try:
            payload = altcha.Payload.from_base64(answer[:MAX_ANSWER])
            result = altcha.verify_solution(
                payload,
                self._challenge_key.digest(),
                hmac_key_secret=self._solution_key.digest(),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CaptchaRefused("Tick the box that checks for robots, then send again.") from error
        if result.expired:
            raise CaptchaRefused("The check for robots is too old. Tick its box once more.")
        if not result.verified:
            raise CaptchaRefused("The check for robots failed. Tick its box once more.")
        if not self._first_use(str(payload.challenge.parameters.nonce)):
            raise CaptchaRefused("This check for robots was used before. Tick its box once more.")

    def _first_use(self, nonce: str) -> bool:
        """Remembers the challenge for longer than it lives. The nonce is inside its signature."""
        try:
            key = f"altcha:{self._name}:{nonce}"
            return bool(valkey().set(key, 1, nx=True, ex=ALTCHA_SECONDS + 60))
        except RedisError as error:
            logger.exception("Valkey does not answer, so no captcha is accepted")
            raise CaptchaUnavailable from error


def verifier(form: SignupForm) -> CaptchaVerifier:
    """The verifier that this form has chosen."""
    match form.captcha:
        case Captcha.ALTCHA:
            return Altcha(form)
        case Captcha.RECAPTCHA_V2:
            return ReCaptchaV2(form)
        case Captcha.RECAPTCHA_V3:
            return ReCaptchaV3(form)
        case Captcha.TURNSTILE:
            return Turnstile(form)
        case Captcha.HCAPTCHA:
            return HCaptcha(form)
        case Captcha.NONE:
            return NoCaptcha()
    raise ValueError(f"unknown captcha {form.captcha!r}")
