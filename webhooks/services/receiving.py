"""Takes what SNS posts: verified, stored, and only then answered."""

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sending.models import SesAccount
from sending.services.feedback import token_hash
from webhooks import bell, sns, tasks
from webhooks.certificates import certificate
from webhooks.models import SnsMessage

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
_PINNED = (
    "tenant_id",
    "aws_account_id",
    "topic_arn",
    "topic_signature_version",
    "subscription_requested_at",
)


def account_at(token: str) -> SesAccount | None:
    """The account whose secret address ends in this token, with what the check of a post needs.

    Its secrets are left out: decrypting them for each of hundreds of posts a second is waste.
    """
    rows = SesAccount.unscoped.filter(webhook_token_hash=token_hash(token))
    return rows.only(*_PINNED).first()


def receive(*, account: SesAccount, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Verifies a message and stores it, once however often it is posted.

    Raises sns.Unreadable and sns.Forged with nothing changed, CertificateUnavailable and
    django.db.Error when the same message may succeed later. Translating it comes afterwards: a
    worker is called, and where that fails, the clock calls one.
    """
    envelope = sns.parse(body)
    pin = sns.Pin(
        topic_arn=account.topic_arn,
        aws_account_id=account.aws_account_id,
        min_version=account.topic_signature_version,
    )
    sns.verify(envelope, headers, pin, now=now, certificate=certificate)
    confirming = envelope.type == sns.SUBSCRIPTION_CONFIRMATION
    if confirming:
        _check_awaited(account, envelope)
    _store(account, envelope, now)
    transaction.on_commit(_call_confirmer if confirming else _call_translator)


def _store(account: SesAccount, envelope: sns.Envelope, now: datetime) -> None:
    """One statement, committed by itself: bulk_create would make three round trips of it."""
    body = envelope.token if envelope.type == sns.SUBSCRIPTION_CONFIRMATION else envelope.message
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO webhooks_snsmessage
                (tenant_id, ses_account_id, sns_message_id, kind, body, received_at, error)
            VALUES (%s, %s, %s, %s, %s, %s, '')
            ON CONFLICT DO NOTHING
            """,
            [
                account.tenant_id,
                account.pk,
                envelope.message_id,
                envelope.type,
                body,
                now,
            ],
        )


def _check_awaited(account: SesAccount, envelope: sns.Envelope) -> None:
    """A subscription that nobody here asked for is not confirmed; a repeated message may come."""
    if account.subscription_requested_at is not None:
        return
    if not SnsMessage.unscoped.filter(
        ses_account=account, sns_message_id=envelope.message_id
    ).exists():
        raise sns.Forged("no subscription is being set up")


def _call_translator() -> None:
    try:
        if bell.ring():
            tasks.translate.delay()
    except (RedisError, OperationalError):
        log.warning("no worker could be called for an event; the clock will call one")


def _call_confirmer() -> None:
    try:
        tasks.confirm_subscriptions.delay()
    except OperationalError:
        log.warning("no worker could be called for a confirmation; the clock will call one")
