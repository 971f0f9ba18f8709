"""What the tests of reputation start from."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from campaigns.models import Campaign, CampaignStatus
from lists.models import Contact, Import, List, Source, Subscription, SubscriptionStatus
from sending import standing, tally
from sending.models import Batch, BatchState, Count, Message, Outcome, SesAccount, Status
from tests.sending.factory import make_batch


def tell(batch: Batch, at: datetime, domain: str = "example.net", **counts: int) -> None:
    """Counts as if SES had told so often of mails to the domain."""
    standing.add(
        (batch.pk, f"p@{domain}", Count(name), at) for name, n in counts.items() for _ in range(n)
    )


def make_campaign(
    account: SesAccount, name: str, lists: Sequence[List], *, days_ago: int = 0
) -> Campaign:
    """A campaign that was launched some days ago and has ended."""
    batch = make_batch(account, lists, state=BatchState.DONE)
    Batch.unscoped.filter(pk=batch.pk).update(launched_at=timezone.now() - timedelta(days=days_ago))
    return Campaign.unscoped.create(
        tenant=account.tenant, name=name, subject=name, ses_account=account,
        status=CampaignStatus.LAUNCHED, batch=batch,
    )  # fmt: skip


def join(contact: Contact, list_: List, source: Source, imported: Import | None = None) -> None:
    """Puts a contact on a list."""
    Subscription.unscoped.create(
        tenant=contact.tenant, contact=contact, list=list_, source=source, imported=imported,
        status=SubscriptionStatus.ACTIVE,
    )  # fmt: skip


def mail(batch: Batch, contact: Contact, outcome: Outcome = Outcome.DELIVERED) -> Message:
    """A mail that was sent, counted in the tallies."""
    names = {Outcome.HARD_BOUNCED: "bounced", Outcome.COMPLAINED: "complained"}
    counts: dict[str, Any] = {"total": 1, "sent": 1}
    if outcome in names:
        counts[names[outcome]] = 1
    tally.add({(batch.tenant_id, batch.pk): counts}, now=timezone.now())
    return Message.unscoped.create(
        tenant=batch.tenant, batch=batch, contact=contact, email=contact.email,
        status=Status.SENT, outcome=outcome,
    )  # fmt: skip


def make_import(tenant: Any, filename: str) -> Import:
    return Import.unscoped.create(tenant=tenant, filename=filename, status="done")
