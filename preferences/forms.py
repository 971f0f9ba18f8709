"""What the public may post."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lists.addresses import normalise
from lists.captcha import verifier
from lists.errors import FieldRefused, InvalidAddress
from lists.fields import LENGTH
from lists.models import FieldKind, LeaveReason, List, SignupForm
from lists.selectors.signup_forms import Offer
from lists.signup_fields import Asked, read
from preferences import mails, stamps
from preferences.services.signup import Entry

PAUSES = (30, 60, 90)  # days


class AnswerField(forms.CharField):
    """The visitor's answer to a question of the form; None where it may be blank and is."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        super().__init__(
            label=asked.label, required=asked.required, widget=_widget(asked), max_length=LENGTH
        )

    def clean(self, value: Any) -> Any:
        try:
            return read(self._asked, str(value or ""))
        except FieldRefused as error:
            raise forms.ValidationError(error.message) from error


def _widget(asked: Asked) -> forms.Widget:
    names = {"first_name": "given-name", "last_name": "family-name"}
    match asked.kind:
        case FieldKind.BOOLEAN:
            return forms.CheckboxInput()
        case FieldKind.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal"})
        case FieldKind.DATE:
            return forms.DateInput(attrs={"type": "date"})
        case _:
            return forms.TextInput(attrs={"autocomplete": names.get(asked.key, "on")})


class SignupEntryForm(forms.Form):
    """The visitor's half of a sign-up form: what it asks, and the lists to choose among, if any."""

    email = forms.CharField(
        label=_("Email address"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={"required": _("Type your email address.")},
    )
    # People do not see this one (a class hides it); programs fill in whatever they find.
    website = forms.CharField(label="Leave this field empty", required=False, max_length=500)
    stamp = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, asks: SignupForm, offer: Offer) -> None:
        super().__init__(data, initial={"stamp": stamps.make(asks)})
        self._asks = asks
        self._asked = offer.asked
        self._lists = {str(one.public_id): one for one in offer.lists}
        for asked in self._asked:
            self.fields[asked.param] = AnswerField(asked)
        if asks.visitor_chooses:
            self.fields["lists"] = forms.MultipleChoiceField(
                label=_("What would you like to get?"),
                choices=[(key, one.name) for key, one in self._lists.items()],
                widget=forms.CheckboxSelectMultiple,
                initial=[str(one) for one in offer.ticked],
                error_messages={"required": _("Choose at least one.")},
            )

    def questions(self) -> list[forms.BoundField]:
        """The fields beside the address that the visitor sees, in order."""
        shown = [self[asked.param] for asked in self._asked]
        return [*shown, self["lists"]] if self._asks.visitor_chooses else shown

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"]).email
        except InvalidAddress as error:
            raise forms.ValidationError(error.message, code=error.code) from error

    def entry(self) -> Entry:
        """What was filled in, once it is valid."""
        answers = {asked.key: self.cleaned_data[asked.param] for asked in self._asked}
        chosen = self.cleaned_data.get("lists", self._lists)
        return Entry(
            email=self.cleaned_data["email"],
            values={key: value for key, value in answers.items() if value is not None},
            lists=[one for key, one in self._lists.items() if key in chosen],
            captcha=str(self.data.get(verifier(self._asks).answer_field, "")),
            stamp=self.cleaned_data["stamp"],
            trap=self.cleaned_data["website"],
        )

    def press_again(self) -> None:
        """Makes the page, when shown once more, one that goes through: new stamp, empty trap."""
        shown = self.data.copy()  # type: ignore[attr-defined]
        shown["website"] = ""
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
        required=False, error_messages={"invalid": _("Type the date as 2027-03-31.")}
    )

    def until_moment(self, zone: ZoneInfo) -> datetime | None:
        """When the pause ends: the start of the day in the workspace's zone. None: not said."""
        if days := self.cleaned_data["days"]:
            return timezone.now() + timedelta(days=days)
        if date := self.cleaned_data["until"]:
            return datetime.combine(date, time.min, tzinfo=zone)
        return None


class ReasonForm(forms.Form):
    """Why somebody left. Their own words alone will do, too."""

    reason = forms.ChoiceField(
        label=_("Why did you leave?"),
        choices=LeaveReason.Reason,
        widget=forms.RadioSelect,
        required=False,
    )
    text = forms.CharField(
        label=_("In your own words"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors and not values["reason"]:
            if not values["text"]:
                raise forms.ValidationError(_("Choose a reason, or write one."))
            values["reason"] = LeaveReason.Reason.OTHER
        return values


class ConfirmationMailForm(forms.ModelForm):
    """A list's own confirmation mail. Both fields empty: ours is sent."""

    class Meta:
        model = List
        fields = ("confirm_subject", "confirm_html")
        labels = {"confirm_subject": "Subject", "confirm_html": "HTML"}
        widgets = {
            "confirm_html": forms.Textarea(
                attrs={"rows": 16, "spellcheck": "false", "class": "font-mono"}
            )
        }
        help_texts = {
            "confirm_html": "Liquid. The text part is made from it. Empty: our mail is sent, in "
            "the reader's language.",
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        subject, html = values.get("confirm_subject", ""), values.get("confirm_html", "")
        if html or subject:
            try:
                mails.check(subject, html)
            except mails.MailRefused as error:
                field = "confirm_subject" if error.param == "subject" else "confirm_html"
                self.add_error(field, error.message)
        return values
