"""Tenant scoping that fails closed: no query on a tenant's table without naming the tenant."""

from typing import TYPE_CHECKING, Any

from django.db import models

from tenants.errors import UnscopedQuery

if TYPE_CHECKING:
    from tenants.models import Tenant


class TenantQuerySet(models.QuerySet[Any]):
    """A queryset that has already been narrowed to one tenant."""


class TenantManager(models.Manager[Any]):
    """Raises UnscopedQuery for every query until `.for_tenant(tenant)` names the tenant."""

    def for_tenant(self, tenant: "Tenant") -> TenantQuerySet:
        """Rows of this tenant only."""
        return TenantQuerySet(self.model, using=self._db).filter(tenant=tenant)

    def get_queryset(self) -> Any:
        raise UnscopedQuery(
            f"{self.model.__name__}.objects needs .for_tenant(tenant); "
            f"a query across tenants says {self.model.__name__}.unscoped"
        )


class TenantOwned(models.Model):
    """Base of every row that belongs to a tenant.

    `unscoped` is Django's default and base manager (related access, admin, migrations use it),
    so each deliberate crossing of tenants is one word to search for.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")

    unscoped = models.Manager()
    objects = TenantManager()

    class Meta:
        abstract = True
        default_manager_name = "unscoped"
        base_manager_name = "unscoped"
