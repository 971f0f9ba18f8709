"""Proof that what SES tells comes back to us."""

import uuid

from django.db import models

from sending.models.accounts import SesAccount
from tenants.scoping import TenantOwned


class SelfTest(TenantOwned):
    """One run: three mails to the mailbox simulator of SES, and which events came back."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ses_account = models.ForeignKey(SesAccount, on_delete=models.CASCADE, related_name="self_tests")
    from_address = models.CharField(max_length=320)
    # {"bounce": {"id": SES's message id, "at": ISO time of SES's answer,
    #             "events": {"send": ISO time at which we had stored it, …}}, …}
    mails = models.JSONField(default=dict)
    error = models.TextField(blank=True, help_text="why a mail could not be sent, AWS's own words")
    sent_at = models.DateTimeField(null=True, help_text="when SES had taken the last mail")
    passed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["ses_account", "-id"], name="selftest_newest")]

    def __str__(self) -> str:
        return f"self-test of {self.ses_account} at {self.created_at:%Y-%m-%d %H:%M}"
