"""How far the suppression list of an SES account is read, and what is to be changed there."""

from django.db import models

from sending.models.accounts import SesAccount
from tenants.scoping import TenantOwned


class SuppressionMirror(TenantOwned):
    """How far an account's list is read. Made by the first look at it."""

    ses_account = models.OneToOneField(
        SesAccount, on_delete=models.CASCADE, related_name="suppression_mirror"
    )
    # The last reading to the end began then: the next one asks for what came later.
    since = models.DateTimeField(null=True)
    # The reading under way: when it began, where it goes on, and how many it has read.
    started_at = models.DateTimeField(null=True)
    token = models.TextField(blank=True, default="")
    read = models.IntegerField(default=0)
    next_read_at = models.DateTimeField(help_text="lies in the past while it is read")
    retry_at = models.DateTimeField(null=True, help_text="AWS could not answer: nothing till then")
    # One worker at a time; a dead one's hold ends by itself.
    busy_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"suppression list of {self.ses_account_id}"


class SuppressionChange(TenantOwned):
    """An address that is to be put on an account's list, or taken off it; gone once SES did.

    One row an address: what was asked last is what counts. `queued_at` names the asking, so that
    who has done an older one does not take a newer one for done.
    """

    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="+")
    email_norm = models.CharField(max_length=320)
    reason = models.CharField(
        max_length=9, blank=True, help_text="BOUNCE or COMPLAINT to be put there; blank: taken off"
    )
    queued_at = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0, db_default=0)
    error = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["ses_account", "email_norm"], name="change_once"),
        ]
        indexes = [
            # The oldest that is due; and how many wait.
            models.Index(fields=["ses_account", "reason", "id"], name="change_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.reason or 'take off'} {self.email_norm}"
