"""Standing still, with a reason that people read and a time to go on.

The AWS account and region is parked for what SES says of it (quota, suspension); one tenant's
connection for what is wrong with its access; a batch is paused for its sender or content.
"""

from datetime import datetime, timedelta
from email.utils import parseaddr

from django.db.models import QuerySet
from django.utils import timezone

from sending import queue
from sending.models import Batch, BatchState, SenderIdentity, SesAccount

# A parking without an end needs a person; Valkey wants a number.
_NO_END = timedelta(days=365)


def accounts_of(pace_key: str) -> QuerySet[SesAccount]:
    """Every tenant's connection to this AWS account and region: its quota is theirs together."""
    aws_account_id, _, region = pace_key.partition(":")
    return SesAccount.unscoped.filter(aws_account_id=aws_account_id, region=region)


def park_aws(pace_key: str, reason: str, *, until: datetime | None, from_lane: int = 0) -> None:
    """Parks these lanes for everyone on the AWS account and region."""
    accounts_of(pace_key).update(parked_reason=reason, parked_until=until, parked_lane=from_lane)
    wait = (until - timezone.now()) if until else _NO_END
    queue.park(pace_key, max(1.0, wait.total_seconds()), from_lane=from_lane)


def park_aws_for(pace_key: str, reason: str, wait: timedelta | None) -> None:
    """Parks everything on the AWS account and region, for `wait` or until a person mends it."""
    park_aws(pace_key, reason, until=timezone.now() + wait if wait else None)


def unpark_aws(pace_key: str) -> None:
    """Ends a parking of the AWS account and region."""
    accounts_of(pace_key).update(parked_reason="", parked_until=None, parked_lane=0)
    queue.unpark(pace_key)


def park_account(account_id: int, reason: str) -> None:
    """Parks one tenant's connection until somebody mends it; others on its quota go on."""
    SesAccount.unscoped.filter(pk=account_id).update(
        parked_reason=reason, parked_until=None, parked_lane=0
    )


def pause_batch(batch_id: int, reason: str) -> None:
    """Pauses a running batch for something that its owner must mend."""
    batch = Batch.unscoped.select_related("ses_account").get(pk=batch_id)
    Batch.unscoped.filter(pk=batch_id, state=BatchState.RUNNING).update(
        state=BatchState.PAUSED, state_reason=reason[:300]
    )
    queue.drop(batch.ses_account.pace_key, batch.lane, batch_id)


def pause_identity(batch_id: int, reason: str) -> None:
    """Pauses a batch whose sender SES does not know, and says so at the identity."""
    batch = Batch.unscoped.get(pk=batch_id)
    address = parseaddr(batch.from_header)[1].lower()
    SenderIdentity.unscoped.filter(
        ses_account_id=batch.ses_account_id, name__in=[address, address.rpartition("@")[2]]
    ).update(paused_reason=reason[:300])
    pause_batch(batch_id, reason)
