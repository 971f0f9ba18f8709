"""Who you are and whose data it is."""

import uuid
import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse

from tenants.scoping import TenantOwned


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. May be a member of several tenants."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        return self.is_superuser


def validate_timezone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"{value} is not a time zone such as Europe/Berlin.")


class Accent(models.TextChoices):
    """The colour of a tenant's public pages and mails; each is a class of the style sheet."""

    BLUE = "blue", "Blue"
    SKY = "sky", "Sky"
    TEAL = "teal", "Teal"
    GREEN = "green", "Green"
    LIME = "lime", "Lime"
    AMBER = "amber", "Amber"
    ORANGE = "orange", "Orange"
    RED = "red", "Red"
    ROSE = "rose", "Rose"
    PINK = "pink", "Pink"
    VIOLET = "violet", "Violet"
    SLATE = "slate", "Slate"


_PERCENT = [MinValueValidator(0.01), MaxValueValidator(100)]


class Tenant(models.Model):
    """A company's workspace. Everything it owns points here."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    website = models.URLField(blank=True)
    postal_address = models.TextField(
        max_length=500,
        blank=True,
        help_text="Printed at the foot of every campaign; the law of many countries asks for it.",
    )
    accent = models.CharField(max_length=10, choices=Accent, default=Accent.BLUE)
    colour = models.CharField(
        max_length=7, blank=True, default="", help_text="#rrggbb of their own; beats the accent"
    )
    public_footer = models.TextField(max_length=1000, blank=True, default="")
    logo_digest = models.CharField(
        max_length=32, blank=True, default="", help_text="names the logo's bytes; blank: no logo"
    )
    # A running campaign is paused above them. AWS reviews an account at 5 % bounces and 0.1 %
    # complaints (https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
    bounce_limit = models.FloatField(
        default=4.0, validators=_PERCENT, help_text="hard bounces in percent of mails sent"
    )
    complaint_limit = models.FloatField(
        default=0.08, validators=_PERCENT, help_text="complaints in percent of mails delivered"
    )
    # Amazon SES reports a full mailbox each time; docs/decisions/suppression-mirror.md.
    soft_bounce_days = models.PositiveSmallIntegerField(
        default=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(2), MaxValueValidator(30)],
        help_text="a mailbox that bounced softly on so many days is suppressed; null: never",
    )
    soft_bounce_window = models.PositiveSmallIntegerField(
        default=14,
        validators=[MinValueValidator(2), MaxValueValidator(30)],
        help_text="within how many days those days are counted",
    )
    retention_days = models.PositiveSmallIntegerField(
        default=365,
        validators=[MinValueValidator(30), MaxValueValidator(3650)],
        help_text="how long single messages and their events are kept; reports keep their totals",
    )
    unengaged_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(30), MaxValueValidator(3650)],
        help_text="who has opened or clicked nothing for so long is unengaged; null: nobody is",
    )
    monthly_report = models.BooleanField(
        default=True, db_default=True, help_text="mail the members how AWS's rules were kept"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def logo_url(self) -> str:
        """The path of the logo, which changes with the picture; "" when there is none."""
        if not self.logo_digest:
            return ""
        return reverse("public:logo", args=[self.public_id, self.logo_digest])


class Logo(TenantOwned):
    """The picture on a tenant's public pages, as it was uploaded.

    In the database, because every web server has to have it and it is small.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="logo")
    content_type = models.CharField(max_length=20)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"logo of {self.tenant_id}"


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MARKETER = "marketer", "Marketer"
    DEVELOPER = "developer", "Developer"
    VIEWER = "viewer", "Viewer"


class Membership(TenantOwned):
    """A person's place in a tenant."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Scope(models.TextChoices):
    """What an API key may do. Whoever may write X may read it, too: X includes X.read."""

    EMAILS_SEND = "emails.send", "Send mail"
    EMAILS_READ = "emails.read", "Read mail status"
    CAMPAIGNS_READ = "campaigns.read", "Read campaigns, their reports and recipients"
    CONTACTS = "contacts", "Read and write contacts, lists, segments, fields and tags"
    CONTACTS_READ = "contacts.read", "Read contacts, lists, segments, fields and tags"
    FORMS = "forms", "Read and write sign-up forms"
    FORMS_READ = "forms.read", "Read sign-up forms and what came of them"
    SUPPRESSIONS = "suppressions", "Read and write suppressions"
    SENDING = "sending", "Read SES accounts and readiness; add and check domains"
    SENDING_READ = "sending.read", "Read SES accounts, readiness and domains"


class ApiKey(TenantOwned):
    """A developer's key, `bf_live_<key_id>_<secret>`: only a hash of the secret is stored."""

    name = models.CharField(max_length=80)
    key_id = models.CharField(max_length=12, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} (bf_live_{self.key_id}…)"


class AuditEvent(TenantOwned):
    """Who did what, when. Append only."""

    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            # The audit page: newest first within a tenant.
            models.Index(fields=["tenant", "-at"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
