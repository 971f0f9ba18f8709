"""How one message leaves, once: the ledger that PostgreSQL keeps and Valkey only rings for."""

import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value

from lists.models import Contact
from tenants.fields import EncryptedJSONField
from tenants.models import Tenant
from tenants.scoping import TenantOwned


def new_external_id() -> str:
    """An unguessable ExternalId for one role: made by us, never chosen by the tenant."""
    return secrets.token_urlsafe(32)


class SesAuth(models.TextChoices):
    ROLE = "role", "IAM role"
    KEY = "key", "Access key"


class SesState(models.TextChoices):
    NEW = "new", "Not connected yet"
    CONNECTED = "connected", "Connected"
    FAILED = "failed", "AWS refuses us"


# The parked_reasons that are ours; the others are AWS's words. By our own figures, or said by SES.
QUOTA_REACHED = "Daily quota reached"
QUOTA_REFUSED = "Daily quota reached, says Amazon SES"


def pace_key(aws_account_id: str, region: str) -> str:
    """What a quota belongs to: tenants on one AWS account and region share it."""
    return f"{aws_account_id}:{region}"


class SesAccount(TenantOwned):
    """A tenant's Amazon SES in one region: how we get in, and what it allows as last read."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    region = models.CharField(max_length=20)
    auth = models.CharField(max_length=4, choices=SesAuth)
    role_arn = models.CharField(max_length=200, blank=True)
    external_id = models.CharField(max_length=100, default=new_external_id, editable=False)
    credentials = EncryptedJSONField(
        default=dict, blank=True, help_text="{access_key_id, secret_access_key}"
    )
    state = models.CharField(max_length=9, choices=SesState, default=SesState.NEW)
    last_error = models.TextField(blank=True, help_text="AWS's own words")
    aws_account_id = models.CharField(max_length=12, blank=True)
    # As read by GetAccount; rates are recipients a second, quotas recipients in 24 hours,
    # max_24_hour_send -1 means unlimited.
    max_send_rate = models.FloatField(default=0)
    max_24_hour_send = models.FloatField(default=0)
    sent_last_24_hours = models.FloatField(default=0)
    sent_by_others = models.IntegerField(
        default=0, help_text="of those, what other programs had sent when it was read"
    )
    production_access = models.BooleanField(default=False)
    sending_enabled = models.BooleanField(default=True)
    enforcement_status = models.CharField(max_length=20, blank=True)
    quota_read_at = models.DateTimeField(null=True)
    # Why nothing leaves just now, in words for the dashboard, and when it goes on by itself
    # (null: when a person has mended it).
    parked_reason = models.CharField(max_length=300, blank=True)
    parked_until = models.DateTimeField(null=True)
    parked_lane = models.SmallIntegerField(
        default=0,
        help_text="first lane parked: 0 is all mail, 2 all but awaited mail",
    )
    # The way back: configuration set -> topic -> webhook.
    configuration_set = models.CharField(max_length=64, blank=True)
    topic_arn = models.CharField(max_length=200, blank=True)
    subscription_arn = models.CharField(max_length=250, blank=True)
    webhook_token_hash = models.BinaryField(max_length=32, null=True, unique=True)
    webhook_token = EncryptedJSONField(default=dict, blank=True, help_text="{token}")
    # As provisioned; the webhook refuses an older version than this. Empty: not ours, either.
    topic_signature_version = models.CharField(max_length=1, blank=True)
    # A confirmation is taken only while one is awaited: from Subscribe until it is confirmed.
    subscription_requested_at = models.DateTimeField(null=True)
    events_published = models.BooleanField(default=False, help_text="event destination in place")
    feedback_failed_step = models.CharField(max_length=20, blank=True)
    feedback_error = models.TextField(blank=True, help_text="AWS's own words")
    events_stopped_at = models.DateTimeField(null=True, help_text="when SNS unsubscribed us")
    last_event_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["aws_account_id", "region"], name="ses_pace")]

    def __str__(self) -> str:
        return self.name

    @property
    def pace_key(self) -> str:
        """What its quota belongs to."""
        return pace_key(self.aws_account_id, self.region)


class SenderIdentity(TenantOwned):
    """A domain or address that SES lets this account send from."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="identities")
    name = models.CharField(max_length=320, help_text="example.com or news@example.com")
    verified = models.BooleanField(default=False)
    dkim_status = models.CharField(max_length=20, blank=True)
    dkim_tokens = ArrayField(models.CharField(max_length=80), default=list)
    signing_hosted_zone = models.CharField(max_length=200, blank=True)
    mail_from_domain = models.CharField(max_length=320, blank=True)
    mail_from_status = models.CharField(max_length=20, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["ses_account", "name"], name="identity_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name


class Lane(models.IntegerChoices):
    """What leaves first. Lower numbers go before higher ones."""

    TRANSACTIONAL = 0, "Transactional"
    SYSTEM = 1, "System"  # double opt-in, test sends: someone waits for it
    AUTOMATION = 2, "Automation"
    CAMPAIGN = 3, "Campaign"


class BatchState(models.TextChoices):
    PREPARING = "preparing", "Preparing"
    RUNNING = "running", "Sending"
    PAUSED = "paused", "Paused"
    CANCELLED = "cancelled", "Cancelled"
    DONE = "done", "Sent"


class Batch(TenantOwned):
    """One content, and everyone who is to get it through one account."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    lane = models.SmallIntegerField(choices=Lane)
    # An account that has sent stays for the history of its mail; only its whole tenant takes it.
    ses_account = models.ForeignKey(SesAccount, on_delete=models.RESTRICT, related_name="batches")
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.PREPARING)
    state_reason = models.CharField(max_length=300, blank=True)
    # When the bounce or complaint limit paused it; null again once a person has resumed it, and
    # then the limits count from the figures of that moment: {sent, bounced, delivered, complained}.
    braked_at = models.DateTimeField(null=True)
    braked_from = models.JSONField(default=dict)
    from_header = models.CharField(max_length=500, help_text="Name <address>, already checked")
    reply_to = models.CharField(max_length=320, blank=True)
    subject = models.TextField()
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    # Of lane, account and content: mails that are asked for one by one find their batch by it.
    fingerprint = models.BinaryField(max_length=32, null=True, editable=False)
    # Lists whose active members may get it. Empty: no list is asked (transactional, system).
    list_ids = ArrayField(models.BigIntegerField(), default=list)
    # Who of them gets it, as it was when somebody pressed send, for sending.audience to read.
    # Empty: whoever is on the lists.
    audience = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    # The launch walks contacts by id; it goes on behind this one after a crash.
    launch_cursor = models.BigIntegerField(default=0)
    launched_at = models.DateTimeField(null=True, help_text="when someone pressed send")
    audience_at = models.DateTimeField(null=True, help_text="when the last row was written")
    finished_at = models.DateTimeField(null=True)
    # lists_engagement counts its mails up to this contact; to the end at that time.
    fold_cursor = models.BigIntegerField(default=0, db_default=0)
    folded_at = models.DateTimeField(null=True)
    messages_deleted_at = models.DateTimeField(
        null=True, help_text="when the last message went by its age; the tallies stay"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            # The sweep: every batch that still has work.
            models.Index(
                fields=["ses_account"],
                condition=Q(state__in=["preparing", "running"]),
                name="batch_open",
            ),
            models.Index(
                fields=["tenant", "fingerprint"],
                condition=Q(fingerprint__isnull=False),
                name="batch_standing",
            ),
            # Retention: launched batches that still have their messages, the oldest first.
            models.Index(
                fields=["finished_at"],
                condition=Q(launched_at__isnull=False, messages_deleted_at=None),
                name="batch_kept",
            ),
            # Segments and the fold: whose mails lists_engagement does not count yet.
            models.Index(
                fields=["tenant"],
                condition=Q(launched_at__isnull=False, messages_deleted_at=None)
                & (Q(folded_at=None) | Q(finished_at=None) | Q(finished_at__gt=F("folded_at"))),
                name="batch_unfolded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_lane_display()}: {self.subject}"


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
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.get_status_display()}"


class BatchTally(TenantOwned):
    """What became of a batch's messages, counted as it happens.

    Counting a million rows for a page that refreshes every two seconds is too slow, and these
    totals outlive the rows. Each worker process adds to a shard of its own, so none waits for
    another; the figure is the sum over shards.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="tallies")
    shard = models.SmallIntegerField()
    total = models.BigIntegerField(default=0, db_default=0)
    sent = models.BigIntegerField(default=0, db_default=0)
    unknown = models.BigIntegerField(default=0, db_default=0)
    skipped = models.BigIntegerField(default=0, db_default=0)
    failed = models.BigIntegerField(default=0, db_default=0)
    delivered = models.BigIntegerField(default=0, db_default=0)
    bounced = models.BigIntegerField(default=0, db_default=0)
    complained = models.BigIntegerField(default=0, db_default=0)
    unsubscribed = models.BigIntegerField(default=0, db_default=0)
    # Sent in this ten seconds and in the ten before: the rate that the dashboard shows.
    pulse_at = models.DateTimeField(null=True)
    pulse = models.IntegerField(default=0, db_default=0)
    pulse_before = models.IntegerField(default=0, db_default=0)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["batch", "shard"], name="tally_once")]

    def __str__(self) -> str:
        return f"tally {self.shard} of batch {self.batch_id}"


class SentMinute(models.Model):
    """Recipients that a quota paid for in one minute: the ledger of the rolling 24 hours.

    It belongs to the AWS account and region, which tenants may share; so it has no tenant.
    """

    pace_key = models.CharField(max_length=40)
    minute = models.DateTimeField()
    shard = models.SmallIntegerField()
    sent = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pace_key", "minute", "shard"], name="sent_minute_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sent} through {self.pace_key} at {self.minute:%H:%M}"


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
            # Segments: who opened a campaign, or clicked in it.
            models.Index(
                fields=["message", "kind"],
                condition=Q(kind__in=["open", "click"], subtype=PERSON),
                name="event_of_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient}"
