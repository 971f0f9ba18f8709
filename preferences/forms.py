"""What the public may post."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from lists.addresses import normalise
from lists.captcha import verifier
from lists.errors import InvalidAddress
from lists.models import SignupForm
from preferences import stamps
from preferences.services.signup import Entry

PAUSES = (30, 60, 90)  # days


class SignupEntryForm(forms.Form):
    """The visitor's half of a sign-up form. Call with the SignupForm that asks."""

    email = forms.CharField(
        label="Email address",
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={"required": "Type your email address."},
    )
    name = forms.CharField(
        label="Your name",
        max_length=240,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    # People do not see this one (a class hides it); programs fill in whatever they find.
    website = forms.CharField(label="Leave this field empty", required=False, max_length=500)
    stamp = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, asks: SignupForm) -> None:
        super().__init__(data, initial={"stamp": stamps.make(asks)})
        self._asks = asks
        if not asks.asks_name:
            del self.fields["name"]

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"]).email
        except InvalidAddress as error:
            raise forms.ValidationError(error.message) from error

    def entry(self) -> Entry:
        """What was filled in, once it is valid."""
        return Entry(
            email=self.cleaned_data["email"],
            name=self.cleaned_data.get("name", ""),
            captcha=str(self.data.get(verifier(self._asks).answer_field, "")),
            stamp=self.cleaned_data["stamp"],
            trap=self.cleaned_data["website"],
        )

    def press_again(self) -> None:
        """Makes the page, when shown once more, one that goes through: new stamp, empty trap."""
        shown = {**self.data.dict(), "website": ""}  # type: ignore[attr-defined]
        if stamp_is_old(self._asks, shown.get("stamp", "")):
            shown["stamp"] = stamps.make(self._asks)
        self.data = shown


def stamp_is_old(asks: SignupForm, value: str) -> bool:
    """Whether the page needs a new stamp; one that is merely young is kept and ripens."""
    stamp = stamps.read(asks, value)
    return stamp is None or stamp.age > stamps.LONGEST or not stamp.current


class PauseForm(forms.Form):
    """For how long: one of the buttons, or a date."""

    days = forms.TypedChoiceField(
        choices=[(str(days), str(days)) for days in PAUSES], coerce=int, required=False
    )
    until = forms.DateField(
        required=False, error_messages={"invalid": "Type the date as 2027-03-31."}
    )

    def until_moment(self, zone: ZoneInfo) -> datetime | None:
        """When the pause ends: the start of the day in the workspace's zone. None: not said."""
        if days := self.cleaned_data["days"]:
            return timezone.now() + timedelta(days=days)
        if date := self.cleaned_data["until"]:
            return datetime.combine(date, time.min, tzinfo=zone)
        return None
