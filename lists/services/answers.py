"""What a visitor's answers give to a contact with the confirmation."""

from collections.abc import Mapping

from lists.fields import Value, is_of_kind
from lists.models import Contact, ContactField
from lists.signup_fields import NAMES


def take_values(contact: Contact, values: Mapping[str, Value]) -> None:
    """Fills in what is missing; what the workspace has already is not overwritten by a form.

    Called with the contact locked, in the caller's transaction.
    The click proves that the reader of the address wants the mail, not who typed the rest.
    """
    changed = []
    names = {key: str(values[key]) for key in NAMES if key in values}
    if names and not contact.first_name and not contact.last_name:
        contact.first_name = names.get("first_name", "")
        contact.last_name = names.get("last_name", "")
        changed += ["first_name", "last_name"]
    own = _still_asked(contact, values)
    if new := {key: value for key, value in own.items() if key not in contact.fields}:
        contact.fields = contact.fields | new
        changed.append("fields")
    if changed:
        contact.save(update_fields=[*changed, "updated_at"])


def _still_asked(contact: Contact, values: Mapping[str, Value]) -> dict[str, Value]:
    """Those values whose field has not been deleted since, nor made anew of another kind."""
    given = {key: value for key, value in values.items() if key not in NAMES}
    if not given:
        return {}
    kinds = ContactField.objects.for_tenant(contact.tenant).filter(key__in=given)
    return {
        key: given[key]
        for key, kind in kinds.values_list("key", "kind")
        if is_of_kind(kind, given[key])
    }
