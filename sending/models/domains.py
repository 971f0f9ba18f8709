"""What a domain's DNS should hold for SES, what it held when last looked up, and who was told."""

from django.db import models
from django.db.models import Q

from sending.models.accounts import SenderIdentity
from tenants.scoping import TenantOwned


class RecordState(models.TextChoices):
    OK = "ok", "Right"
    MISSING = "missing", "Missing"
    WRONG = "wrong", "Wrong"
    UNKNOWN = "unknown", "No answer"
    UNCHECKED = "unchecked", "Not looked up yet"


class Purpose(models.TextChoices):
    DKIM = "dkim", "DKIM"
    MAIL_FROM = "mail_from", "MAIL FROM"
    SPF = "spf", "SPF"
    DMARC = "dmarc", "DMARC"


class DomainRecord(TenantOwned):
    """One record of a domain: expected beside found."""

    identity = models.ForeignKey(SenderIdentity, on_delete=models.CASCADE, related_name="records")
    purpose = models.CharField(max_length=9, choices=Purpose)
    kind = models.CharField(max_length=5, help_text="CNAME, MX or TXT")
    name = models.CharField(max_length=400)
    expected = models.CharField(max_length=500)
    found = models.TextField(blank=True, help_text="a value a line, long ones cut")
    found_at = models.CharField(max_length=400, blank=True, help_text="where, if not at `name`")
    state = models.CharField(max_length=9, choices=RecordState, default=RecordState.UNCHECKED)
    words = models.TextField(blank=True, help_text="what that means and what to do")
    checked_at = models.DateTimeField(null=True)
    ok_since = models.DateTimeField(null=True, help_text="right from then on, without a break")
    # A record that was right and is not: seen once, then confirmed by a second look.
    suspected_at = models.DateTimeField(null=True)
    broken_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["identity", "purpose", "name"], name="record_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class DomainAlert(TenantOwned):
    """One mail to the members: these records of a domain were right and no longer are; or, with
    `reported_on`, a receiver has reported mail in its name that failed DKIM, SPF or DMARC.
    """

    identity = models.ForeignKey(SenderIdentity, on_delete=models.CASCADE, related_name="alerts")
    broken = models.JSONField(
        default=list, help_text="[{purpose, kind, name, expected, found, words}]"
    )
    reported_on = models.DateField(
        null=True, help_text="day in the workspace's zone: one such mail a day"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    mail_tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "reported_on"], name="domain_report_daily"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="domain_alert_unmailed"),
        ]

    def __str__(self) -> str:
        what = (
            f"reported on {self.reported_on}" if self.reported_on else f"{len(self.broken)} broken"
        )
        return f"{self.identity}: {what}"
