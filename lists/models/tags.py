"""Tags: words that a workspace sorts its contacts by."""

import uuid

from django.db import models
from django.db.models.functions import Lower

from lists.models.imports import Import
from lists.models.people import Contact
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class Tag(TenantOwned):
    """A word that contacts are sorted by; `VIP` and `vip` are one."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint("tenant", Lower("name"), name="tag_name")]

    def __str__(self) -> str:
        return self.name


class ContactTag(TenantOwned):
    """A contact has a tag. As for Subscription, the database checks no foreign key: whoever deletes
    a contact or a tag deletes these first.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.CASCADE,
        related_name="tagged",
        db_index=False,
        db_constraint=False,
    )
    tag = models.ForeignKey(
        Tag, on_delete=models.CASCADE, related_name="tagged", db_index=False, db_constraint=False
    )
    # The import that gave it, which can be undone.
    imported = models.ForeignKey(
        Import,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="tagged_once")]
        indexes = [
            # Everyone with a tag, walked by contact id.
            models.Index(fields=["tag", "contact"], name="tagged_with"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} has tag {self.tag_id}"
