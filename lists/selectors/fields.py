"""Reading the fields of a workspace's contacts."""

from django.db.models import QuerySet

from lists.models import ContactField
from tenants.models import Tenant


def fields_of(tenant: Tenant) -> QuerySet[ContactField]:
    """By label."""
    fields: QuerySet[ContactField] = ContactField.objects.for_tenant(tenant)
    return fields.order_by("label", "key")


def field_names(tenant: Tenant) -> list[str]:
    """The keys of the fields, for merge tags, in alphabetical order."""
    return sorted(fields_of(tenant).values_list("key", flat=True))
