"""A sign-up from its page or from a program: the same checks, the same silence."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from lists.addresses import normalise
from lists.captcha import verifier
from lists.errors import (
    CaptchaRefused,
    CaptchaUnavailable,
    InvalidAddress,
    SignupClosed,
    TooManySignups,
)
from lists.fields import Value
from lists.form_counts import Count, count
from lists.models import Confirmation, List, SignupForm
from lists.services import optin
from preferences import stamps
from preferences.errors import PressAgain, TooQuick, TrapFilled
from preferences.services.mailing import send_confirmation, sender_of
from preferences.services.opening import Opened
from preferences.visitors import Visitor
from tenants.errors import BluefoxError

# How long an answer takes at least, so that its time does not tell an address that is mailed, for
# which there is much to write, from one that is not.
SECONDS = 0.04

_COUNTED: dict[type[BluefoxError], Count] = {
    InvalidAddress: Count.ADDRESS,
    TrapFilled: Count.TRAP,
    TooQuick: Count.QUICK,
    TooManySignups: Count.RATE,
    CaptchaRefused: Count.CAPTCHA,
    CaptchaUnavailable: Count.CAPTCHA,
}


@dataclass(frozen=True)
class Entry:
    """What was filled in. `lists` are of the form, `values` by key of lists.signup_fields, `trap`
    is the field that people leave empty.
    """

    email: str
    values: Mapping[str, Value]
    lists: Sequence[List]
    captcha: str
    stamp: str
    trap: str

    @property
    def asks_for_click(self) -> bool:
        """Whether a mail with a button is to come. By the lists alone, never by the address, so
        that nobody learns from the answer who is known.
        """
        return any(one.double_opt_in for one in self.lists)


def sign_up(*, opened: Opened, entry: Entry, visitor: Visitor) -> None:
    """Sends a confirmation mail where one is due; returns the same where none is.

    Raises PressAgain, CaptchaRefused, CaptchaUnavailable, TooManySignups, SignupClosed or
    InvalidAddress, none of which depends on who is known. The cheap checks come first, and the
    captcha last, because its answer counts only once.
    """
    started = time.monotonic()
    try:
        _sign_up(opened, entry, visitor)
    except tuple(_COUNTED) as error:
        count(opened.form, _COUNTED[type(error)])
        raise
    count(opened.form, Count.SUBMITS)
    time.sleep(max(0.0, started + SECONDS - time.monotonic()))


def _sign_up(opened: Opened, entry: Entry, visitor: Visitor) -> None:
    form, sender = opened.form, opened.sender
    if sender is None or not entry.lists:
        raise SignupClosed
    normalise(entry.email)
    _check_stamp(form, entry)
    optin.admit(form=form, network=visitor.network)
    verifier(form).verify(entry.captcha, remote_ip=visitor.ip)
    with transaction.atomic():
        confirmation = optin.request_subscription(
            form=form,
            email=entry.email,
            lists=entry.lists,
            values=entry.values,
            ip=visitor.ip,
            user_agent=visitor.user_agent,
            language=visitor.language,
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
        raise PressAgain(_("One more step: check what you typed, then press the button."))
    if entry.trap:
        raise TrapFilled(
            _(
                "A field that must stay empty was filled in, perhaps by your browser. "
                "It is empty again: press the button once more."
            )
        )
    if stamp.age < stamps.SHORTEST:
        raise TooQuick(_("That was very quick. Press the button once more."))
    if stamp.age > stamps.LONGEST:
        raise PressAgain(_("This page was open for more than a day. Press the button once more."))
    if not stamp.current:
        raise PressAgain(_("The text you agree to has changed. Read it, then press the button."))
