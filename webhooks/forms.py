"""How somebody wants to be told of bounces and complaints."""

import zoneinfo
from typing import Any

from django import forms

from webhooks.cadence import EACH_PER_HOUR
from webhooks.models import About, AlertChoice, Cadence
from webhooks.services.choices import Wanted

_HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


def _quiet(label: str, **values: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label,
        required=False,
        choices=[("", "No quiet hours"), *_HOURS],
        coerce=int,
        empty_value=None,
        **values,
    )


class AlertForm(forms.ModelForm):
    """Reads an AlertChoice, but does not save: the services do."""

    cadence = forms.ChoiceField(
        label="Mail me",
        choices=Cadence,
        widget=forms.RadioSelect,
        help_text=f"One by one, at most {EACH_PER_HOUR} mails come in an hour; what is more comes "
        "together.",
    )
    about = forms.ChoiceField(label="About", choices=About)
    # Not sent where no daily mail is wanted.
    daily_at = forms.TypedChoiceField(
        label="Daily mail at", required=False, choices=_HOURS, coerce=int, empty_value=None
    )
    at_least = forms.IntegerField(
        label="Only from so many on",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Fewer wait for the next mail. Empty: each counts.",
    )
    at_share = forms.FloatField(
        label="Or from a share on",
        required=False,
        min_value=0.01,
        max_value=100,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text="Of one campaign's mails, once 100 were sent. Empty: any share.",
    )
    quiet_from = _quiet("No mail from")
    quiet_until = _quiet(
        "Until",
        help_text="It comes afterwards. That a limit has paused a campaign is mailed at any hour.",
    )
    timezone = forms.ChoiceField(
        label="Time zone of these hours",
        required=False,
        choices=[("", "The workspace's")]
        + [(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
    )

    class Meta:
        model = AlertChoice
        fields = (
            "cadence",
            "about",
            "daily_at",
            "at_least",
            "at_share",
            "quiet_from",
            "quiet_until",
            "timezone",
        )

    def clean_daily_at(self) -> int:
        hour: int | None = self.cleaned_data["daily_at"]
        return AlertChoice().daily_at if hour is None else hour

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        start, end = values.get("quiet_from"), values.get("quiet_until")
        if (start is None) != (end is None):
            self.add_error(
                "quiet_until" if end is None else "quiet_from", "Choose both hours, or neither."
            )
        elif start is not None and start == end:
            self.add_error("quiet_until", "Quiet hours end at another hour than they begin.")
        return values

    def values(self) -> Wanted:
        """The cleaned values, for the services."""
        return Wanted(**self.cleaned_data)
