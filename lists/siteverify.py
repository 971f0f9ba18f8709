"""The captchas of others: a token from the visitor, a secret of ours, a verdict from them.

Each is asked once for a token, and says itself that a token counts only once:
https://developers.google.com/recaptcha/docs/verify,
https://developers.cloudflare.com/turnstile/get-started/server-side-validation/,
https://docs.hcaptcha.com/#verify-the-user-response-server-side
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from django.conf import settings
from django_recaptcha import client as recaptcha

from lists.errors import CaptchaRefused, CaptchaUnavailable
from lists.models import SignupForm
from tenants.errors import SecretUnreadable

logger = logging.getLogger(__name__)

MAX_TOKEN = 8 * 1024  # characters; reCAPTCHA's are about 2,000, Turnstile's at most 2,048
RECAPTCHA_V3_SCORE = 0.5  # Google's own default threshold; 1.0 is surely a person
TURNSTILE_URL = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
HCAPTCHA_URL = "https://api.hcaptcha.com/siteverify"
_TIMEOUT = 3  # seconds; a visitor waits for it
_MAX_ANSWER = 64 * 1024
_NO_ANSWER = (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError)
# Codes that no visitor can do anything about: the form's keys are wrong, or the service is down.
_NOT_THE_VISITOR = {
    "missing-input-secret",
    "invalid-input-secret",
    "sitekey-secret-mismatch",
    "not-using-dummy-passcode",
    "bad-request",
    "internal-error",
}


@dataclass(frozen=True)
class Verdict:
    """What the service said of a token. Unknown is "" or None."""

    success: bool
    hostname: str
    action: str
    score: float | None
    errors: frozenset[str]


def hosts_of(form: SignupForm) -> set[str]:
    """Where a captcha of this form may have been solved: our own page, and the sites that may
    embed it. Keys that are valid for more than the form's sites are common.
    """
    origins = [settings.SITE_URL, *form.allowed_origins]
    return {str(urlsplit(origin).hostname) for origin in origins}


class SiteVerify:
    """A service behind the common protocol; `action` is "" where it knows none."""

    answer_field = ""
    action = ""

    def __init__(self, form: SignupForm) -> None:
        self._form = form

    def ask(self, token: str, secret: str, remote_ip: str) -> Mapping[str, Any]:
        """The service's JSON. Raises one of _NO_ANSWER."""
        raise NotImplementedError

    def verify(self, answer: str, *, remote_ip: str) -> None:
        """Returns when a person answered. Raises CaptchaRefused or CaptchaUnavailable."""
        if not answer or len(answer) > MAX_TOKEN:
            raise CaptchaRefused("Show that you are not a robot, then send again.")
        try:
            verdict = _verdict(self.ask(answer, self._secret(), remote_ip))
        except _NO_ANSWER as error:
            logger.warning("The captcha of form %s gave no answer: %r", self._form.pk, error)
            raise CaptchaUnavailable from error
        if verdict.errors & _NOT_THE_VISITOR:
            logger.error("The captcha of form %s says %s", self._form.pk, sorted(verdict.errors))
            raise CaptchaUnavailable
        if not verdict.success:
            raise CaptchaRefused("The check for robots failed. Do it once more.")
        self.belongs(verdict)

    def _secret(self) -> str:
        try:
            secret = str(self._form.captcha_secret.get("secret", ""))
        except SecretUnreadable as error:
            logger.exception("The captcha secret of form %s cannot be read", self._form.pk)
            raise CaptchaUnavailable from error
        if not secret:
            logger.error("Form %s wants a captcha and has no secret", self._form.pk)
            raise CaptchaUnavailable
        return secret

    def belongs(self, verdict: Verdict) -> None:
        """Raises CaptchaRefused for a token of another form, or of another site."""
        if verdict.action != self.action or verdict.hostname not in hosts_of(self._form):
            logger.warning(
                "Form %s was sent a captcha of %r at %r",
                self._form.pk,
                verdict.action,
                verdict.hostname,
            )
            raise CaptchaRefused(
                "The check for robots belongs to another form. Load the page anew."
            )


def _verdict(said: Mapping[str, Any]) -> Verdict:
    score = said.get("score")
    return Verdict(
        success=said["success"] is True,
        hostname=str(said.get("hostname") or ""),
        action=str(said.get("action") or ""),
        score=score if isinstance(score, int | float) else None,
        errors=frozenset(map(str, said.get("error-codes") or ())),
    )


class ReCaptchaV2(SiteVerify):
    """Google's, through django-recaptcha, with the form's own keys.

    Of django-recaptcha its client is used, not its field: the field lets a timeout become a 500,
    believes X-Forwarded-For, and asks Google before the rest of the form is looked at.
    """

    answer_field = "g-recaptcha-response"

    def ask(self, token: str, secret: str, remote_ip: str) -> Mapping[str, Any]:
        said = recaptcha.submit(token, secret, remote_ip)
        codes = {"error-codes": said.error_codes, "action": said.action}
        return {**said.extra_data, **codes, "success": said.is_valid}


class ReCaptchaV3(ReCaptchaV2):
    """A score instead of a question. The action binds a token to its form."""

    def __init__(self, form: SignupForm) -> None:
        super().__init__(form)
        self.action = f"signup_{form.public_id.hex}"

    def belongs(self, verdict: Verdict) -> None:
        super().belongs(verdict)
        if verdict.score is None or verdict.score < RECAPTCHA_V3_SCORE:
            raise CaptchaRefused(
                "Google takes this visit for a robot's. Try another browser or another network."
            )


class Turnstile(SiteVerify):
    answer_field = "cf-turnstile-response"

    def __init__(self, form: SignupForm) -> None:
        super().__init__(form)
        self.action = form.public_id.hex  # at most 32 characters of [A-Za-z0-9_-]

    def ask(self, token: str, secret: str, remote_ip: str) -> Mapping[str, Any]:
        return _post(TURNSTILE_URL, {"secret": secret, "response": token, "remoteip": remote_ip})


class HCaptcha(SiteVerify):
    """It knows no actions; naming the site key keeps out tokens of the tenant's other keys."""

    answer_field = "h-captcha-response"

    def ask(self, token: str, secret: str, remote_ip: str) -> Mapping[str, Any]:
        return _post(
            HCAPTCHA_URL,
            {
                "secret": secret,
                "response": token,
                "remoteip": remote_ip,
                "sitekey": self._form.captcha_site_key,
            },
        )

    def belongs(self, verdict: Verdict) -> None:
        # hCaptcha withholds the name when a site has much traffic, and says so in its guide.
        if verdict.hostname != "not-provided":
            super().belongs(verdict)


def _post(url: str, values: Mapping[str, str]) -> Mapping[str, Any]:
    given = {name: value for name, value in values.items() if value}
    request = Request(url, data=urlencode(given).encode())  # noqa: S310 (our own addresses)
    with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
        said = json.loads(response.read(_MAX_ANSWER))
    if not isinstance(said, dict):
        raise TypeError(f"an answer that is no object: {said!r:.80}")
    return said
