"""What a page needs to show a form's captcha: whose script, whose frames, which words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django_recaptcha.constants import DEFAULT_RECAPTCHA_DOMAIN

from lists.captcha import verifier
from lists.models import Captcha, SignupForm


@dataclass(frozen=True)
class Widget:
    """`mark` is the class that the service's script looks for, "" where it is called by ours.
    `sources` are added to the policy of the page that shows it, and of no other.
    """

    owner: str
    script: str
    mark: str = ""
    sources: Mapping[str, list[str]] = field(default_factory=dict)


def _recaptcha(form: SignupForm, query: str, mark: str) -> Widget:
    """As in Google's FAQ, "I'm using content-security-policy"; its badge still writes inline
    styles (google/recaptcha#107).
    """
    domain = getattr(settings, "RECAPTCHA_DOMAIN", DEFAULT_RECAPTCHA_DOMAIN)
    ours, scripts = f"https://{domain}/recaptcha/", "https://www.gstatic.com/recaptcha/"
    return Widget(
        owner="Google reCAPTCHA",
        script=f"{ours}api.js{query}",
        mark=mark,
        sources={
            "script-src": [ours, scripts],
            "frame-src": [ours, "https://recaptcha.google.com/recaptcha/"],
            "connect-src": [ours],
            "style-src": ["'unsafe-inline'"],
        },
    )


_CLOUDFLARE = ["https://challenges.cloudflare.com"]
# https://developers.cloudflare.com/turnstile/reference/content-security-policy/
_TURNSTILE = Widget(
    owner="Cloudflare Turnstile",
    script=f"{_CLOUDFLARE[0]}/turnstile/v0/api.js",
    mark="cf-turnstile",
    sources={"script-src": _CLOUDFLARE, "frame-src": _CLOUDFLARE},
)
# https://docs.hcaptcha.com/#content-security-policy-settings
_HOSTS = ["https://hcaptcha.com", "https://*.hcaptcha.com"]
_HCAPTCHA = Widget(
    owner="hCaptcha",
    script="https://js.hcaptcha.com/1/api.js",
    mark="h-captcha",
    sources=dict.fromkeys(("script-src", "frame-src", "style-src", "connect-src"), _HOSTS),
)


def widget(form: SignupForm) -> Widget | None:
    """The widget of the form's captcha service; None where no service is asked."""
    match form.captcha:
        case Captcha.RECAPTCHA_V2:
            return _recaptcha(form, "", "g-recaptcha")
        case Captcha.RECAPTCHA_V3:
            return _recaptcha(form, f"?render={quote(form.captcha_site_key, safe='')}", "")
        case Captcha.TURNSTILE:
            return _TURNSTILE
        case Captcha.HCAPTCHA:
            return _HCAPTCHA
    return None


def captcha_context(form: SignupForm) -> dict[str, Any]:
    """What templates/public/_captcha.html shows."""
    return {
        "captcha": form.captcha,
        "widget": widget(form),
        "action": verifier(form).action,
        "challenge_url": reverse("public:challenge", args=[form.public_id]),
    }
