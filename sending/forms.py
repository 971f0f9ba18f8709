"""Forms of the sending pages."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms

from sending.connection import ROLE_ARN
from sending.errors import IdentityRefused
from sending.identity import domain_name, identity_name, mail_from_name
from sending.models import SenderIdentity, SesAccount, SesAuth, SesState
from sending.selectors.accounts import accounts_of
from sending.ses.client import regions
from tenants.models import Tenant

_KEY_ID = re.compile(r"A[A-Z0-9]{15,127}")


def _region_choices() -> list[tuple[str, str]]:
    return [(code, f"{name} · {code}") for code, name in sorted(regions().items())]


class ConnectForm(forms.Form):
    """Where the SES account is, and how we are to get in."""

    region = forms.ChoiceField(
        choices=_region_choices,
        initial="us-east-1",
        help_text="Where your SES is. Quota, identities and production access belong to a region.",
    )
    auth = forms.ChoiceField(
        label="How Bluefox gets in",
        choices=SesAuth,
        initial=SesAuth.ROLE,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(
        max_length=80,
        initial="Amazon SES",
        help_text="What you call it, in case there are several.",
    )

    def __init__(self, *args: object, roles: bool, **kwargs: object) -> None:
        """`roles`: whether this server has an AWS identity that a role can trust."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if not roles:
            self.fields["auth"].choices = [(SesAuth.KEY.value, SesAuth.KEY.label)]  # type: ignore[attr-defined]
            self.fields["auth"].initial = SesAuth.KEY


class RoleForm(forms.Form):
    role_arn = forms.CharField(
        label="Role ARN",
        max_length=200,
        help_text="Shown at the top of the role's page in IAM.",
        widget=forms.TextInput(
            attrs={"placeholder": "arn:aws:iam::123456789012:role/bluefox", "class": "id"}
        ),
    )

    def clean_role_arn(self) -> str:
        arn: str = self.cleaned_data["role_arn"]
        if not ROLE_ARN.fullmatch(arn):
            raise forms.ValidationError(
                "This is not the ARN of a role. It looks like "
                "arn:aws:iam::123456789012:role/bluefox, with your own 12-digit account number."
            )
        return arn


class KeyForm(forms.Form):
    access_key_id = forms.CharField(
        label="Access key id",
        max_length=128,
        widget=forms.TextInput(
            attrs={"placeholder": "AKIA…", "autocomplete": "off", "class": "id"}
        ),
    )
    secret_access_key = forms.CharField(
        label="Secret access key",
        max_length=200,
        help_text="Stored encrypted, never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_access_key_id(self) -> str:
        key: str = self.cleaned_data["access_key_id"]
        if key.startswith("ASIA"):
            raise forms.ValidationError(
                "This key is temporary and ends within hours. Make an access key for an IAM user; "
                "its id begins with AKIA."
            )
        if not _KEY_ID.fullmatch(key):
            raise forms.ValidationError(
                "An access key id is at least 16 capital letters and digits and begins with AKIA."
            )
        return key


class OwnTopicForm(forms.Form):
    topic_arn = forms.CharField(
        label="ARN of the topic",
        max_length=200,
        help_text="Shown at the top of the topic's page in the SNS console.",
        widget=forms.TextInput(attrs={"placeholder": "arn:aws:sns:…", "class": "id"}),
    )
    configuration_set = forms.RegexField(
        r"\A[A-Za-z0-9_-]{1,64}\Z",
        label="Configuration set",
        required=False,
        help_text="Of yours, whose events go to the topic; our mail then carries it. Leave it "
        "empty if the notifications of an identity go there.",
        error_messages={"invalid": "A name has letters, digits, - and _ only, at most 64."},
    )


class IdentityForm(forms.Form):
    name = forms.CharField(
        label="Domain or address",
        max_length=320,
        help_text="A domain lets you send from every address at it.",
        widget=forms.TextInput(attrs={"placeholder": "example.com"}),
    )

    def clean_name(self) -> str:
        return _named(identity_name, self.cleaned_data["name"])


class DomainForm(forms.Form):
    """A new domain; the account is asked for only where there are several."""

    name = forms.CharField(
        label="Domain",
        max_length=253,
        help_text="The part after the @ of the address that people see. It lets you send from "
        "every address at it.",
        widget=forms.TextInput(attrs={"placeholder": "example.com", "inputmode": "url"}),
    )
    mail_from = forms.BooleanField(
        label="Have bounces go to mail. of this domain",
        required=False,
        initial=True,
        help_text="Recommended: the bounce address (MAIL FROM) is then yours too, not Amazon's. "
        "Two more records. If mail. of this domain is in use, choose another name later.",
    )
    account = forms.ModelChoiceField(
        label="SES account",
        queryset=SesAccount.unscoped.none(),
        to_field_name="public_id",
        empty_label=None,
    )

    def __init__(self, data: Any = None, *, tenant: Tenant) -> None:
        super().__init__(data)
        connected = accounts_of(tenant).exclude(state=SesState.NEW)
        field = self.fields["account"]
        field.queryset = connected  # type: ignore[attr-defined]
        if len(connected) == 1:
            field.required, field.widget = False, forms.HiddenInput()
            field.initial = connected[0]

    def clean_name(self) -> str:
        return _named(domain_name, self.cleaned_data["name"])

    def clean_account(self) -> SesAccount | None:
        given: SesAccount | None = self.cleaned_data["account"]
        return given or self.fields["account"].initial

    def clean(self) -> dict[str, object]:
        found = self.cleaned_data
        if "name" in found:
            found["mail_from"] = f"mail.{found['name']}" if found.get("mail_from") else ""
        return found


class MailFromForm(forms.Form):
    """The name that bounces go to: below the domain, and not used for other mail."""

    mail_from = forms.CharField(
        label="Name for bounces (MAIL FROM)",
        max_length=253,
        help_text="Below the domain, and neither written from nor received at: mail. or bounce. "
        "will do.",
        widget=forms.TextInput(attrs={"class": "id"}),
    )

    def __init__(self, data: Any = None, *, identity: SenderIdentity) -> None:
        name = identity.mail_from_domain or f"mail.{identity.name}"
        super().__init__(data, initial={"mail_from": name})
        self._domain = identity.name

    def clean_mail_from(self) -> str:
        below = partial(mail_from_name, domain=self._domain)
        return _named(below, self.cleaned_data["mail_from"])


def _named(read: Callable[[str], str], given: str) -> str:
    try:
        return read(given)
    except IdentityRefused as error:
        raise forms.ValidationError(error.message) from error
