"""Is this a person? One small protocol, and the services that may be asked.

Every verifier fails closed: what cannot be checked is refused.
"""

import logging
import secrets
import time
from http.client import HTTPException
from typing import Any, Protocol

import altcha
from django.utils.crypto import salted_hmac
from django_recaptcha import client as recaptcha
from redis.exceptions import RedisError

from lists.errors import CaptchaRefused, CaptchaUnavailable
from lists.models import Captcha, SignupForm
from tenants.valkey import valkey

logger = logging.getLogger(__name__)

MAX_ANSWER = 8 * 1024  # characters; reCAPTCHA's are about 2,000
ALTCHA_SECONDS = 600
# The browser tries counters from 0 up: some 200 derivations of 1,000 rounds, well under a second
# on a phone, and one derivation for us.
_COST = 1_000
_COUNTERS = range(100, 301)
RECAPTCHA_V3_SCORE = 0.5  # Google's own default threshold; 1.0 is surely a person


class CaptchaVerifier(Protocol):
    """`answer_field` is the name under which the page posts the answer."""

    answer_field: str

    def verify(self, answer: str, *, remote_ip: str) -> None:
        """Returns when a person answered. Raises CaptchaRefused or CaptchaUnavailable."""


class NoCaptcha:
    answer_field = ""

    def verify(self, answer: str, *, remote_ip: str) -> None:
        return None


class Altcha:
    """A small calculation instead of a third party. Solved for one form, counted once."""

    answer_field = "altcha"

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


class _ReCaptcha:
    """Google's, through django-recaptcha, with the form's own keys.

    Of django-recaptcha its client is used, not its field: the field lets a timeout become a 500,
    believes X-Forwarded-For, and asks Google before the rest of the form is looked at.
    """

    answer_field = "g-recaptcha-response"

    def __init__(self, form: SignupForm) -> None:
        self._form_id = form.pk
        self._secret = str(form.captcha_secret.get("secret", ""))

    def _ask(self, answer: str, remote_ip: str) -> recaptcha.RecaptchaResponse:
        """Google's verdict, when it is a yes."""
        if not answer or len(answer) > MAX_ANSWER:
            raise CaptchaRefused("Show that you are not a robot, then send again.")
        if not self._secret:
            logger.error("Form %s wants reCAPTCHA and has no secret", self._form_id)
            raise CaptchaUnavailable
        try:
            verdict = recaptcha.submit(answer, self._secret, remote_ip)
        except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("reCAPTCHA gave form %s no answer: %r", self._form_id, error)
            raise CaptchaUnavailable from error
        if "invalid-input-secret" in verdict.error_codes:
            logger.error("Google does not know the reCAPTCHA secret of form %s", self._form_id)
            raise CaptchaUnavailable
        if verdict.is_valid is not True:
            raise CaptchaRefused("Google did not accept the check for robots. Do it once more.")
        return verdict


class ReCaptchaV2(_ReCaptcha):
    def verify(self, answer: str, *, remote_ip: str) -> None:
        self._ask(answer, remote_ip)


class ReCaptchaV3(_ReCaptcha):
    """A score instead of a question. The action binds a token to its form."""

    def __init__(self, form: SignupForm) -> None:
        super().__init__(form)
        self.action = f"signup_{form.public_id.hex}"

    def verify(self, answer: str, *, remote_ip: str) -> None:
        verdict = self._ask(answer, remote_ip)
        score = verdict.extra_data.get("score")
        if verdict.action != self.action:
            raise CaptchaRefused(
                "The check for robots belongs to another form. Load the page anew."
            )
        if not isinstance(score, int | float) or score < RECAPTCHA_V3_SCORE:
            raise CaptchaRefused(
                "Google takes this visit for a robot's. Try another browser or another network."
            )


def verifier(form: SignupForm) -> CaptchaVerifier:
    """The verifier that this form has chosen."""
    match form.captcha:
        case Captcha.ALTCHA:
            return Altcha(form)
        case Captcha.RECAPTCHA_V2:
            return ReCaptchaV2(form)
        case Captcha.RECAPTCHA_V3:
            return ReCaptchaV3(form)
        case Captcha.NONE:
            return NoCaptcha()
    raise ValueError(f"unknown captcha {form.captcha!r}")
