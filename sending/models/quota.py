"""What the quotas have paid for."""

from django.db import models


class SentMinute(models.Model):
    """Recipients that a quota paid for in one minute: the ledger of the rolling 24 hours.

    It belongs to the AWS account and region, which tenants may share; so it has no tenant.
    """

    pace_key = models.CharField(max_length=40)
    minute = models.DateTimeField()
    shard = models.SmallIntegerField()
    sent = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pace_key", "minute", "shard"], name="sent_minute_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sent} through {self.pace_key} at {self.minute:%H:%M}"
