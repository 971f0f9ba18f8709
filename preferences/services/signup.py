"""A sign-up from its page or from a program: the same checks, the same silence."""

from dataclasses import dataclass

from django.db import transaction

from lists.captcha import verifier
from lists.errors import SignupClosed
from lists.models import Confirmation, SignupForm
from lists.services import optin
from preferences import stamps
from preferences.errors import PressAgain
from preferences.services.mailing import send_confirmation, sender_of
from preferences.visitors import Visitor


@dataclass(frozen=True)
class Entry:
    """What was filled in. `trap` is the field that people leave empty."""

    email: str
    name: str
    captcha: str
    stamp: str
    trap: str


def sign_up(*, form: SignupForm, entry: Entry, visitor: Visitor) -> None:
    """Sends a confirmation mail where one is due; returns the same where none is.

    Raises PressAgain, CaptchaRefused, CaptchaUnavailable, TooManySignups, SignupClosed or
    InvalidAddress, none of which depends on who is known. The cheap checks come first, and the
    captcha last, because its answer counts only once.
    """
    sender = sender_of(form)
    if sender is None or not form.lists.exists():
        raise SignupClosed
    _check_stamp(form, entry)
    optin.admit(form=form, network=visitor.network)
    verifier(form).verify(entry.captcha, remote_ip=visitor.ip)
    with transaction.atomic():
        confirmation = optin.request_subscription(
            form=form,
            email=entry.email,
            name=entry.name,
            ip=visitor.ip,
            user_agent=visitor.user_agent,
        )
        if confirmation:
            send_confirmation(confirmation=confirmation, sender=sender)


def send_again(*, confirmation: Confirmation, visitor: Visitor) -> None:
    """A new mail for an expired link. Raises SignupClosed or TooManySignups."""
    form = confirmation.form
    sender = sender_of(form) if form else None
    if form is None or sender is None:
        raise SignupClosed
    optin.admit(form=form, network=visitor.network)
    with transaction.atomic():
        again = optin.request_again(
            confirmation=confirmation, ip=visitor.ip, user_agent=visitor.user_agent
        )
        if again:
            send_confirmation(confirmation=again, sender=sender)


def _check_stamp(form: SignupForm, entry: Entry) -> None:
    stamp = stamps.read(form, entry.stamp)
    if stamp is None:
        # The HTML embed has no stamp: it leads here, and the button of this page finishes it.
        raise PressAgain("One more step: check what you typed, then press the button.")
    if entry.trap:
        raise PressAgain(
            "A field that must stay empty was filled in, perhaps by your browser. "
            "It is empty again: press the button once more."
        )
    if stamp.age < stamps.SHORTEST:
        raise PressAgain("That was very quick. Press the button once more.")
    if stamp.age > stamps.LONGEST:
        raise PressAgain("This page was open for more than a day. Press the button once more.")
    if not stamp.current:
        raise PressAgain("The text you agree to has changed. Read it, then press the button.")
