"""Forms of the pages about workspaces, members and keys."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from tenants.errors import LookRefused
from tenants.look import LOGO_BYTES, kind_of_picture, read_colour
from tenants.models import Accent, ApiKey, Role, Scope, Tenant
from tenants.services.workspaces import Limits, Look, Profile


def _between(least: str, most: str, usual: str) -> dict[str, str]:
    words = f"Write a number from {least} to {most}, such as {usual}."
    return dict.fromkeys(("required", "invalid", "min_value", "max_value"), words)


class WorkspaceForm(forms.ModelForm):
    """What a workspace says of itself. Reads a tenant, but does not save: the service does."""

    timezone = forms.ChoiceField(
        label="Time zone",
        choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
        initial="UTC",
        help_text="Times are shown in it, and campaigns are planned in it.",
    )

    website = forms.URLField(
        required=False,
        assume_scheme="https",
        help_text="AWS asks for it when you request production access.",
    )

    class Meta:
        model = Tenant
        fields: tuple[str, ...] = (
            "name",
            "timezone",
            "website",
            "postal_address",
            "monthly_report",
        )
        labels = {"monthly_report": "Mail the members a report each month"}
        help_texts = {
            "name": "Your company, as the people you write to know it.",
            "monthly_report": "How you kept AWS's rules, what changed, and what to do next. It "
            "comes on the first, to owners, admins and marketers.",
        }
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}

    def values(self) -> Profile:
        """The cleaned values, for the service."""
        return Profile(**self.cleaned_data)


class NewWorkspaceForm(WorkspaceForm):
    """The same questions, asked in the time zone of the person's own browser."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["monthly_report"]
        if not self.is_bound:
            self.fields["timezone"].widget.attrs["data-own-time-zone"] = True


class LookForm(forms.ModelForm):
    """How the public pages look. Reads a tenant, but does not save: the services do."""

    logo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
        help_text="PNG, JPEG, GIF or WebP, at most 200 KB. It is shown at most 48 pixels high.",
    )
    remove_logo = forms.BooleanField(label="Show no logo", required=False)

    class Meta:
        model = Tenant
        fields = ("accent", "colour", "public_footer")
        labels = {
            "accent": "Colour",
            "colour": "A colour of your own",
            "public_footer": "At the foot of each page",
        }
        help_texts = {
            "accent": "Of your public pages and of the mail that confirms a sign-up.",
            "colour": "Such as #7a1f5c, and used instead of the one above. White text on it must "
            "be readable.",
            "public_footer": "Below your postal address: imprint, link to your privacy policy.",
        }
        widgets = {"public_footer": forms.Textarea(attrs={"rows": 3})}

    def clean_colour(self) -> str:
        try:
            return read_colour(self.cleaned_data["colour"])
        except LookRefused as error:
            raise forms.ValidationError(error.message) from error

    def clean_logo(self) -> bytes | None:
        """The picture, or None when none was chosen."""
        file = self.cleaned_data["logo"]
        if file is None:
            return None
        picture: bytes = file.read(LOGO_BYTES + 1)
        try:
            kind_of_picture(picture)
        except LookRefused as error:
            raise forms.ValidationError(error.message) from error
        return picture

    def values(self) -> Look:
        """The cleaned values, for the service."""
        values = self.cleaned_data
        return Look(Accent(values["accent"]), values["colour"], values["public_footer"])


class LimitsForm(forms.ModelForm):
    """When a campaign stops by itself, and how long messages are kept.

    Above 10 % bounces or 0.5 % complaints AWS may stop the account's mail, so that no limit there
    helps (https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
    """

    bounce_limit = forms.FloatField(
        label="Bounce limit",
        min_value=0.5,
        max_value=10,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text="A campaign is paused when more of its mails than this bounce for good. AWS "
        "looks into an account at 5 %, and may stop its mail at 10 %. We suggest 4 %.",
        error_messages=_between("0.5", "10", "4"),
    )
    complaint_limit = forms.FloatField(
        label="Complaint limit",
        min_value=0.01,
        max_value=0.5,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text="A campaign is paused when more of those who got it than this mark it as spam. "
        "AWS looks into an account at 0.1 %, and may stop its mail at 0.5 %. We suggest 0.08 %.",
        error_messages=_between("0.01", "0.5", "0.08"),
    )
    soft_bounce_days = forms.IntegerField(
        label="Soft bounces on",
        required=False,
        min_value=2,
        max_value=30,
        help_text="A mailbox that is full, or cannot be reached, on so many different days is "
        "suppressed, unless a mail arrived in between. Out-of-office answers, and mails that are "
        "refused for what is in them, do not count. We suggest 4. Empty: never.",
        error_messages=_between("2", "30", "4"),
    )
    soft_bounce_window = forms.IntegerField(
        label="Within",
        min_value=2,
        max_value=30,
        help_text="The days of soft bounces that are counted together. We suggest 14.",
        error_messages=_between("2", "30", "14"),
    )
    retention_days = forms.IntegerField(
        label="Keep messages for",
        min_value=30,
        max_value=3650,
        help_text="Who got which mail, and what came of it, is deleted when it is older. Reports "
        "keep their totals. With fewer days, what is older than that is soon gone for good.",
        error_messages=_between("30", "3650", "365"),
    )
    unengaged_days = forms.IntegerField(
        label="Unengaged after",
        required=False,
        min_value=30,
        max_value=3650,
        help_text="Who is here for longer, and has opened or clicked nothing for as long, is "
        "unengaged. Each campaign may leave them out. Empty: nobody is.",
        error_messages=_between("30", "3650", "180"),
    )

    class Meta:
        model = Tenant
        fields = (
            "bounce_limit",
            "complaint_limit",
            "soft_bounce_days",
            "soft_bounce_window",
            "retention_days",
            "unengaged_days",
        )

    def clean_soft_bounce_window(self) -> int:
        window: int = self.cleaned_data["soft_bounce_window"]
        days = self.cleaned_data.get("soft_bounce_days")
        if days is not None and window < days:
            raise forms.ValidationError(f"{days} days do not fit into {window}.")
        return window

    def values(self) -> Limits:
        """The cleaned values, for the service."""
        return Limits(**self.cleaned_data)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role)


class KeyForm(forms.ModelForm):
    """A new API key. Never saved by itself: the service draws the key."""

    scopes = forms.MultipleChoiceField(
        choices=Scope,
        widget=forms.CheckboxSelectMultiple,
        label="What it may do",
        help_text="Give each program a key of its own, with no more than it needs.",
    )
    expires_in = forms.TypedChoiceField(
        label="Works for",
        choices=[("90", "90 days"), ("365", "1 year"), ("0", "Until it is revoked")],
        initial="365",
        coerce=int,
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes")
        help_texts = {"name": "Where it is used, such as “Shop, production”."}

    def values(self) -> dict[str, Any]:
        """The cleaned values as arguments of services.api_keys.create_key."""
        return {
            "name": self.cleaned_data["name"],
            "scopes": self.cleaned_data["scopes"],
            "expires_at": self._expires_at(),
        }

    def _expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires_in"]
        return timezone.now() + timedelta(days=days) if days else None
