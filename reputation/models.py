"""How the mails of campaigns were spread over lists and sources, counted by reputation.counting."""

from django.db import models

from lists.models import Import, List, SignupForm, Source
from sending.models import Batch
from tenants.scoping import TenantOwned


class SourceCount(TenantOwned):
    """When a batch was counted last, and what its tallies said just before: has more come?"""

    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, related_name="source_count")
    sent = models.BigIntegerField(default=0)
    bounced = models.BigIntegerField(default=0)
    complained = models.BigIntegerField(default=0)
    took = models.FloatField(default=0, help_text="seconds; the next count waits for it")
    counted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"batch {self.batch_id} counted"


class BatchSource(TenantOwned):
    """Those of a batch who are on one of its lists through one source.

    Nobody writes these rows but the count, which replaces all of a batch. Who is on two lists of
    the batch stands under both; without a list are those who are on none of them any more.
    """

    # A list may go while it is counted: the database checks nothing, the page looks for its name.
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="sources")
    list = models.ForeignKey(
        List, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    source = models.CharField(max_length=12, choices=Source, blank=True)
    imported = models.ForeignKey(
        Import, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    form = models.ForeignKey(
        SignupForm, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    mailed = models.BigIntegerField()
    bounced = models.BigIntegerField()
    complained = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.mailed} of batch {self.batch_id} on list {self.list_id}"
