"""The hosted sign-up page, what its captcha fetches, and the script of the embed."""

import uuid
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from lists.captcha import Altcha
from lists.errors import (
    CaptchaRefused,
    CaptchaUnavailable,
    SignupClosed,
    TooManySignups,
)
from lists.form_counts import Count, count
from lists.models import Captcha, SignupForm
from lists.selectors.signup_forms import open_form
from preferences import origins
from preferences.errors import PressAgain
from preferences.forms import SignupEntryForm
from preferences.services.opening import opened
from preferences.services.signup import sign_up
from preferences.views.pages import not_found, page, public_page
from preferences.views.widgets import captcha_context
from preferences.visitors import Visitor
from tenants.errors import BluefoxError

_STATUS: dict[type[BluefoxError], int] = {
    CaptchaUnavailable: 503,
    SignupClosed: 503,
    TooManySignups: 429,
}


@public_page()
def no_form(request: HttpRequest) -> HttpResponse:
    return not_found(
        request,
        title=_("There is no form here"),
        text=_("It may have been closed, or the link is not complete."),
    )


@public_page(referrer=True)
def signup(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows the form, POST signs up. A form that is off, or none, is a 404."""
    found = opened(public_id)
    if found is None:
        return no_form(request)
    asks, offer = found.form, found.offer
    if request.method != "POST":
        if request.method == "GET":
            count(asks, Count.VIEWS)
        return _show(request, asks, SignupEntryForm(asks=asks, offer=offer))
    form = SignupEntryForm(request.POST, asks=asks, offer=offer)
    if not form.is_valid():
        if form.has_error("email", "invalid_email"):
            count(asks, Count.ADDRESS)
        form.press_again()
        return _show(request, asks, form, status=422)
    entry = form.entry()
    try:
        sign_up(opened=found, entry=entry, visitor=Visitor.of(request))
    except (PressAgain, CaptchaRefused, CaptchaUnavailable, TooManySignups, SignupClosed) as error:
        form.press_again()
        form.add_error(None, error.message)
        return _show(request, asks, form, status=_STATUS.get(type(error), 422))
    if asks.success_url:
        return redirect(asks.success_url)
    response = page(
        request,
        "check_mail",
        asks.tenant,
        form=asks,
        email=entry.email,
        at_once=not entry.asks_for_click,
    )
    return _frameable(response, asks)


def _show(
    request: HttpRequest, asks: SignupForm, entry: SignupEntryForm, *, status: int = 200
) -> HttpResponse:
    context = captcha_context(asks)
    response = page(
        request, "signup", asks.tenant, status=status, form=asks, entry=entry, **context
    )
    policy = dict(context["widget"].sources) if context["widget"] else {}
    if asks.success_url:
        # Browsers hold the answer to a form to this policy too, when it leads elsewhere.
        target = urlsplit(asks.success_url)
        policy["form-action"] = [f"{target.scheme}://{target.netloc}"]
    response._csp_update = policy  # type: ignore[attr-defined]
    return _frameable(response, asks)


def _frameable(response: HttpResponse, asks: SignupForm) -> HttpResponse:
    """Lets the sites that may embed the form show its page in a frame, and nobody else."""
    if asks.allowed_origins:
        # X-Frame-Options knows no list of sites; frame-ancestors is what browsers look at.
        response.xframe_options_exempt = True
        response._csp_replace = {"frame-ancestors": asks.allowed_origins}  # type: ignore[attr-defined]
    return response


@never_cache
@require_safe
def challenge(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A new ALTCHA challenge of this form, for its widget."""
    asks = open_form(public_id)
    if asks is None or asks.captcha != Captcha.ALTCHA:
        return JsonResponse({"error": "There is no challenge here."}, status=404)
    cors = origins.headers(asks, request.headers.get("Origin", ""))
    return JsonResponse(Altcha(asks).challenge(), headers=cors)


@cache_control(public=True, max_age=3600)
@require_safe
def embed(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The script of the embed, at an address that other sites may keep for years. It finds its
    form by the address that it was asked under, so this needs no look at the database.
    """
    return redirect(static("dist/embed.js"))
