"""The composer's form and the test send's."""

import re
from typing import Any

from django import forms

from campaigns.models import Campaign
from campaigns.selectors.senders import account_for
from lists.addresses import normalise
from lists.models import List
from tenants.errors import BluefoxError
from tenants.models import Tenant


def _address(value: str) -> str:
    try:
        return normalise(value).email if value else ""
    except BluefoxError as error:
        raise forms.ValidationError(error.message) from error


class CampaignName(forms.Form):
    name = forms.CharField(
        max_length=120, label="Name", help_text="Only you and your colleagues see it."
    )


class Composer(forms.ModelForm):
    """Everything of a draft. What is missing is no error here: the review page asks for it."""

    class Meta:
        model = Campaign
        fields = (
            "name",
            "lists",
            "from_name",
            "from_email",
            "reply_to",
            "subject",
            "preheader",
            "html",
        )
        labels = {
            "lists": "Who gets it",
            "from_name": "From name",
            "from_email": "From address",
            "reply_to": "Replies go to",
            "html": "HTML",
        }
        help_texts = {
            "name": "Only you and your colleagues see it.",
            "lists": "Active members of these lists; somebody on several gets it once.",
            "reply_to": "Empty means the From address.",
            "preheader": "The line that mail programs show behind the subject.",
        }
        widgets = {
            "lists": forms.CheckboxSelectMultiple,
            "html": forms.Textarea(
                attrs={"rows": 22, "class": "code-input", "spellcheck": "false"}
            ),
        }

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        lists = self.fields["lists"]
        lists.queryset = List.objects.for_tenant(tenant).order_by("name")  # type: ignore[attr-defined]
        lists.required = False
        for name in ("from_name", "subject", "preheader"):
            self.fields[name].validators.append(_no_line_breaks)

    def clean_from_email(self) -> str:
        address = _address(self.cleaned_data["from_email"].strip())
        if address and account_for(self.tenant, address) is None:
            raise forms.ValidationError(
                f"No connected SES account may send from {address}. Verify its domain under "
                "Sending first."
            )
        return address

    def clean_reply_to(self) -> str:
        return _address(self.cleaned_data["reply_to"].strip())


def _no_line_breaks(value: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise forms.ValidationError("Line breaks cannot stand here.")


class TestSend(forms.Form):
    addresses = forms.CharField(
        label="Send a test to",
        max_length=1000,
        help_text="Up to five addresses, with commas between them.",
    )

    def clean_addresses(self) -> list[str]:
        typed: str = self.cleaned_data["addresses"]
        return [_address(part) for part in re.split(r"[,;\s]+", typed) if part]
