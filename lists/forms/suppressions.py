"""Addresses suppressed by hand."""

from django import forms


class SuppressForm(forms.Form):
    addresses = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        max_length=1_000_000,
        help_text="One a line, or parted by commas.",
    )
    note = forms.CharField(
        max_length=500, required=False, help_text="Why, for those who look here later."
    )
