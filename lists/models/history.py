"""What lists looked like over time, and why people left them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from lists.models.people import Contact, List
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class ListDay(TenantOwned):
    """What one day of the workspace's time zone did to a list.

    Counted from the places themselves for the days that are not over long since; older days stay
    as they were written, whatever becomes of the places.
    """

    list = models.ForeignKey(List, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    joined = models.PositiveIntegerField(default=0, help_text="became active members")
    left = models.PositiveIntegerField(default=0, help_text="were active members, and left")
    active = models.PositiveIntegerField(default=0, help_text="members when it was counted last")
    sources = models.JSONField(default=dict, help_text="source -> how many joined through it")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["list", "day"], name="list_day_once")]

    def __str__(self) -> str:
        return f"{self.list_id} on {self.day}: +{self.joined} -{self.left}"


class ListTally(TenantOwned):
    """The last count of a list that is too large to be counted whenever somebody looks."""

    list = models.OneToOneField(List, on_delete=models.CASCADE, related_name="tally")
    active = models.PositiveIntegerField()
    unconfirmed = models.PositiveIntegerField()
    unsubscribed = models.PositiveIntegerField()
    sendable = models.PositiveIntegerField()
    took = models.FloatField(help_text="seconds that the count took; the next one waits for it")
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.list_id}: {self.active}"


class LeaveReason(TenantOwned):
    """Why somebody left a list, if they said so. A person's newest reason for a list counts."""

    class Reason(models.TextChoices):
        TOO_OFTEN = "too_often", _("I get too much mail")
        NO_INTEREST = "no_interest", _("I am no longer interested")
        NOT_EXPECTED = "not_expected", _("The mail is not what I expected")
        NEVER_ASKED = "never_asked", _("I never signed up for it")
        OTHER = "other", _("Another reason")

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_index=False)
    list = models.ForeignKey(
        List, on_delete=models.CASCADE, related_name="leave_reasons", db_index=False
    )
    reason = models.CharField(max_length=12, choices=Reason)
    text = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["contact", "list"], name="leave_reason_once"),
        ]
        indexes = [
            # The list's page: the counts of a year, and the newest words.
            models.Index(fields=["list", "-at"], name="leave_reason_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} left {self.list_id}: {self.reason}"
