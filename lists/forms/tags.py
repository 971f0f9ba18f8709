"""Tags: their names, and those of one contact."""

from typing import Any

from django import forms

from lists.services.tags import LENGTH


class TagForm(forms.Form):
    name = forms.CharField(max_length=LENGTH, help_text="A word or a few, such as VIP.")


class TagNamesField(forms.CharField):
    """Names parted by commas, as a list without blank ones."""

    def clean(self, value: Any) -> list[str]:
        parts = super().clean(value).split(",")
        return [name for part in parts if (name := part.strip())]


class ContactTagsForm(forms.Form):
    """All tags of a contact, as one line of text."""

    tags = TagNamesField(
        max_length=5_000,
        required=False,
        help_text="Parted by commas. A word that is no tag yet becomes one.",
    )
