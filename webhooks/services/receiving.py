"""Takes what SNS posts: verified, stored, and only then answered."""

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sending.models import SesAccount
from sending.services.feedback import note_signature_version, token_hash
from webhooks import bell, inbox, sns, tasks
from webhooks.models import SnsMessage

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024


def receive(*, token: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Verifies a message and stores it, once however often it is posted to our secret address.

    Raises inbox.NoSuchAddress, sns.Unreadable and sns.Forged with nothing changed,
    CertificateUnavailable and django.db.Error when the same message may succeed later. Translating
    it comes afterwards: a worker is called, and where that fails, the clock calls one.
    """
    key = token_hash(token)
    inbox.address_at(key)
    envelope = sns.parse(body)
    confirming = envelope.type == sns.SUBSCRIPTION_CONFIRMATION
    if confirming:
        _check_awaited(key, envelope)
    # What we know of the address may be old, and SNS drops what is refused: look again first.
    stored = not confirming and _stored(key, envelope, headers, now)
    if not stored and not _stored(key, envelope, headers, now, afresh=True):
        raise sns.Forged("the topic has just been changed")
    if confirming:
        note_signature_version(token_hash=key, version=envelope.version)
    transaction.on_commit(_call_confirmer if confirming else _call_translator)


def _stored(
    key: bytes,
    envelope: sns.Envelope,
    headers: Mapping[str, str],
    now: datetime,
    *,
    afresh: bool = False,
) -> bool:
    """Whether it is believed, and stored. Raises sns.Forged when it was looked at afresh."""
    address = inbox.address_at(key, afresh=afresh)
    try:
        inbox.verify(envelope, headers, address, now=now)
    except sns.Forged:
        if afresh:
            raise
        return False
    return inbox.store(address, envelope, now)


def _check_awaited(key: bytes, envelope: sns.Envelope) -> None:
    """A subscription that nobody here asked for is not confirmed; a repeated message may come."""
    account = SesAccount.unscoped.filter(webhook_token_hash=key)
    if account.filter(subscription_requested_at__isnull=False).exists():
        return
    known = SnsMessage.unscoped.filter(ses_account__in=account, sns_message_id=envelope.message_id)
    if not known.exists():
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
