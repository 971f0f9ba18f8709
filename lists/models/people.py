"""Contacts, lists, and who may be mailed by whose consent."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from tenants.models import Tenant
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
    # A default of the database too: imports write contacts in SQL of their own.
    language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="Of their public pages and mails, by their own choice; blank: their browser's.",
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(
        null=True, blank=True, help_text="Unsubscribed from everything; beats every list."
    )
    # The import that made it, which can be undone. Nothing looks contacts up by it.
    imported = models.ForeignKey(
        "lists.Import",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
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
            # Those of two states, newest first. Hardly anyone is imported with either.
            models.Index(
                fields=["tenant", "id"],
                condition=Q(unsubscribed_at__isnull=False),
                name="contact_unsubscribed",
            ),
            models.Index(
                fields=["tenant", "id"],
                condition=Q(paused_until__isnull=False),
                name="contact_paused",
            ),
        ]

    def __str__(self) -> str:
        return self.email


class FieldKind(models.TextChoices):
    STRING = "string", "Text"
    NUMBER = "number", "Number"
    BOOLEAN = "boolean", "Yes or no"
    DATE = "date", "Date"


class ContactField(TenantOwned):
    """A field of the tenant's contacts. Its kind stays: values of that kind lie there already.

    `key` names it in merge tags and in Contact.fields, which holds JSON of the kind; a date is
    text, YYYY-MM-DD.
    """

    key = models.CharField(max_length=60)
    label = models.CharField(max_length=120)
    kind = models.CharField(max_length=7, choices=FieldKind, default=FieldKind.STRING)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="field_key")]

    def __str__(self) -> str:
        return self.label


class List(TenantOwned):
    """A list of contacts. Public lists show on the preference page to everyone."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    is_public = models.BooleanField(default=True)
    double_opt_in = models.BooleanField(default=True)
    # The mail that asks to confirm a sign-up, in Liquid; blank: ours, in the reader's language.
    confirm_subject = models.CharField(max_length=300, blank=True, default="")
    confirm_html = models.TextField(blank=True, default="")
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
    """A contact's place on a list, which has no number of its own: an index more would only be that
    number's.
    """

    pk = models.CompositePrimaryKey("contact_id", "list_id")
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
    # Which form, where the source is a form. Nothing looks for the places of a form.
    form = models.ForeignKey(
        "lists.SignupForm",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            # The audience of a campaign, walked by contact id; and counts by status.
            models.Index(fields=["list", "status", "contact"], name="subscription_audience"),
            models.Index(
                fields=["tenant", "contact"],
                condition=Q(paused_until__isnull=False),
                name="subscription_paused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.list_id}: {self.status}"


class ConsentRecord(TenantOwned):
    """The proof of what somebody agreed to. Append only; outlives lists and forms."""

    class Act(models.TextChoices):
        REQUESTED = "requested", "Asked to subscribe"
        CONFIRMED = "confirmed", "Confirmed by mail"
        SIGNED_UP = "signed_up", "Signed up to a list that asks for no confirmation"
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
