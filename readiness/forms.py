"""The request for production access, as it is typed."""

import hashlib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from readiness.drafting import HEADINGS, Draft, whole
from readiness.models import ContactLanguage, MailType
from readiness.services.requests import Typed
from sending.ses.account_calls import CONTACT_LENGTH, CONTACTS, USE_CASE_LENGTH, WEBSITE_LENGTH

_NO_CLAIM = "Nothing is claimed here: what it would rest on is not in place, or you left it out."
_HELP = {
    "collection": "Add, if it is so: we do not buy, rent or scrape addresses.",
    "sample": "Your newest campaign. A reviewer sees what your readers will get.",
    "open": "What is not green yet. It empties itself as you go.",
}


class RequestForm(forms.Form):
    """Answers and sections; `draft` is the text as it stands."""

    website = forms.URLField(
        max_length=WEBSITE_LENGTH,
        assume_scheme="https",
        help_text="A person at AWS opens it. It should say who you are and what you send.",
    )
    mail_type = forms.ChoiceField(
        label="Kind of mail", choices=MailType, initial=MailType.MARKETING
    )
    about = forms.CharField(
        label="What you write about, and how often",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For instance: We write to our customers once a month about new bicycles, "
        "repairs and rides.",
    )
    monthly_mails = forms.IntegerField(
        label="Mails a month",
        min_value=1,
        max_value=2_000_000_000,
        help_text="About how many you expect soon. One mail to 2,000 people is 2,000.",
    )
    language = forms.ChoiceField(
        label="AWS writes to you in", choices=ContactLanguage, initial=ContactLanguage.EN
    )
    contacts = forms.CharField(
        label="Also tell",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=f"Up to {CONTACTS} addresses, one a line, that AWS writes to about this besides "
        "the one of your AWS account.",
    )

    def __init__(self, *args: Any, draft: Draft, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft
        for key, heading in HEADINGS.items():
            text = draft.texts[key]
            rows = min(10, max(2, len(text) // 70 + text.count("\n") + 1))
            self.fields[key] = forms.CharField(
                label=heading.capitalize(),
                required=False,
                initial=text,
                help_text=_HELP.get(key, ""),
                widget=forms.Textarea(
                    attrs={"rows": rows, "data-heading": heading, "placeholder": _NO_CLAIM}
                ),
            )
            # What was shown: the facts may have changed by the time that it comes back.
            self.fields[f"seen_{key}"] = forms.CharField(
                required=False, initial=_mark(text), widget=forms.HiddenInput
            )

    @property
    def sections(self) -> list[Any]:
        """(field, what was shown, what Bluefox would write now where a person has rewritten it)."""
        return [
            (
                self[key],
                self[f"seen_{key}"],
                self.draft.written[key] if key in self.draft.edited else "",
            )
            for key in HEADINGS
        ]

    def clean_contacts(self) -> list[str]:
        found: list[str] = self.cleaned_data["contacts"].split()
        if len(found) > CONTACTS:
            raise ValidationError(f"AWS takes {CONTACTS} addresses at most.")
        for address in found:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"{address} is not a mail address.") from error
            if len(address) > CONTACT_LENGTH:
                raise ValidationError(f"{address} is longer than AWS takes.")
        return found

    def clean(self) -> dict[str, Any]:
        texts = {key: _unix(self.cleaned_data.get(key, "")) for key in HEADINGS}
        length = len(whole(texts))
        if length > USE_CASE_LENGTH:
            self.add_error(
                None,
                f"The text has {length:,} characters; AWS takes {USE_CASE_LENGTH:,}. Shorten it.",
            )
        return self.cleaned_data

    def typed(self) -> Typed:
        """What was typed, for the service. A section as it was drafted is no edit."""
        values = self.cleaned_data
        texts = {key: _unix(values[key]) for key in HEADINGS}
        return Typed(
            website=values["website"],
            mail_type=values["mail_type"],
            about=_unix(values["about"]),
            monthly_mails=values["monthly_mails"],
            language=values["language"],
            contacts=values["contacts"],
            edits={key: text for key, text in texts.items() if self._is_edit(key, text)},
        )

    def _is_edit(self, key: str, text: str) -> bool:
        if text == _unix(self.draft.written[key]):
            return False
        return key in self.draft.edited or _mark(text) != self.cleaned_data[f"seen_{key}"]


def _mark(text: str) -> str:
    return hashlib.sha256(_unix(text).encode()).hexdigest()[:16]


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
