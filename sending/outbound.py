"""What a drain needs of a batch to send its messages: content, sender's keys, where it waits."""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from sending.credentials import forget_session, sending_credentials
from sending.decide import Action, Decision, after_renewal, decide, unreachable
from sending.models import Batch, SesAccount
from sending.ses.client import endpoint
from sending.ses.errors import SesError
from sending.signing import Signer
from sending.skeleton import Skeleton, compile_batch


@dataclass(frozen=True)
class Outbound:
    """A batch, ready to send."""

    batch_id: int
    lane: int
    account_id: int
    pace_key: str
    skeleton: Skeleton


@lru_cache(maxsize=128)
def _skeleton(batch_id: int, configuration_set: str) -> Skeleton:
    """Compiled once per process; the configuration set is in the key because it is in the body."""
    batch = Batch.unscoped.select_related("tenant", "ses_account").get(pk=batch_id)
    return compile_batch(batch, tenant=batch.tenant, site_url=settings.SITE_URL)


def check(batch: Batch) -> None:
    """Raises ContentError when a batch, saved or not, has content that cannot be sent."""
    compile_batch(batch, tenant=batch.tenant, site_url=settings.SITE_URL)


def load(batch_id: int) -> Outbound:
    """Raises ContentError when the batch's content cannot be sent."""
    batch = Batch.unscoped.select_related("ses_account").get(pk=batch_id)
    account = batch.ses_account
    return Outbound(
        batch_id,
        batch.lane,
        account.pk,
        account.pace_key,
        _skeleton(batch_id, account.configuration_set),
    )


def signer_of(account_id: int, *, renew: bool = False) -> Signer:
    """What signs for an account now; `renew` assumes its role anew. Raises SesError."""
    account = SesAccount.unscoped.get(pk=account_id)
    if renew:
        forget_session(account)
    return Signer(sending_credentials(account), account.region, endpoint(account.region))


def no_access(error: SesError) -> Decision:
    """What it means that AWS gives us no credentials. SES was not asked, so nothing was sent."""
    decision = after_renewal(decide(error.code, error.http_status or 503, error.message))
    if decision.action is Action.UNKNOWN:
        return unreachable(error.message)
    if decision.action is Action.FAIL:
        return Decision(Action.PARK_ACCOUNT, decision.reason)
    return decision
