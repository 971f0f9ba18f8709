"""What is sent to whom, and when."""

import uuid

from django.db import models
from django.db.models import Q

from lists.models import List, Segment
from sending.models import Batch, SesAccount
from tenants.models import User
from tenants.scoping import TenantOwned


class CampaignStatus(models.TextChoices):
    """Draft until it is launched; then the batch's state says how it goes.

    A scheduled one leaves at its time. One that could not (we were not there) asks what to do.
    """

    DRAFT = "draft", "Draft"
    SCHEDULED = "scheduled", "Scheduled"
    MISSED = "missed", "Missed its time"
    LAUNCHED = "launched", "Launched"


class Campaign(TenantOwned):
    """A mail to the active members of lists and segments, without those of excluded ones."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    ses_account = models.ForeignKey(SesAccount, null=True, on_delete=models.RESTRICT)
    from_name = models.CharField(max_length=120, blank=True)
    from_email = models.CharField(max_length=320, blank=True)
    reply_to = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    preheader = models.CharField(max_length=300, blank=True)
    html = models.TextField(blank=True)
    lists = models.ManyToManyField(List, related_name="campaigns", blank=True)
    segments = models.ManyToManyField(Segment, related_name="campaigns", blank=True)
    excluded_lists = models.ManyToManyField(List, related_name="+", blank=True)
    excluded_segments = models.ManyToManyField(
        Segment, related_name="excluded_by_campaigns", blank=True
    )
    leave_out_unengaged = models.BooleanField(
        default=False, help_text="those whom the workspace's rule calls unengaged"
    )
    status = models.CharField(max_length=10, choices=CampaignStatus, default=CampaignStatus.DRAFT)
    scheduled_at = models.DateTimeField(null=True, help_text="when it leaves, or should have left")
    held_reason = models.CharField(
        max_length=500, blank=True, help_text="why it became a draft again at its time"
    )
    batch = models.OneToOneField(
        Batch, null=True, on_delete=models.RESTRICT, related_name="campaign"
    )
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-id"], name="campaign_newest"),
            # The clock looks for what is due.
            models.Index(
                fields=["scheduled_at"], condition=Q(status="scheduled"), name="campaign_due"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertKind(models.TextChoices):
    """What the members are told of a campaign."""

    LIMIT = "limit", "A limit paused it"
    NOT_READY = "not_ready", "It was not ready at its time"
    MISSED = "missed", "It missed its time"
    REFUSED = "refused", "Several of its mails were refused for what is in them"


class CampaignAlert(TenantOwned):
    """One mail to the members, written down with what it tells of and sent by the clock."""

    kind = models.CharField(max_length=10, choices=AlertKind)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="alerts")
    reason = models.CharField(max_length=500, blank=True)
    due_at = models.DateTimeField(null=True, help_text="when the campaign should have left")
    created_at = models.DateTimeField(auto_now_add=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            # Told once, whichever of two clocks comes first.
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(kind="refused"), name="alert_refused_once"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="alert_unmailed"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.get_kind_display()}"


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
