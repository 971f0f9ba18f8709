"""What a drain needs of a batch to send its messages: content, sender's keys, where it waits."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from sending.credentials import credentials_at_hand, forget_session, sending_credentials
from sending.decide import Action, Decision, after_renewal, decide, unreachable
from sending.errors import ContentError
from sending.models import Batch, Lane, SesAccount
from sending.ses.client import Credentials, endpoint
from sending.ses.errors import SesError
from sending.signing import Signer
from sending.skeleton import Skeleton, compile_batch
from sending.threads import Threads
from tenants.errors import SecretUnreadable

logger = logging.getLogger(__name__)

_CONNECT_AGAIN = "Its access key cannot be read any more. Connect Amazon SES again."


@dataclass(frozen=True)
class Outbound:
    """A batch, ready to send; without a signer where AWS must be asked for one."""

    batch_id: int
    lane: int
    account_id: int
    pace_key: str
    skeleton: Skeleton
    signer: Signer | None = None

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the mail."""
        return self.lane < Lane.AUTOMATION


@lru_cache(maxsize=128)
def _skeleton(batch_id: int, configuration_set: str) -> Skeleton:
    """Compiled once per process; the configuration set is in the key because it is in the body."""
    batch = Batch.unscoped.select_related("tenant", "ses_account").get(pk=batch_id)
    return compile_batch(batch, tenant=batch.tenant, site_url=settings.SITE_URL)


def check(batch: Batch) -> None:
    """Raises ContentError when a batch, saved or not, has content that cannot be sent."""
    compile_batch(batch, tenant=batch.tenant, site_url=settings.SITE_URL)


def load(batch_ids: Collection[int]) -> dict[int, Outbound | ContentError]:
    """Each batch that exists, or why its content cannot be sent.

    A drain begins with all that is due, so they are read together; a batch in which we make a
    mistake must not stop the others.
    """
    batches = Batch.unscoped.select_related("ses_account").filter(pk__in=batch_ids)
    return {batch.pk: _ready(batch) for batch in batches}


def _ready(batch: Batch) -> Outbound | ContentError:
    account = batch.ses_account
    try:
        skeleton = _skeleton(batch.pk, account.configuration_set)
    except ContentError as error:
        return error
    except Threads.database_errors:
        raise
    except Exception:
        logger.exception("Batch %d: a fault of ours in its content", batch.pk)
        return ContentError("An internal error in its content")
    return Outbound(
        batch.pk, batch.lane, account.pk, account.pace_key, skeleton, _signer_at_hand(account)
    )


def _signer_at_hand(account: SesAccount) -> Signer | None:
    try:
        credentials = credentials_at_hand(account)
    except SecretUnreadable:  # signer_of() says so when it is asked for
        return None
    return None if credentials is None else _signer(account, credentials)


def signer_of(account_id: int, *, renew: bool = False) -> Signer:
    """What signs for an account now; `renew` assumes its role anew.

    Raises SesError, and SecretUnreadable when its access key cannot be decrypted.
    """
    account = SesAccount.unscoped.get(pk=account_id)
    if renew:
        forget_session(account)
    return _signer(account, sending_credentials(account))


def _signer(account: SesAccount, credentials: Credentials) -> Signer:
    return Signer(credentials, account.region, endpoint(account.region))


def no_access(error: SesError | SecretUnreadable) -> Decision:
    """What it means that we have no credentials. SES was not asked, so nothing was sent."""
    if isinstance(error, SecretUnreadable):
        return Decision(Action.PARK_ACCOUNT, _CONNECT_AGAIN)
    decision = after_renewal(decide(error.code, error.http_status or 503, error.message))
    if decision.action is Action.UNKNOWN:
        return unreachable(error.message)
    if decision.action is Action.FAIL:
        return Decision(Action.PARK_ACCOUNT, decision.reason)
    return decision
