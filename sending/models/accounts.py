"""A tenant's Amazon SES in a region, and what it may send from."""

import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from tenants.fields import EncryptedJSONField
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


class Review(models.TextChoices):
    """AWS's review of the request for production access (SES v2, ReviewDetails.Status)."""

    PENDING = "PENDING", "AWS is looking at it"
    GRANTED = "GRANTED", "Granted"
    DENIED = "DENIED", "Refused"
    FAILED = "FAILED", "Did not reach AWS"


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
    review_status = models.CharField(max_length=10, blank=True, default="", choices=Review)
    review_case = models.CharField(
        max_length=60, blank=True, default="", help_text="the case at AWS Support"
    )
    enforcement_since = models.DateTimeField(
        null=True, help_text="when we first read the enforcement status that it has"
    )
    judged_from = models.DateTimeField(
        null=True, help_text="the limits on all its mail count from this hour: a person has resumed"
    )
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
    # Exact to ten seconds (sending.pulse).
    last_sent_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    # The clock watches (webhooks.watching): mail that no event has followed, and since when that
    # is too long.
    unheard_since = models.DateTimeField(null=True)
    events_missing_since = models.DateTimeField(null=True)
    selftest_passed_at = models.DateTimeField(null=True)
    # Topic and configuration set are the tenant's own: we make and change nothing there.
    feedback_manual = models.BooleanField(default=False)
    # The queue where SNS puts what it could not deliver; how many wait there, as last read.
    dead_letter_url = models.CharField(max_length=250, blank=True)
    dead_letters = models.IntegerField(default=0)
    dead_letters_read_at = models.DateTimeField(null=True)
    permissions = models.JSONField(default=dict, help_text="IAM action: allowed, missing, unknown")
    permissions_checked_at = models.DateTimeField(null=True)
    suppression_synced_at = models.DateTimeField(
        null=True, help_text="when SES's suppression list was last read to its end"
    )
    suppression_error = models.TextField(
        blank=True, default="", help_text="AWS's own words, until it can be read again"
    )
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
    dkim_origin = models.CharField(
        max_length=40, blank=True, help_text="EXTERNAL: signed with a key of the tenant's own"
    )
    signing_hosted_zone = models.CharField(max_length=200, blank=True)
    mail_from_domain = models.CharField(max_length=320, blank=True)
    mail_from_status = models.CharField(max_length=20, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True, help_text="when SES was asked")
    # Its DNS: when it was looked up and will be again, and since when these records are wanted.
    dns_checked_at = models.DateTimeField(null=True)
    dns_due_at = models.DateTimeField(default=timezone.now)
    records_since = models.DateTimeField(default=timezone.now)
    organization = models.CharField(
        max_length=320, blank=True, help_text="Organizational Domain by the tree walk of RFC 9989"
    )
    # The page for whoever runs the DNS opens with this number until then; null: it is shut.
    dns_link = models.BigIntegerField(null=True)
    dns_link_until = models.DateTimeField(null=True)
    # Receivers' reports of mail in its name that failed DKIM, SPF or DMARC; the last of them.
    auth_failures = models.IntegerField(default=0, db_default=0)
    auth_failed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["ses_account", "name"], name="identity_once"),
        ]
        indexes = [models.Index(fields=["dns_due_at"], name="dns_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name
