"""Who may be mailed, and by whose consent."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.db.models import Q

from tenants.fields import EncryptedJSONField
from tenants.models import Tenant, User
from tenants.scoping import TenantOwned


class Contact(TenantOwned):
    """A person who may be mailed. `email` is as typed; `email_norm` identifies the person.

    email_norm: local part lower-cased, domain lower-cased in ASCII (IDNA).
    """

    # Indexes and foreign key checks are most of what an import of a million rows costs: there is
    # none here that another index serves, and only Django deletes a tenant, with all it owns.
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(max_length=320)
    email_norm = models.CharField(max_length=320)
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    fields = models.JSONField(default=dict, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(
        null=True, blank=True, help_text="Unsubscribed from everything; beats every list."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "email_norm"], name="contact_address"),
        ]
        indexes = [
            # The contact page, newest first (read backwards), and its keyset.
            models.Index(fields=["tenant", "id"], name="contact_newest"),
        ]

    def __str__(self) -> str:
        return self.email


class List(TenantOwned):
    """A list of contacts. Public lists show on the preference page to everyone."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    is_public = models.BooleanField(default=True)
    double_opt_in = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="list_name")]

    def __str__(self) -> str:
        return self.name


class SubscriptionStatus(models.TextChoices):
    UNCONFIRMED = "unconfirmed", "Unconfirmed"
    ACTIVE = "active", "Active"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"


class Source(models.TextChoices):
    """Where a subscription, consent or suppression came from."""

    FORM = "form", "Sign-up form"
    IMPORT = "import", "Import"
    API = "api", "API"
    MEMBER = "member", "A member"
    PREFERENCES = "preferences", "Preference page"
    ONE_CLICK = "one_click", "One-click unsubscribe"
    SES = "ses", "Amazon SES"


class Subscription(TenantOwned):
    """A contact's place on a list."""

    # As for Contact, no check by the database. Whoever writes a place holds its contact's row, and
    # whoever deletes a contact takes that row first (select_for_update): no place is left behind.
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        db_index=False,
        db_constraint=False,
    )
    list = models.ForeignKey(
        List,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        db_index=False,
        db_constraint=False,
    )
    status = models.CharField(max_length=12, choices=SubscriptionStatus)
    paused_until = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=12, choices=Source)
    # The import that made it, whose attestation is the proof of consent.
    imported = models.ForeignKey(
        "lists.Import",
        null=True,
        blank=True,
        on_delete=models.RESTRICT,
        related_name="subscriptions",
        db_index=False,
        db_constraint=False,
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["contact", "list"], name="subscription_once"),
        ]
        indexes = [
            # The audience of a campaign, walked by contact id; and counts by status.
            models.Index(fields=["list", "status", "contact"], name="subscription_audience"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.list_id}: {self.status}"


class SuppressionReason(models.TextChoices):
    COMPLAINT = "complaint", "Complaint"
    HARD_BOUNCE = "hard_bounce", "Hard bounce"
    PROVIDER = "provider", "On the SES suppression list"
    MANUAL = "manual", "Added by hand"


class Suppression(TenantOwned):
    """An address that nothing may be sent to, whatever any list says."""

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
        ]

    def __str__(self) -> str:
        return f"{self.email_norm}: {self.reason}"


class Captcha(models.TextChoices):
    ALTCHA = "altcha", "ALTCHA (no third party)"
    RECAPTCHA_V2 = "recaptcha_v2", "reCAPTCHA v2 (your own Google keys)"
    RECAPTCHA_V3 = "recaptcha_v3", "reCAPTCHA v3 (your own Google keys)"
    NONE = "none", "None"


class SignupForm(TenantOwned):
    """A public sign-up form. A confirmed click makes the subscription active."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    intro = models.CharField(max_length=500, blank=True)
    lists = models.ManyToManyField(List, related_name="forms")
    asks_name = models.BooleanField(default=True)
    consent_wording = models.CharField(max_length=500)
    captcha = models.CharField(max_length=12, choices=Captcha, default=Captcha.ALTCHA)
    captcha_site_key = models.CharField(max_length=100, blank=True)
    captcha_secret = EncryptedJSONField(default=dict, blank=True)
    success_message = models.CharField(max_length=500, blank=True)
    from_email = models.CharField(
        max_length=320, blank=True, help_text="From of the confirmation mail; a verified sender."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Confirmation(TenantOwned):
    """A double opt-in that waits for its click: one row a mail, so that mails can be counted."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="confirmations")
    form = models.ForeignKey(SignupForm, null=True, on_delete=models.SET_NULL)
    lists = models.ManyToManyField(List)
    # As typed and as read when it was asked for; the name counts only once it is confirmed.
    name = models.CharField(max_length=240, blank=True)
    wording = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"confirmation of {self.contact_id}"


class ConsentRecord(TenantOwned):
    """The proof of what somebody agreed to. Append only; outlives lists and forms."""

    class Act(models.TextChoices):
        REQUESTED = "requested", "Asked to subscribe"
        CONFIRMED = "confirmed", "Confirmed by mail"
        ATTESTED = "attested", "Imported, consent attested by a member"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        RESUBSCRIBED = "resubscribed", "Subscribed again"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Ended the pause"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    act = models.CharField(max_length=12, choices=Act)
    source = models.CharField(max_length=12, choices=Source)
    list_names = ArrayField(models.CharField(max_length=120), default=list)
    wording = models.CharField(max_length=500, blank=True)
    form_name = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["contact", "-at"], name="consent_of_contact")]

    def __str__(self) -> str:
        return f"{self.act} by {self.contact_id}"


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", "Waiting for column mapping"
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


def private_storage() -> FileSystemStorage:
    """Files that are never served by address: uploads and error files."""
    return FileSystemStorage()


class Import(TenantOwned):
    """A CSV file on its way into contacts, and what came of each line."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage)
    filename = models.CharField(max_length=255)
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    names_line = models.PositiveSmallIntegerField(default=1)
    columns = ArrayField(models.CharField(max_length=200), default=list)
    mapping = models.JSONField(default=dict, help_text="column name -> contact field, or absent")
    sample = models.JSONField(default=list, help_text="the first rows, for the mapping page")
    lists = models.ManyToManyField(List, related_name="imports")
    consent_attested = models.BooleanField(default=False)
    consent_wording = models.CharField(
        max_length=500, blank=True, help_text="What the member who imported has attested."
    )
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.UPLOADED)
    cancel_requested = models.BooleanField(default=False)
    failure = models.CharField(max_length=500, blank=True)
    bytes_total = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0, help_text="counted before the first is used")
    # Rows committed so far: also the fence. A worker moves it on only from where it believes it
    # to be, so of two workers on one import one stops.
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    invalid = models.BigIntegerField(default=0)
    suppressed = models.BigIntegerField(default=0, help_text="kept, but nothing is sent to them")
    unsubscribed = models.BigIntegerField(default=0, help_text="stay unsubscribed")
    error_file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-id"], name="import_newest"),
            # The sweep that starts again what a dead worker left.
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=["queued", "running"]),
                name="import_open",
            ),
        ]

    def __str__(self) -> str:
        return self.filename
