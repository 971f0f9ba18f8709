"""The import wizard: choose a file, say what its columns are."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms import BoundField

from lists.charsets import ENCODINGS
from lists.csvfile import MAX_BYTES
from lists.forms.contacts import AttestationField
from lists.mapping import FIELD_PREFIX, TARGETS, field_key
from lists.models import FieldKind, Import, List
from lists.selectors.fields import fields_of
from lists.services.imports import CONSENT_WORDING


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        help_text=f"The first line names the columns. At most {MAX_BYTES // 1024 // 1024} MB.",
        error_messages={"empty": "The file is empty.", "required": "Choose a file."},
    )


class EncodingForm(forms.Form):
    encoding = forms.ChoiceField(label="Text encoding", choices=list(ENCODINGS.items()))


def _new_field(target: str) -> Iterator[tuple[str, str]]:
    key = target.removeprefix(FIELD_PREFIX)
    yield target, f"New field {key}, text"
    for kind in (FieldKind.NUMBER, FieldKind.BOOLEAN, FieldKind.DATE):
        yield f"{target}:{kind.value}", f"New field {key}, {kind.label.lower()}"


class MappingForm(forms.Form):
    """What each column becomes, which lists the rows go to, and that they may be mailed."""

    lists = forms.ModelMultipleChoiceField(
        List.unscoped.none(),
        label="Lists they join",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="At least one, or a new one.",
    )
    new_list = forms.CharField(
        label="New list", max_length=120, required=False, help_text="Made when the import starts."
    )
    attested = AttestationField(label=CONSENT_WORDING)

    def __init__(self, data: Any = None, *, import_: Import) -> None:
        super().__init__(data, initial={"lists": import_.lists.all()})
        self._import = import_
        self.fields["lists"].queryset = (  # type: ignore[attr-defined]
            List.unscoped.filter(tenant_id=import_.tenant_id).order_by("name")
        )
        known = {
            FIELD_PREFIX + field.key: f"{field.label} ({field.get_kind_display().lower()})"
            for field in fields_of(import_.tenant)
        }
        for number, column in enumerate(import_.columns):
            suggested = import_.mapping.get(column, "")
            own = (
                suggested
                if suggested.startswith(FIELD_PREFIX)
                else FIELD_PREFIX + (field_key(column) or f"column_{number + 1}")
            )
            new = [] if own in known else list(_new_field(own))
            self.fields[f"column-{number}"] = forms.ChoiceField(
                label=column,
                required=False,
                initial=suggested,
                choices=[*TARGETS.items(), *known.items(), *new, ("", "Skip this column")],
            )

    def columns(self) -> Iterator[tuple[BoundField, list[str]]]:
        """Each column's choice, with values from the first rows."""
        for number in range(len(self._import.columns)):
            values = [row[number] for row in self._import.sample if number < len(row)]
            yield self[f"column-{number}"], [value for value in values if value.strip()][:3]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not values.get("lists") and not values.get("new_list"):
            self.add_error("lists", "Choose a list for these contacts, or name a new one below.")
        return values

    def mapping(self) -> dict[str, str]:
        """Column -> target, "" where it is skipped."""
        return {
            column: self.cleaned_data[f"column-{number}"]
            for number, column in enumerate(self._import.columns)
        }
