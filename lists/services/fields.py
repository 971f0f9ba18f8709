"""The fields of a workspace's contacts."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from lists.errors import FieldTaken
from lists.mapping import TARGETS, field_key
from lists.models import ContactField, FieldKind
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
    try:
        with transaction.atomic():
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
    except IntegrityError as error:
        raise FieldTaken(f"There is a field {key} already. Choose another name.") from error
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


def ensure_fields(*, tenant: Tenant, wanted: Iterable[tuple[str, str, FieldKind]]) -> None:
    """Makes those of these (key, label, kind) that are not there yet; others stay as they are."""
    ContactField.unscoped.bulk_create(
        (
            ContactField(tenant=tenant, key=key, label=label[:120], kind=kind)
            for key, label, kind in wanted
        ),
        ignore_conflicts=True,
    )
