"""Tags: their names, and those of one contact."""

from django import forms

from lists.services.tags import LENGTH


class TagForm(forms.Form):
    name = forms.CharField(max_length=LENGTH, help_text="A word or a few, such as VIP.")


class ContactTagsForm(forms.Form):
    """All tags of a contact, as one line of text."""

    tags = forms.CharField(
        max_length=5_000,
        required=False,
        help_text="Parted by commas. A word that is no tag yet becomes one.",
    )

    def names(self) -> list[str]:
        """The names in it, none of them blank."""
        parts = self.cleaned_data["tags"].split(",")
        return [name for part in parts if (name := part.strip())]
