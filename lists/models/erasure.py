"""What recognises an erased address; docs/decisions/erasure.md."""

from django.db import models

from tenants.fields import EncryptedJSONField
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class ErasureKey(TenantOwned):
    """The secret that a tenant's erased addresses are hashed with; made by its first erasure.

    It is never changed: the addresses that it hashed are gone.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="+")
    key = EncryptedJSONField(help_text="{secret}: 32 random bytes in hexadecimal")

    def __str__(self) -> str:
        return f"erasure key of tenant {self.tenant_id}"
