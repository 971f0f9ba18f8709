"""Addresses that nothing may be sent to."""

import uuid

from django.db import models
from django.db.models import Q

from lists.models.imports import private_storage
from lists.models.people import Source
from tenants.models import User
from tenants.scoping import TenantOwned


class SuppressionReason(models.TextChoices):
    COMPLAINT = "complaint", "Complaint"
    HARD_BOUNCE = "hard_bounce", "Hard bounce"
    PROVIDER = "provider", "On the SES suppression list"
    SOFT_BOUNCE = "soft_bounce", "Soft bounces on several days"
    MANUAL = "manual", "Added by hand"
    ERASED = "erased", "Erased for good"


class Suppression(TenantOwned):
    """An address that nothing may be sent to, whatever any list says.

    Of an erased address only a keyed hash is kept, in place of the address (lists/erased.py).
    """

    email_norm = models.CharField(max_length=320)
    reason = models.CharField(max_length=12, choices=SuppressionReason)
    source = models.CharField(max_length=12, choices=Source)
    diagnostic = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "email_norm"], name="suppression_address"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="suppression_newest"),
            # The page, newest first, and its keyset.
            models.Index(fields=["tenant", "id"], name="suppression_page"),
            # A delivery may end one of these; each group of deliveries asks.
            models.Index(
                fields=["tenant", "email_norm"],
                condition=Q(reason="soft_bounce"),
                name="suppression_soft",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_norm}: {self.reason}"


class LiftedSuppression(TenantOwned):
    """An address that may be mailed again, and when the last trace of the old reason went.

    An entry of that age or older on the list of SES does not bring it back.
    """

    email_norm = models.CharField(max_length=320)
    lifted_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "email_norm"], name="lifted_address"),
        ]

    def __str__(self) -> str:
        return f"{self.email_norm} since {self.lifted_at}"


class SuppressionImportStatus(models.TextChoices):
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class SuppressionImport(TenantOwned):
    """A file of addresses on its way to the suppressions."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    filename = models.CharField(max_length=255)
    file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage)
    error_file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage, blank=True)
    reason = models.CharField(
        max_length=12, choices=SuppressionReason, help_text="of lines that name none"
    )
    note = models.CharField(max_length=500, blank=True)
    status = models.CharField(
        max_length=10, choices=SuppressionImportStatus, default=SuppressionImportStatus.QUEUED
    )
    failure = models.CharField(max_length=500, blank=True)
    cancel_requested = models.BooleanField(default=False)
    rows_total = models.BigIntegerField(default=0, help_text="counted before the first is used")
    # Rows committed so far: where a run that follows a dead one goes on.
    rows = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0, help_text="new, or with a stronger reason now")
    invalid = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["tenant", "-id"], name="suppression_import_newest")]

    def __str__(self) -> str:
        return self.filename
