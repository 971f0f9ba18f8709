"""What is sent to whom, and when."""

import uuid

from django.db import models

from lists.models import List
from sending.models import Batch, SesAccount
from tenants.models import User
from tenants.scoping import TenantOwned


class CampaignStatus(models.TextChoices):
    """Draft until it is launched; then the batch's state says how it goes."""

    DRAFT = "draft", "Draft"
    LAUNCHED = "launched", "Launched"


class Campaign(TenantOwned):
    """A mail to the active members of lists."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    ses_account = models.ForeignKey(SesAccount, null=True, on_delete=models.PROTECT)
    from_name = models.CharField(max_length=120, blank=True)
    from_email = models.CharField(max_length=320, blank=True)
    reply_to = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    preheader = models.CharField(max_length=300, blank=True)
    html = models.TextField(blank=True)
    lists = models.ManyToManyField(List, related_name="campaigns", blank=True)
    status = models.CharField(max_length=8, choices=CampaignStatus, default=CampaignStatus.DRAFT)
    batch = models.OneToOneField(
        Batch, null=True, on_delete=models.PROTECT, related_name="campaign"
    )
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["tenant", "-id"], name="campaign_newest")]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(TenantOwned):
    """What a request with this key was answered, so that a repeat is answered the same.

    Written in the transaction that makes the mail: a second request with the same key waits for
    the first at the unique index, and then finds its answer. Kept 24 hours.
    """

    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    response = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return self.key
