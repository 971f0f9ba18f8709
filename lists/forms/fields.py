"""Fields of contacts, and the form fields for their values."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from lists.errors import FieldRefused
from lists.fields import LENGTH, Value, parse, show
from lists.models import ContactField, FieldKind

_HELP = {
    FieldKind.STRING: "",
    FieldKind.NUMBER: "A number, such as 1200 or -3.5.",
    FieldKind.BOOLEAN: "",
    FieldKind.DATE: "",
}


class NewFieldForm(forms.Form):
    label = forms.CharField(
        label="Name", max_length=120, help_text="Its merge tag is made of it: City becomes city."
    )
    kind = forms.ChoiceField(
        label="Kind", choices=FieldKind.choices, help_text="It cannot be changed afterwards."
    )


class RenameFieldForm(forms.ModelForm):
    class Meta:
        model = ContactField
        fields = ("label",)
        labels = {"label": "Name"}


class ValueField(forms.CharField):
    """A value of a contact field; its clean value is None where it was left blank."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(
            required=False, widget=_widget(kind), help_text=_HELP[FieldKind(kind)], **kwargs
        )
        self._kind = kind

    def clean(self, value: Any) -> Value | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse(self._kind, text)
        except FieldRefused as error:
            raise ValidationError(error.message) from error

    def prepare_value(self, value: Any) -> Any:
        return show(value) if isinstance(value, (bool, int, float)) else value


def _widget(kind: str) -> forms.Widget:
    match kind:
        case FieldKind.BOOLEAN:
            return forms.Select(choices=[("", "Not known"), ("Yes", "Yes"), ("No", "No")])
        case FieldKind.DATE:
            return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        case FieldKind.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal"})
        case _:
            return forms.TextInput(attrs={"maxlength": LENGTH})
