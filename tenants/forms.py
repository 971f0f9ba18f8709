"""Forms of the pages about workspaces, members and keys."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from tenants.models import Accent, ApiKey, Role, Scope, Tenant
from tenants.services.workspaces import Profile


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
        fields: tuple[str, ...] = ("name", "timezone", "website", "postal_address", "accent")
        labels = {"accent": "Colour"}
        help_texts = {
            "name": "Your company, as the people you write to know it.",
            "accent": "Of your public pages and of the mail that confirms a sign-up.",
        }
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}

    def profile(self) -> Profile:
        """The cleaned values, for the service."""
        return Profile(**self.cleaned_data | {"accent": Accent(self.cleaned_data["accent"])})


class NewWorkspaceForm(WorkspaceForm):
    """The first questions only; the colour can wait."""

    class Meta(WorkspaceForm.Meta):
        fields = ("name", "timezone", "website", "postal_address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.fields["timezone"].widget.attrs["data-own-time-zone"] = True

    def profile(self) -> Profile:
        return Profile(**self.cleaned_data)


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
