"""The hosted sign-up page and what its captcha fetches."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_recaptcha.constants import DEFAULT_RECAPTCHA_DOMAIN

from lists.captcha import Altcha, ReCaptchaV3, verifier
from lists.errors import (
    CaptchaRefused,
    CaptchaUnavailable,
    SignupClosed,
    TooManySignups,
)
from lists.models import Captcha, SignupForm
from preferences.errors import PressAgain
from preferences.forms import SignupEntryForm
from preferences.services.signup import sign_up
from preferences.views.pages import not_found, page, public_page
from preferences.visitors import Visitor
from tenants.errors import BluefoxError

_STATUS: dict[type[BluefoxError], int] = {
    CaptchaUnavailable: 503,
    SignupClosed: 503,
    TooManySignups: 429,
}


def open_form(public_id: uuid.UUID) -> SignupForm | None:
    """The form with this id, if it takes sign-ups. Whoever knows the address may use it."""
    return (
        SignupForm.unscoped.select_related("tenant")
        .filter(public_id=public_id, is_active=True)
        .first()
    )


@public_page(referrer=True)
def signup(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows the form, POST signs up. A form that is off, or none, is a 404."""
    asks = open_form(public_id)
    if asks is None:
        return not_found(
            request,
            title="There is no form here",
            text="It may have been closed, or the link is not complete.",
        )
    if request.method != "POST":
        return _show(request, asks, SignupEntryForm(asks=asks))
    entry = SignupEntryForm(request.POST, asks=asks)
    if not entry.is_valid():
        entry.press_again()
        return _show(request, asks, entry, status=422)
    try:
        sign_up(form=asks, entry=entry.entry(), visitor=Visitor.of(request))
    except (PressAgain, CaptchaRefused, CaptchaUnavailable, TooManySignups, SignupClosed) as error:
        entry.press_again()
        entry.add_error(None, error.message)
        return _show(request, asks, entry, status=_STATUS.get(type(error), 422))
    return page(request, "check_mail", asks.tenant, form=asks, email=entry.cleaned_data["email"])


def _show(
    request: HttpRequest, asks: SignupForm, entry: SignupEntryForm, *, status: int = 200
) -> HttpResponse:
    response = page(
        request,
        "signup",
        asks.tenant,
        status=status,
        form=asks,
        entry=entry,
        captcha=asks.captcha,
        challenge_url=reverse("public:challenge", args=[asks.public_id]),
        **_recaptcha(asks),
    )
    if asks.captcha in (Captcha.RECAPTCHA_V2, Captcha.RECAPTCHA_V3):
        response._csp_update = recaptcha_sources()  # type: ignore[attr-defined]
    return response


def _recaptcha(asks: SignupForm) -> dict[str, Any]:
    proof = verifier(asks)
    return {
        "recaptcha_domain": _recaptcha_domain(),
        "recaptcha_action": proof.action if isinstance(proof, ReCaptchaV3) else "",
    }


def _recaptcha_domain() -> str:
    return str(getattr(settings, "RECAPTCHA_DOMAIN", DEFAULT_RECAPTCHA_DOMAIN))


def recaptcha_sources() -> dict[str, list[str]]:
    """What reCAPTCHA needs beside our own policy, on its page alone.

    As in its FAQ, "I'm using content-security-policy"; its badge still writes inline styles
    (google/recaptcha#107).
    """
    ours, scripts = (
        f"https://{_recaptcha_domain()}/recaptcha/",
        "https://www.gstatic.com/recaptcha/",
    )
    return {
        "script-src": [ours, scripts],
        "frame-src": [ours, "https://recaptcha.google.com/recaptcha/"],
        "connect-src": [ours],
        "style-src": ["'unsafe-inline'"],
    }


@never_cache
@require_safe
def challenge(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A new ALTCHA challenge of this form, for its widget."""
    asks = open_form(public_id)
    if asks is None or asks.captcha != Captcha.ALTCHA:
        return JsonResponse({"error": "There is no challenge here."}, status=404)
    return JsonResponse(Altcha(asks).challenge())
