"""A contact, added or changed by a member."""

from collections.abc import Iterable
from typing import Any

from django import forms

from lists.fields import Value
from lists.forms.fields import ValueField
from lists.models import Contact, ContactField, List
from lists.services.contacts import CONSENT_WORDING
from tenants.models import Tenant


class AttestationField(forms.BooleanField):
    """The tick without which nobody is put on a list by a member."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            error_messages={
                "required": "Without consent they must not be mailed. Tick this if you have it."
            },
            **kwargs,
        )


class ContactForm(forms.Form):
    """A new contact and its first lists."""

    email = forms.CharField(
        label="Email address",
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    first_name = forms.CharField(max_length=120, required=False)
    last_name = forms.CharField(max_length=120, required=False)
    lists = forms.ModelMultipleChoiceField(
        List.unscoped.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    attested = AttestationField(label=CONSENT_WORDING, required=False)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lists"].queryset = List.objects.for_tenant(tenant).order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("lists") and not values.get("attested"):
            self.add_error("attested", self.fields["attested"].error_messages["required"])
        return values


class EditContactForm(forms.Form):
    """Names and own fields of a contact; the address is what it is."""

    first_name = forms.CharField(max_length=120, required=False)
    last_name = forms.CharField(max_length=120, required=False)

    def __init__(self, data: Any, *, contact: Contact, own: Iterable[ContactField]) -> None:
        initial = {"first_name": contact.first_name, "last_name": contact.last_name}
        initial |= {f"own-{key}": value for key, value in contact.fields.items()}
        super().__init__(data, initial=initial)
        for field in own:
            self.fields[f"own-{field.key}"] = ValueField(field.kind, label=field.label)

    def own(self) -> dict[str, Value]:
        """The own fields that have a value, by key."""
        return {
            name.removeprefix("own-"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("own-") and value is not None
        }


class SubscribeForm(forms.Form):
    """One more list for a contact."""

    list = forms.ModelChoiceField(List.unscoped.none(), empty_label=None)
    attested = AttestationField(label=CONSENT_WORDING)

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["list"].queryset = (  # type: ignore[attr-defined]
            List.unscoped.filter(tenant_id=contact.tenant_id)
            .exclude(subscriptions__contact=contact)
            .order_by("name")
        )
