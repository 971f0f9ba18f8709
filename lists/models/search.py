"""The text that contacts are searched by; docs/decisions/contact-search.md."""

from django.db import models

from tenants.models import Tenant
from tenants.scoping import TenantOwned

# A bucket is this many ids: Contact.id >> BUCKET_BITS.
BUCKET_BITS = 7


class SearchBlock(TenantOwned):
    """Addresses and names of the tenant's contacts of one bucket, in one text of a page or less.

    It may hold what is no longer so, but misses nothing, unless the bucket has a SearchChange.
    """

    bucket = models.BigIntegerField()
    text = models.TextField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "bucket"], name="search_block_once"),
        ]

    def __str__(self) -> str:
        return f"bucket {self.bucket}"


class SearchChange(TenantOwned):
    """Contacts of the bucket have come, changed or gone since its block was written.

    Triggers of the table of contacts write it, so that nobody can forget to.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    bucket = models.BigIntegerField()

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["tenant", "bucket"], name="search_change_bucket")]

    def __str__(self) -> str:
        return f"bucket {self.bucket}"
