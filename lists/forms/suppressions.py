"""Addresses suppressed by hand or from a file."""

from django import forms

from lists.models import SuppressionReason


class SuppressForm(forms.Form):
    addresses = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        max_length=1_000_000,
        help_text="One a line, or parted by commas.",
    )
    note = forms.CharField(
        max_length=500, required=False, help_text="Why, for those who look here later."
    )


class SuppressionFileForm(forms.Form):
    file = forms.FileField(help_text="CSV, text or JSON, at most 200 MB.")
    reason = forms.ChoiceField(
        label="Reason of lines that name none",
        choices=[
            (reason.value, reason.label)
            for reason in (
                SuppressionReason.MANUAL,
                SuppressionReason.HARD_BOUNCE,
                SuppressionReason.COMPLAINT,
            )
        ],
    )
    note = forms.CharField(
        max_length=500, required=False, help_text="Where the file is from, for those who look here."
    )
