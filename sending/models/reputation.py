"""What AWS judges an account by, counted by hour, and for each batch by day."""

from django.db import models

from sending.models.accounts import SesAccount
from sending.models.batches import Batch
from tenants.models import Tenant
from tenants.scoping import TenantOwned


class Provider(models.IntegerChoices):
    """Who keeps the recipient's mailbox, as far as the domain of the address tells."""

    GMAIL = 1, "Gmail"
    MICROSOFT = 2, "Outlook, Hotmail"
    YAHOO = 3, "Yahoo, AOL"
    APPLE = 4, "iCloud"
    GMX = 5, "GMX, Web.de"
    PROTON = 6, "Proton"
    OTHER = 7, "Other domains"


class Count(models.TextChoices):
    """The columns that count; each event of a mail counts in at most one of them."""

    SENT = "sent", "Accepted by SES"
    DELIVERED = "delivered", "Delivered"
    BOUNCED = "bounced", "Hard bounces that AWS counts"
    HELD_BACK = "held_back", "Bounces and complaints of a suppression list, which AWS leaves out"
    SOFT_BOUNCED = "soft_bounced", "Soft bounces"
    COMPLAINED = "complained", "Complaints"
    REJECTED = "rejected", "Rejected by SES"


class Counted(TenantOwned):
    """The counts of one place in time. Each process adds to a shard of its own."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    shard = models.SmallIntegerField()
    sent = models.IntegerField(default=0, db_default=0)
    delivered = models.IntegerField(default=0, db_default=0)
    bounced = models.IntegerField(default=0, db_default=0)
    held_back = models.IntegerField(default=0, db_default=0)
    soft_bounced = models.IntegerField(default=0, db_default=0)
    complained = models.IntegerField(default=0, db_default=0)
    rejected = models.IntegerField(default=0, db_default=0)

    class Meta(TenantOwned.Meta):
        abstract = True


class AccountHour(Counted):
    """An account's counts in one hour: rates, charts, and the limits of the whole account."""

    ses_account = models.ForeignKey(
        SesAccount, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    hour = models.DateTimeField(help_text="its beginning")
    provider = models.SmallIntegerField(choices=Provider)

    class Meta(Counted.Meta):
        constraints = [
            # Also what finds the hours of an account.
            models.UniqueConstraint(
                fields=["ses_account", "hour", "provider", "shard"], name="account_hour_once"
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.ses_account_id} at {self.hour:%d %b %H:00}"


class BatchDay(Counted):
    """A batch's counts on one day (UTC): which campaign brought what, and when."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    heard = models.IntegerField(
        default=0, db_default=0, help_text="of those sent, whose provider may report complaints"
    )

    class Meta(Counted.Meta):
        constraints = [
            models.UniqueConstraint(fields=["batch", "day", "shard"], name="batch_day_once"),
        ]
        indexes = [
            # The batches of a window of the reputation page.
            models.Index(fields=["tenant", "day"], name="batch_day_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"batch {self.batch_id} on {self.day}"
