"""Answers to the apps below."""

from typing import Any

from django.dispatch import receiver
from django.template.loader import render_to_string

from lists.models import Captcha, SignupForm
from lists.selectors.signup_forms import Offer
from lists.signals import signup_form_checked, signup_form_previewed
from preferences.forms import SignupEntryForm
from preferences.services.mailing import sender_of

_PROTECTION = {value: label for value, label in Captcha.choices if value != Captcha.NONE}


@receiver(signup_form_checked)
def check_sender(form: SignupForm, **_: Any) -> str:
    """Why the confirmation mail cannot leave, or ""."""
    if sender_of(form):
        return ""
    return (
        f"No connected Amazon SES account may send as {form.from_email or 'nobody'}. Until one "
        "does, visitors are told to come back later. Choose an address of a verified domain, "
        "or verify this one under Sending."
    )


@receiver(signup_form_previewed)
def preview(form: SignupForm, offer: Offer, **_: Any) -> str:
    """The form's public page as its visitors get it, but for scripts and captcha."""
    context = {
        "tenant": form.tenant,
        "form": form,
        "entry": SignupEntryForm(asks=form, offer=offer),
        "preview": True,
        "protection": _PROTECTION.get(form.captcha, ""),
    }
    return render_to_string("public/signup.html", context)
