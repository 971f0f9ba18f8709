"""One mail to one person."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from lists.models import Contact
from sending.models.batches import Batch
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class Status(models.IntegerChoices):
    """queued -> sending -> sent; or skipped, failed, unknown. Changed only by sending.ledger."""

    QUEUED = 0, "Queued"
    SENDING = 1, "Sending"
    SENT = 2, "Sent"
    UNKNOWN = 3, "Unknown"
    SKIPPED = 4, "Skipped"
    FAILED = 5, "Failed"


class Outcome(models.IntegerChoices):
    """What happened after SES took it: a lattice, it only ever grows."""

    NONE = 0, "No news yet"
    DELAYED = 1, "Delayed"
    SOFT_BOUNCED = 2, "Soft bounce"
    DELIVERED = 3, "Delivered"
    REJECTED = 4, "Rejected by SES"
    HARD_BOUNCED = 5, "Hard bounce"
    COMPLAINED = 6, "Complaint"


class Message(TenantOwned):
    """One mail to one person. A campaign of a million writes a million of these.

    Every status change writes to every index, so none is here that no query needs: the foreign
    keys are led by the indexes below, and only the deletion of a tenant searches by tenant. Nor
    does the database check them: it would cost a launch as much again as the rows. Batches go only
    with their tenant; a message whose contact has gone is skipped by the claim.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.CASCADE,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    contact = models.ForeignKey(
        Contact,
        null=True,
        on_delete=models.SET_NULL,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    email = models.CharField(max_length=320)
    status = models.SmallIntegerField(choices=Status, default=Status.QUEUED)
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    attempts = models.SmallIntegerField(default=0, db_default=0)
    # Names one attempt: what a worker learns counts only while the row still has its claim.
    claimed_at = models.DateTimeField(null=True)
    ses_message_id = models.CharField(max_length=80, blank=True, default="", db_default="")
    sent_at = models.DateTimeField(null=True)
    outcome = models.SmallIntegerField(choices=Outcome, default=Outcome.NONE, db_default=0)
    outcome_at = models.DateTimeField(null=True)
    # Bits: as what it has counted already, so that it counts once for each (sending.outcomes).
    counted = models.SmallIntegerField(default=0, db_default=0)

    class Meta(TenantOwned.Meta):
        constraints = [
            # Nobody is mailed twice by one batch, however often the launch runs.
            models.UniqueConstraint(fields=["batch", "contact"], name="message_once"),
        ]
        indexes = [
            # Refill and sweep: what of a batch still waits.
            models.Index(fields=["batch", "id"], condition=Q(status=0), name="message_queued"),
            # Claims that a dead worker left, and unknowns whose window has passed.
            models.Index(
                fields=["claimed_at"], condition=Q(status__in=[1, 3]), name="message_claimed"
            ),
            # Events without our tag find their message by SES's id.
            models.Index(
                fields=["ses_message_id"],
                condition=~Q(ses_message_id=""),
                name="message_ses_id",
            ),
            models.Index(fields=["contact", "-id"], name="message_of_contact"),
            # The same for mails to bare addresses.
            models.Index(
                "tenant", Lower("email"), condition=Q(contact=None), name="message_of_address"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.get_status_display()}"


class MessageData(TenantOwned):
    """What a transactional message has of its own; beside the message, not in it."""

    message = models.OneToOneField(
        Message, primary_key=True, on_delete=models.CASCADE, related_name="extra"
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    to_name = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, help_text="values of the merge tags")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["tenant", "-created_at"], name="messagedata_newest")]

    def __str__(self) -> str:
        return str(self.public_id)
