"""Answers to the apps below."""

from typing import Any

from django.dispatch import receiver

from lists.models import SignupForm
from lists.signals import signup_form_checked
from preferences.services.mailing import sender_of


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
