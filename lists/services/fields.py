"""The fields of a workspace's contacts."""

from collections.abc import Iterable

from django.db import transaction

from lists.errors import BulkRefused, FieldTaken
from lists.mapping import TARGETS, field_key
from lists.models import BulkAction, BulkKind, BulkStatus, ContactField, FieldKind
from lists.selectors.filters import ContactFilter
from lists.services.bulk import start_bulk
from lists.services.naming import name_of_its_own
from lists.services.segments import refuse_if_used
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit


def create_field(
    *,
    tenant: Tenant,
    label: str,
    kind: FieldKind = FieldKind.STRING,
    actor: User | None = None,
    request: HasMeta | None = None,
) -> ContactField:
    """A new field, whose key in merge tags comes of its label. Raises FieldTaken."""
    label = label.strip()
    key = field_key(label)
    if not key:
        raise FieldTaken("Give it a name with Latin letters or digits: merge tags are made of it.")
    if key in TARGETS:
        raise FieldTaken(f"Every contact has {label} already. Choose another name.")
    if _being_cleared(tenant, key):
        raise FieldTaken(f"The values of an older field {key} are being deleted. Wait for its end.")
    with name_of_its_own(FieldTaken(f"There is a field {key} already. Choose another name.")):
        made: ContactField = ContactField.unscoped.create(
            tenant=tenant, key=key, label=label, kind=kind
        )
        audit.record(
            tenant=tenant,
            actor=actor,
            action="field.created",
            target=label,
            detail={"key": key, "kind": str(kind)},
            request=request,
        )
    return made


@transaction.atomic
def rename_field(
    *, field: ContactField, label: str, actor: User | None = None, request: HasMeta | None = None
) -> ContactField:
    """Changes what the field is called. Its key stays: mails use it."""
    before, field.label = field.label, label.strip()
    field.save(update_fields=["label"])
    audit.record(
        tenant=field.tenant,
        actor=actor,
        action="field.renamed",
        target=field.label,
        detail={"key": field.key, "before": before},
        request=request,
    )
    return field


@transaction.atomic
def delete_field(
    *, field: ContactField, actor: User | None = None, request: HasMeta | None = None
) -> BulkAction | None:
    """Deletes the field at once, and its values by the act that comes back: None where nobody is.

    Mails that print it print nothing there from now on. Raises InUse while a segment names it.
    """
    refuse_if_used(field)
    audit.record(
        tenant=field.tenant,
        actor=actor,
        action="field.deleted",
        target=field.label,
        detail={"key": field.key, "kind": field.kind},
        request=request,
    )
    field.delete()
    try:
        return start_bulk(
            tenant=field.tenant,
            kind=BulkKind.CLEAR_FIELD,
            wanted=ContactFilter(),
            actor=actor,
            field_key=field.key,
            request=request,
        )
    except BulkRefused:
        return None


def _being_cleared(tenant: Tenant, key: str) -> bool:
    going = (BulkStatus.QUEUED, BulkStatus.RUNNING)
    acts = BulkAction.objects.for_tenant(tenant).filter(kind=BulkKind.CLEAR_FIELD, what=key)
    return bool(acts.filter(status__in=going).exists())


def ensure_fields(*, tenant: Tenant, wanted: Iterable[tuple[str, str, FieldKind]]) -> None:
    """Makes those of these (key, label, kind) that are not there yet; others stay as they are."""
    ContactField.unscoped.bulk_create(
        (
            ContactField(tenant=tenant, key=key, label=label[:120], kind=kind)
            for key, label, kind in wanted
        ),
        ignore_conflicts=True,
    )
