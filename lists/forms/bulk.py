"""What to do with many contacts."""

from typing import Any

from django import forms

from lists.forms.contacts import AttestationField
from lists.models import BulkKind, List, Tag
from lists.services.contacts import CONSENT_WORDING
from lists.services.tags import LENGTH
from tenants.models import Tenant

_KINDS = [
    (kind.value, kind.label)
    for kind in (
        BulkKind.ADD_TAG,
        BulkKind.REMOVE_TAG,
        BulkKind.ADD_TO_LIST,
        BulkKind.REMOVE_FROM_LIST,
        BulkKind.SUPPRESS,
        BulkKind.DELETE,
    )
]
DELETE_WORD = "delete"


class BulkForm(forms.Form):
    """One act, and what it is about."""

    kind = forms.ChoiceField(label="What to do", choices=_KINDS, widget=forms.RadioSelect)
    list = forms.ModelChoiceField(List.unscoped.none(), required=False, empty_label="Choose a list")
    attested = AttestationField(label=CONSENT_WORDING, required=False)
    new_tag = forms.CharField(
        label="Tag", max_length=LENGTH, required=False, help_text="A new one, or one that is there."
    )
    tag = forms.ModelChoiceField(
        Tag.unscoped.none(), label="Which tag", required=False, empty_label="Choose a tag"
    )
    word = forms.CharField(
        label=f"Type {DELETE_WORD} to go on",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, data: Any, *, tenant: Tenant, may_suppress: bool) -> None:
        super().__init__(data, initial={"kind": BulkKind.ADD_TAG})
        lists, tags = List.objects.for_tenant(tenant), Tag.objects.for_tenant(tenant)
        self.fields["list"].queryset = lists.order_by("name")  # type: ignore[attr-defined]
        self.fields["tag"].queryset = tags.order_by("name")  # type: ignore[attr-defined]
        if not may_suppress:
            kinds = [kind for kind in _KINDS if kind[0] != BulkKind.SUPPRESS]
            self.fields["kind"].choices = kinds  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        match values.get("kind"):
            case BulkKind.ADD_TAG:
                self._need("new_tag", "Write the tag.")
            case BulkKind.REMOVE_TAG:
                self._need("tag", "Choose the tag.")
            case BulkKind.ADD_TO_LIST:
                self._need("list", "Choose the list.")
                self._need("attested", str(self.fields["attested"].error_messages["required"]))
            case BulkKind.REMOVE_FROM_LIST:
                self._need("list", "Choose the list.")
            case BulkKind.DELETE:
                if values.get("word", "").strip().lower() != DELETE_WORD:
                    self.add_error("word", f"Type {DELETE_WORD}: it cannot be undone.")
        return values

    def _need(self, name: str, message: str) -> None:
        if not self.cleaned_data.get(name) and name not in self.errors:
            self.add_error(name, message)
