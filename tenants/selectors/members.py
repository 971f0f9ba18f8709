"""Memberships: reads."""

from django.db.models import Case, IntegerField, QuerySet, Value, When

from tenants.models import Membership, Role, Tenant, User

_ORDER = Case(
    *(When(role=role, then=Value(place)) for place, role in enumerate(Role)),
    output_field=IntegerField(),
)


def list_members(*, tenant: Tenant) -> QuerySet[Membership]:
    """The members, owners first."""
    return (
        Membership.objects.for_tenant(tenant).select_related("user").order_by(_ORDER, "user__email")
    )


def list_workspaces(*, user: User) -> QuerySet[Membership]:
    """The person's places in workspaces, by name."""
    return user.memberships.select_related("tenant").order_by("tenant__name", "tenant_id")
