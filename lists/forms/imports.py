"""The import wizard: choose a file, say what its columns are and where the contacts go."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms import BoundField

from lists import workbooks
from lists.charsets import ENCODINGS
from lists.consent_columns import in_plain_words
from lists.csvfile import DELIMITERS, MAX_BYTES
from lists.forms.contacts import AttestationField
from lists.forms.tags import TagNamesField
from lists.mapping import FIELD_PREFIX, TARGETS, State, field_key, split_kind, with_kind
from lists.models import FieldKind, Import, List, Tag, UpdatePolicy
from lists.selectors.fields import fields_of
from lists.services.imports import CONSENT_WORDING, Choices

_MB = 1024 * 1024
_STATES = {
    State.ACTIVE: "Subscribed: they may be mailed",
    State.UNCONFIRMED: "Not confirmed: they are not mailed until they confirm",
    State.UNSUBSCRIBED: "Unsubscribed: these lists never mail them",
    State.BLOCKED: "Blocked: suppressed, nothing is sent to them",
    State.BOUNCED: "Bounced or cleaned: suppressed, nothing is sent to them",
    State.COMPLAINED: "Complained: suppressed, nothing is sent to them",
}


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file or Excel workbook",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,text/csv"}),
        help_text=(
            f"The first line names the columns. At most {MAX_BYTES // _MB} MB of CSV, or "
            f"{workbooks.MAX_BYTES // _MB} MB of Excel (.xlsx)."
        ),
        error_messages={"empty": "The file is empty.", "required": "Choose a file."},
    )


class ReadingForm(forms.Form):
    """How a file is read, where what was found is wrong."""

    encoding = forms.ChoiceField(label="Text encoding", choices=list(ENCODINGS.items()))
    delimiter = forms.ChoiceField(label="Columns are parted by", choices=list(DELIMITERS.items()))
    sheet = forms.ChoiceField()

    def __init__(self, *, import_: Import) -> None:
        super().__init__(
            initial={
                "encoding": import_.encoding,
                "delimiter": import_.delimiter,
                "sheet": import_.sheet,
            }
        )
        if import_.workbook:
            del self.fields["encoding"], self.fields["delimiter"]
            self.fields["sheet"].choices = [(name, name) for name in import_.sheets]  # type: ignore[attr-defined]
        else:
            del self.fields["sheet"]
            if import_.delimiter not in DELIMITERS:  # said by the file itself: sep=…
                self.fields["delimiter"].choices += [(import_.delimiter, import_.delimiter)]  # type: ignore[attr-defined]


def _new_field(target: str) -> Iterator[tuple[str, str]]:
    key = target.removeprefix(FIELD_PREFIX)
    for kind in FieldKind:
        yield with_kind(target, kind), f"New field {key}, {kind.label.lower()}"


class StartForm(forms.Form):
    """The word of the member who starts it."""

    attested = AttestationField(label=CONSENT_WORDING)


class MappingForm(forms.Form):
    """What each column becomes, which lists and tags the rows go to, and what they overwrite."""

    lists = forms.ModelMultipleChoiceField(
        List.unscoped.none(),
        label="Lists they join",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="At least one, or a new one, or a tag.",
    )
    new_list = forms.CharField(
        label="New list", max_length=120, required=False, help_text="Made when the import starts."
    )
    tags = forms.ModelMultipleChoiceField(
        Tag.unscoped.none(),
        label="Tags they get",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    new_tags = TagNamesField(
        label="New tags",
        max_length=500,
        required=False,
        help_text="With commas between them. Made when the import starts.",
    )
    policy = forms.ChoiceField(
        label="Fields of contacts that you have already",
        choices=UpdatePolicy.choices,
        widget=forms.RadioSelect,
    )
    state = forms.TypedChoiceField(
        label="Rows without a status are",
        choices=[(int(state), words) for state, words in _STATES.items()],
        coerce=lambda value: State(int(value)),
        help_text="Nobody who unsubscribed, bounced or complained before is ever subscribed again.",
    )
    attested = AttestationField(label=CONSENT_WORDING, required=False)

    def __init__(self, data: Any = None, *, import_: Import) -> None:
        super().__init__(
            data,
            initial={
                "lists": import_.lists.all(),
                "new_list": import_.new_list,
                "tags": import_.tags.all(),
                "new_tags": ", ".join(import_.new_tags),
                "policy": import_.policy,
                "state": import_.state,
            },
        )
        self._import = import_
        for name, model in (("lists", List), ("tags", Tag)):
            self.fields[name].queryset = (  # type: ignore[attr-defined]
                model.objects.for_tenant(import_.tenant).order_by("name")
            )
        known = {
            FIELD_PREFIX + field.key: f"{field.label} ({field.get_kind_display().lower()})"
            for field in fields_of(import_.tenant)
        }
        for number, column in enumerate(import_.columns):
            self.fields[f"column-{number}"] = self._column(number, column, known)

    def _column(self, number: int, column: str, known: dict[str, str]) -> forms.ChoiceField:
        target, kind = split_kind(self._import.mapping.get(column, ""))
        own = target if target.startswith(FIELD_PREFIX) else ""
        own = own or FIELD_PREFIX + (field_key(column) or f"column_{number + 1}")
        new = [] if own in known else list(_new_field(own))
        if target == own and new:
            kind = FieldKind(self._import.kinds.get(own.removeprefix(FIELD_PREFIX), kind))
            target = with_kind(own, kind)
        return forms.ChoiceField(
            label=column,
            required=False,
            initial=target,
            choices=[*TARGETS.items(), *known.items(), *new, ("", "Skip this column")],
        )

    def columns(self) -> Iterator[tuple[BoundField, list[str], str]]:
        """Each column's choice, with values from the first rows, and how its answers are read
        where it is the status.
        """
        for number, column in enumerate(self._import.columns):
            values = [row[number] for row in self._import.sample if number < len(row)]
            values = [value for value in values if value.strip()]
            yield self[f"column-{number}"], values[:3], in_plain_words(column, values)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not any(values.get(name) for name in ("lists", "new_list", "tags", "new_tags")):
            self.add_error("lists", "Choose a list for these contacts, or name a new one below.")
        if self.data.get("act") == "start" and not values.get("attested"):
            self.add_error("attested", self.fields["attested"].error_messages["required"])
        return values

    def choices(self) -> Choices:
        """What was chosen, once the form is valid."""
        given = self.cleaned_data
        return Choices(
            mapping={
                column: given[f"column-{number}"]
                for number, column in enumerate(self._import.columns)
            },
            lists=list(given["lists"]),
            new_list=given["new_list"],
            tags=list(given["tags"]),
            new_tags=given["new_tags"],
            policy=UpdatePolicy(given["policy"]),
            state=given["state"],
        )
