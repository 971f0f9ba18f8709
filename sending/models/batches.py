"""One content and everyone who is to get it, with its figures."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value

from sending.models.accounts import SesAccount
from tenants.scoping import TenantOwned


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
    # Who of them gets it, as it was when somebody pressed send, for lists.selectors.reach to read.
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
    refused = models.BigIntegerField(
        default=0, db_default=0, help_text="by servers, for what is in them"
    )
    # Sent in this ten seconds and in the ten before: the rate that the dashboard shows.
    pulse_at = models.DateTimeField(null=True)
    pulse = models.IntegerField(default=0, db_default=0)
    pulse_before = models.IntegerField(default=0, db_default=0)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["batch", "shard"], name="tally_once")]
        indexes = [
            # The clock looks for campaigns of which too many were refused.
            models.Index(fields=["batch"], condition=Q(refused__gt=0), name="tally_refused"),
        ]

    def __str__(self) -> str:
        return f"tally {self.shard} of batch {self.batch_id}"
