"""What AWS tells us, as it came, and what we told the members about it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from sending.models import SesAccount
from tenants.models import User
from tenants.scoping import TenantOwned


class SnsMessage(TenantOwned):
    """A verified SNS message, stored before it is answered and translated afterwards."""

    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="+")
    sns_message_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=30)
    body = models.TextField(help_text="the envelope's Message, unchanged; a confirmation's Token")
    received_at = models.DateTimeField(auto_now_add=True)
    # An event may come before the row it is about: it is tried again until it is too old.
    retry_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["ses_account", "sns_message_id"], name="sns_once"),
        ]
        indexes = [
            # The translator takes the oldest first.
            models.Index(fields=["id"], condition=Q(processed_at=None), name="sns_pending"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sns_message_id}"


class FeedbackDigest(TenantOwned):
    """One alert mail to the members: which contacts bounced or complained since the last one.

    Open, and growing with every event, until it is closed; then it is mailed.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    bounces = models.IntegerField()
    complaints = models.IntegerField()
    contact_ids = ArrayField(models.BigIntegerField(), default=list)
    # The first MessageEvents, for the mail to name; contact_ids has everyone.
    event_ids = ArrayField(models.BigIntegerField(), default=list)
    closed_at = models.DateTimeField(null=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(closed_at=None), name="digest_open_once"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-window_end"], name="digest_newest"),
            # The clock looks for what is to be closed or mailed.
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="digest_unmailed"),
        ]

    def __str__(self) -> str:
        return f"{self.bounces} bounces, {self.complaints} complaints"


class FeedbackAlarm(TenantOwned):
    """One mail to the members: events of an account have stopped, or come again."""

    class Kind(models.TextChoices):
        STOPPED = "stopped", "Events have stopped"
        BACK = "back", "Events come again"

    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="alarm_unmailed"),
        ]

    def __str__(self) -> str:
        return f"{self.ses_account}: {self.get_kind_display()}"
