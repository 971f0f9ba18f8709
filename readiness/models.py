"""The request for production access, what became of it, and the reports of each month."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from sending.models import SesAccount
from tenants.models import User
from tenants.scoping import TenantOwned


class MailType(models.TextChoices):
    """As SES names them (PutAccountDetails, MailType)."""

    MARKETING = "MARKETING", "Marketing: newsletters, offers, announcements"
    TRANSACTIONAL = "TRANSACTIONAL", "Transactional: mails that somebody's own act asks for"


class ContactLanguage(models.TextChoices):
    EN = "EN", "English"
    JA = "JA", "Japanese"


class AccessDraft(TenantOwned):
    """What people have typed for the request of one account.

    The text is drafted anew from the facts each time it is shown, so that it stays true; here are
    the answers that no fact gives, and the sections that somebody has rewritten.
    """

    ses_account = models.OneToOneField(SesAccount, on_delete=models.CASCADE, related_name="+")
    website = models.URLField(max_length=1000)
    mail_type = models.CharField(max_length=13, choices=MailType, default=MailType.MARKETING)
    about = models.TextField(max_length=1000, help_text="what is written about, and how often")
    monthly_mails = models.PositiveIntegerField(help_text="expected")
    language = models.CharField(max_length=2, choices=ContactLanguage, default=ContactLanguage.EN)
    contacts = ArrayField(models.EmailField(), default=list, blank=True)
    edits = models.JSONField(default=dict, help_text="section -> text, where it differs from ours")
    saved_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"request of {self.ses_account_id}"


class StepKind(models.TextChoices):
    FILED = "FILED", "Filed from here"
    PENDING = "PENDING", "AWS is looking at it"
    GRANTED = "GRANTED", "Production access granted"
    DENIED = "DENIED", "Refused by AWS"
    FAILED = "FAILED", "Did not reach AWS"


# What the members get a mail about.
DECIDED = (StepKind.GRANTED, StepKind.DENIED, StepKind.FAILED)


class ReviewStep(TenantOwned):
    """One step of a request's way: filed, or moved by AWS. Append only."""

    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=7, choices=StepKind)
    case_id = models.CharField(max_length=60, blank=True)
    text = models.TextField(blank=True, help_text="what was filed")
    # Key of a line -> its state then: an appeal tells what is better since.
    lines = models.JSONField(default=dict)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["ses_account", "-id"], name="review_step_newest"),
            # The clock looks for what is to be mailed.
            models.Index(
                fields=["id"],
                condition=Q(mailed_at=None, kind__in=["GRANTED", "DENIED", "FAILED"]),
                name="review_step_unmailed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.ses_account_id}"


class MonthlyReport(TenantOwned):
    """How a workspace kept AWS's rules in one month of its own calendar."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    month = models.DateField(help_text="its first day")
    # As readiness.reporting.Figures gives them; written once.
    figures = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "month"], name="report_month_once"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="report_unmailed"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%B %Y} of {self.tenant_id}"
