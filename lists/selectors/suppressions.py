"""Reading suppressions."""

from collections.abc import Iterable

from django.db.models import QuerySet

from lists.models import Contact, Source, Suppression, SuppressionReason
from tenants.models import Tenant

# Where a suppression can come from.
SOURCES = (Source.SES, Source.MEMBER, Source.IMPORT, Source.API)


def find_suppressions(
    *, tenant: Tenant, search: str = "", reason: str = "", source: str = ""
) -> QuerySet[Suppression]:
    """Suppressions of addresses that hold `search`, for one reason or all, from one source or all;
    in no order."""
    rows: QuerySet[Suppression] = Suppression.objects.for_tenant(tenant)
    if search:
        rows = rows.filter(email_norm__contains=search.lower())
    if reason in SuppressionReason.values:
        rows = rows.filter(reason=reason)
    if source in SOURCES:
        rows = rows.filter(source=source)
    return rows


def suppression_of_address(*, tenant: Tenant, email_norm: str) -> Suppression | None:
    """The suppression of this address, or None; that of an erased person has no address."""
    rows: QuerySet[Suppression] = Suppression.objects.for_tenant(tenant)
    return rows.filter(email_norm=email_norm).first()


def contacts_by_address(
    *, tenant: Tenant, suppressions: Iterable[Suppression]
) -> dict[str, Contact]:
    """The contacts that have these addresses, by normalised address."""
    addresses = [one.email_norm for one in suppressions]
    rows = Contact.objects.for_tenant(tenant).filter(email_norm__in=addresses)
    return {contact.email_norm: contact for contact in rows}
