"""The composer's form and the test send's."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.selectors.senders import account_for
from campaigns.services.campaigns import AUDIENCE_FIELDS
from lists.addresses import normalise
from lists.models import List, Segment
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
            "segments",
            "excluded_lists",
            "excluded_segments",
            "leave_out_unengaged",
            "from_name",
            "from_email",
            "reply_to",
            "subject",
            "preheader",
            "html",
        )
        labels = {
            "lists": "Lists",
            "segments": "Segments",
            "excluded_lists": "Not who is on these lists",
            "excluded_segments": "Not who is in these segments",
            "leave_out_unengaged": "Leave out unengaged contacts",
            "from_name": "From name",
            "from_email": "From address",
            "reply_to": "Replies go to",
            "html": "HTML",
        }
        help_texts = {
            "name": "Only you and your colleagues see it.",
            "lists": "Their active members; somebody on several gets it once.",
            "segments": "Who of them is active on one of the chosen lists, or with none of those "
            "on any list.",
            "reply_to": "Empty means the From address.",
            "preheader": "The line that mail programs show behind the subject.",
        }
        widgets = {
            **dict.fromkeys(AUDIENCE_FIELDS, forms.CheckboxSelectMultiple),
            "html": forms.Textarea(
                attrs={"rows": 22, "class": "code-input", "spellcheck": "false"}
            ),
        }

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        for name in AUDIENCE_FIELDS:
            field = self.fields[name]
            model = Segment if "segments" in name else List
            field.queryset = model.objects.for_tenant(tenant).order_by("name")  # type: ignore[attr-defined]
        self.fields["leave_out_unengaged"].help_text = _unengaged(tenant)
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


def _unengaged(tenant: Tenant) -> str:
    days = tenant.unengaged_days
    if days is None:
        return "Say first, under Settings and Limits, after how many days somebody is."
    return f"Here for more than {days:,} days, and nothing opened or clicked in the last {days:,}."


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


class Schedule(forms.Form):
    """A day and a time of day in the workspace's zone; once valid, `at` is the moment."""

    date = forms.DateField(
        label="Day",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "Write the day as in 2026-12-31."},
    )
    time = forms.TimeField(
        label="Time",
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        error_messages={"invalid": "Write the time as in 09:30."},
    )

    at: datetime

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone_name = tenant.timezone
        now = timezone.localtime(timezone=ZoneInfo(tenant.timezone))
        self.fields["date"].widget.attrs["min"] = now.date().isoformat()
        self.fields["time"].help_text = f"In {tenant.timezone}, where it is {now:%H:%M} now."

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        if "date" not in values or "time" not in values:
            return values
        wanted = datetime.combine(values["date"], values["time"])
        # Of an hour that comes twice in autumn, this is the first.
        self.at = wanted.replace(tzinfo=ZoneInfo(self._zone_name))
        try:
            skipped = _there_and_back(self.at).replace(tzinfo=None) != wanted
        except OverflowError:
            self.add_error("date", "Choose a day within the next year.")
            return values
        if skipped:
            self.add_error(
                "time",
                f"The clocks in {self._zone_name} skip {wanted:%H:%M} on this day. Choose an "
                "earlier or a later time.",
            )
        return values


def _there_and_back(moment: datetime) -> datetime:
    """The same moment through UTC: a wall time that the clocks skip comes back as another."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)
