"""Connecting a tenant's Amazon SES, testing it, and letting it go."""

from contextlib import suppress
from typing import Any

from django.db import transaction

from sending.connection import (
    announce_quota,
    check_connection,
    resume,
    store,
    store_answer,
)
from sending.credentials import api_of
from sending.errors import AwsRefused
from sending.models import BatchState, SesAccount, SesAuth, SesState, new_external_id
from sending.outbox import forget_list
from sending.ses.errors import SesError
from tenants.clients import HasMeta
from tenants.errors import BluefoxError
from tenants.models import Tenant, User
from tenants.services.audit import record

# What belongs to one AWS account and means nothing in another.
_WITHOUT_FEEDBACK: dict[str, Any] = {
    "configuration_set": "",
    "topic_arn": "",
    "topic_signature_version": "",
    "subscription_arn": "",
    "subscription_requested_at": None,
    "events_published": False,
    "events_stopped_at": None,
    "feedback_failed_step": "",
    "feedback_error": "",
    "suppression_synced_at": None,
    "suppression_error": "",
    "feedback_manual": False,
    "dead_letter_url": "",
    "dead_letters": 0,
    "dead_letters_read_at": None,
    "unheard_since": None,
    "events_missing_since": None,
    "selftest_passed_at": None,
    "permissions": {},
    "permissions_checked_at": None,
    "webhook_token": {},
    "webhook_token_hash": None,
}


class AccountInUse(BluefoxError):
    """The account has mail that has not left yet."""

    code = "account_in_use"


@transaction.atomic
def start_connection(
    *,
    tenant: Tenant,
    actor: User | None,
    name: str,
    region: str,
    auth: str,
    request: HasMeta | None = None,
) -> SesAccount:
    """Makes the account that is to be connected, with the external id for its role."""
    account = SesAccount.unscoped.create(tenant=tenant, name=name, region=region, auth=auth)
    _audit(account, actor, "ses_account.created", request, {"region": region, "auth": auth})
    return account


def connect_role(
    *, account: SesAccount, actor: User | None, role_arn: str, request: HasMeta | None = None
) -> SesAccount:
    """Connects through a role. Raises AwsRefused and stores nothing when it does not work."""
    candidate = _candidate(account, auth=SesAuth.ROLE, role_arn=role_arn, credentials={})
    return _connect(account, candidate, actor, request)


def connect_key(
    *,
    account: SesAccount,
    actor: User | None,
    access_key_id: str,
    secret_access_key: str,
    request: HasMeta | None = None,
) -> SesAccount:
    """Connects with an access key. Raises AwsRefused and stores nothing when it does not work."""
    secret = {"access_key_id": access_key_id, "secret_access_key": secret_access_key}
    candidate = _candidate(account, auth=SesAuth.KEY, role_arn="", credentials=secret)
    return _connect(account, candidate, actor, request)


def _candidate(account: SesAccount, **access: Any) -> SesAccount:
    """The account as it would be: never saved itself."""
    return SesAccount(region=account.region, external_id=account.external_id, **access)


def _connect(
    account: SesAccount, candidate: SesAccount, actor: User | None, request: HasMeta | None
) -> SesAccount:
    columns = check_connection(candidate)
    columns |= {
        "auth": candidate.auth,
        "role_arn": candidate.role_arn,
        "credentials": candidate.credentials,
        "state": SesState.CONNECTED,
        "last_error": "",
    }
    with transaction.atomic():
        if account.aws_account_id not in ("", columns["aws_account_id"]):
            columns |= _WITHOUT_FEEDBACK
            forget_list(account)
            account.identities.all().delete()
        store_answer(account, columns)
        detail = {"aws_account": account.aws_account_id, "auth": account.auth}
        _audit(account, actor, "ses_account.connected", request, detail)
    resume(account)
    announce_quota(account)
    return account


def test_connection(
    *, account: SesAccount, actor: User | None, request: HasMeta | None = None
) -> SesAccount:
    """Asks AWS again and stores what it says.

    Raises AwsRefused after storing that, and why, when AWS refuses us now.
    """
    try:
        columns = check_connection(account)
    except AwsRefused as error:
        store(account, {"state": SesState.FAILED, "last_error": error.aws or error.message})
        raise
    with transaction.atomic():
        store_answer(account, columns | {"state": SesState.CONNECTED, "last_error": ""})
        _audit(account, actor, "ses_account.tested", request)
    resume(account)
    announce_quota(account)
    return account


def disconnect(*, account: SesAccount, actor: User | None, request: HasMeta | None = None) -> None:
    """Ends the subscription of our webhook at AWS and forgets how to get in.

    An account that has sent keeps its row, without secrets, for the history of its mail; one
    that never sent is deleted. Raises AccountInUse while mail of it has not left yet. Where AWS
    refuses to end the subscription it stays there, posts to an address that is gone, and ends.
    """
    open_batches = account.batches.exclude(state__in=[BatchState.DONE, BatchState.CANCELLED])
    if waiting := open_batches.count():
        raise AccountInUse(
            f"{waiting} sendings through this account have not ended. Cancel them or let them "
            "end, then disconnect."
        )
    if account.subscription_arn:
        with suppress(SesError):
            api_of(account).unsubscribe(account.subscription_arn)
    with transaction.atomic():
        _audit(account, actor, "ses_account.disconnected", request)
        forget_list(account)
        if not account.batches.exists():
            account.delete()
            return
        gone = {
            "state": SesState.NEW,
            "credentials": {},
            "role_arn": "",
            "external_id": new_external_id(),
            "last_error": "",
        }
        store(account, gone | _WITHOUT_FEEDBACK)


def _audit(
    account: SesAccount,
    actor: User | None,
    action: str,
    request: HasMeta | None,
    detail: dict[str, Any] | None = None,
) -> None:
    record(
        tenant=account.tenant,
        actor=actor,
        action=action,
        target=account.name,
        detail=detail,
        request=request,
    )
