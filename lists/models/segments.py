"""Saved conditions, and what the contacts' mails came to."""

import uuid

from django.db import models
from django.db.models.functions import Lower

from lists.models.people import Contact
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class Segment(TenantOwned):
    """Contacts for whom a definition holds, whenever somebody asks."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    definition = models.JSONField(help_text="as lists.segments.reading writes it")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint("tenant", Lower("name"), name="segment_name")]

    def __str__(self) -> str:
        return self.name


class Engagement(TenantOwned):
    """When a contact was last sent a campaign's mail, got, opened or clicked one.

    One narrow row a contact answers `within N days` and its opposite without touching a single
    message. No index on the moments: they change all the time, and such an update is cheap only
    where no index has the column. As for Subscription, the database checks no foreign key.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    contact = models.OneToOneField(
        Contact,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="engagement",
        db_constraint=False,
    )
    last_sent_at = models.DateTimeField(null=True)
    last_delivered_at = models.DateTimeField(null=True)
    last_opened_at = models.DateTimeField(null=True, help_text="by a person, as far as is known")
    last_clicked_at = models.DateTimeField(null=True, help_text="by a person, as far as is known")

    class Meta(TenantOwned.Meta):
        pass

    def __str__(self) -> str:
        return f"engagement of {self.contact_id}"
