"""What AWS tells us, as it came, and what we told the members about it."""

import uuid

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from sending.models import SesAccount
from tenants.models import Tenant, User, validate_timezone
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


class Feedback(TenantOwned):
    """A hard bounce or complaint that the members are to be told of.

    Numbered within its tenant in the order of commits, so that whoever was told up to a number has
    missed none below it. Kept as long as an alert's link works.
    """

    number = models.BigIntegerField()
    event_id = models.BigIntegerField(help_text="of MessageEvent, which may go before")
    contact_id = models.BigIntegerField(null=True)
    is_complaint = models.BooleanField()
    noted_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="feedback_number"),
        ]
        indexes = [models.Index(fields=["noted_at"], name="feedback_oldest")]

    def __str__(self) -> str:
        return f"{'complaint' if self.is_complaint else 'bounce'} {self.number}"


class FeedbackCount(TenantOwned):
    """How many Feedback rows a tenant has had. Its lock makes the numbers those of commits."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="+")
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last)


class Cadence(models.TextChoices):
    EACH = "each", "Each as it comes"
    QUARTER = "quarter", "Together, every 15 minutes at most"
    HOUR = "hour", "Together, once an hour at most"
    DAY = "day", "Together, once a day"
    NONE = "none", "No mail"


class About(models.TextChoices):
    BOTH = "both", "Bounces and complaints"
    COMPLAINTS = "complaints", "Complaints only"
    BOUNCES = "bounces", "Bounces only"


_HOURS = [MaxValueValidator(23)]


class AlertChoice(TenantOwned):
    """When a member is mailed about bounces and complaints; without user, whoever chose nothing."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    cadence = models.CharField(max_length=7, choices=Cadence, default=Cadence.QUARTER)
    about = models.CharField(max_length=10, choices=About, default=About.BOTH)
    daily_at = models.PositiveSmallIntegerField(
        default=9, validators=_HOURS, help_text="hour of the daily mail"
    )
    # Either is enough; neither: every one counts.
    at_least = models.PositiveIntegerField(null=True, help_text="so many since the last mail")
    at_share = models.FloatField(null=True, help_text="percent of a sending's mails")
    # From this hour to that one no mail; it comes afterwards. Both or neither.
    quiet_from = models.PositiveSmallIntegerField(null=True, validators=_HOURS)
    quiet_until = models.PositiveSmallIntegerField(null=True, validators=_HOURS)
    timezone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_timezone],
        help_text="blank: the workspace's",
    )

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user"], nulls_distinct=False, name="alert_choice_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cadence_display()}: {self.get_about_display()}"


class AlertReader(TenantOwned):
    """Up to which Feedback a member has been told, or did not want to be."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    told = models.BigIntegerField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="alert_reader_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} up to {self.told}"


class FeedbackDigest(TenantOwned):
    """One alert mail to one member: of the Feedback with numbers above `after`, up to `last`."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    after = models.BigIntegerField()
    last = models.BigIntegerField()
    about = models.CharField(max_length=10, choices=About)
    bounces = models.IntegerField()
    complaints = models.IntegerField()
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    gathered = models.BooleanField(
        default=False, help_text="they were too many for a mail each, which the member wants"
    )
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            # The alerts of a member, newest first; how many they had within an hour.
            models.Index(fields=["tenant", "user", "-window_end"], name="digest_newest"),
            # The clock looks for what is to be mailed.
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
