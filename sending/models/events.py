"""What SES tells of a mail."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from sending.models.messages import Message
from tenants.scoping import TenantOwned


class EventKind(models.TextChoices):
    SEND = "send", "Accepted by SES"
    DELIVERY = "delivery", "Delivered"
    DELAY = "delay", "Delayed"
    BOUNCE = "bounce", "Bounce"
    COMPLAINT = "complaint", "Complaint"
    REJECT = "reject", "Rejected by SES"
    RENDERING_FAILURE = "rendering_failure", "Rendering failure"
    OPEN = "open", "Opened"
    CLICK = "click", "Clicked"
    SUBSCRIPTION = "subscription", "Subscription changed at SES"


# The subtypes of bounces that are about what is in a mail, and not about its address.
CONTENT_REFUSED = (
    "Transient/MessageTooLarge",
    "Transient/ContentRejected",
    "Transient/AttachmentRejected",
)
# The subtypes of an open or a click: by a person, as far as is known, or surely by a program.
PERSON, MACHINE = "person", "machine"


class MessageEvent(TenantOwned):
    """One thing that SES told about a message."""

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=20, choices=EventKind)
    subtype = models.CharField(max_length=60, blank=True, help_text="Permanent/General, abuse, …")
    recipient = models.CharField(max_length=320)
    diagnostic = models.CharField(max_length=500, blank=True)
    # SES repeats itself and SNS repeats SES: feedback id, or the event's own time.
    dedupe = models.CharField(max_length=150)
    at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    # Of what a person did, so that segments need not look for the message.
    batch_id = models.BigIntegerField(null=True, help_text="of the message, for opens and clicks")
    contact_id = models.BigIntegerField(null=True, help_text="as batch_id; may have gone since")

    class Meta(TenantOwned.Meta):
        constraints = [
            # Also what finds the events of a message.
            models.UniqueConstraint(
                fields=["message", "kind", "recipient", "dedupe"], name="event_once"
            ),
        ]
        indexes = [
            # Feedback of a tenant in a window: digests, reputation.
            models.Index(
                fields=["tenant", "kind", "-at"],
                condition=Q(kind__in=["bounce", "complaint"]),
                name="event_feedback",
            ),
            # On which days an address bounced softly (webhooks.softbounces).
            models.Index(
                "tenant",
                Lower("recipient"),
                "at",
                condition=Q(
                    kind="bounce", subtype__in=["Transient/MailboxFull", "Transient/General"]
                ),
                name="event_soft_bounce",
            ),
            # Segments: who opened a campaign, or clicked in it.
            models.Index(
                fields=["batch_id", "kind", "contact_id"],
                condition=Q(kind__in=["open", "click"], subtype=PERSON),
                name="event_by_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient}"
