"""Verified SNS messages, stored once each: the only way into webhooks_snsmessage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from sending.models import SesAccount
from webhooks import sns
from webhooks.certificates import certificate

_COLUMNS = ("topic_arn", "aws_account_id", "topic_signature_version")


@dataclass(frozen=True)
class Address:
    """A secret address of our webhook: whose it is, and what may come in through it."""

    token_hash: bytes
    pin: sns.Pin


class NoSuchAddress(Exception):
    """No account has this address, now."""


# By the hash of their token, as last read in this process.
_known: dict[bytes, Address] = {}
_KNOWN_MOST = 10_000


def address_at(token_hash: bytes, *, afresh: bool = False) -> Address:
    """The address with this hash of its token. Raises NoSuchAddress.

    Unless asked for afresh it may be as it was a while ago: store() looks again, and whoever
    refuses by it asks again first.
    """
    if not afresh and token_hash in _known:
        return _known[token_hash]
    row = SesAccount.unscoped.filter(webhook_token_hash=token_hash).values_list(*_COLUMNS).first()
    if row is None:
        _known.pop(token_hash, None)
        raise NoSuchAddress
    if len(_known) >= _KNOWN_MOST:
        _known.clear()
    found = _known[token_hash] = Address(token_hash, sns.Pin(*row))
    return found


def address_of(account: SesAccount) -> Address:
    """The address of an account that was read just now."""
    pin = sns.Pin(account.topic_arn, account.aws_account_id, account.topic_signature_version)
    return Address(bytes(account.webhook_token_hash or b""), pin)


def verify(
    envelope: sns.Envelope,
    headers: Mapping[str, str] | None,
    address: Address,
    *,
    now: datetime,
    max_age: timedelta = sns.MAX_AGE,
) -> None:
    """Raises sns.Forged, or CertificateUnavailable when that may succeed later."""
    sns.verify(envelope, headers, address.pin, now=now, certificate=certificate, max_age=max_age)


_STORE = """
    WITH a AS (
        SELECT id, tenant_id FROM sending_sesaccount
        WHERE webhook_token_hash = %s
          AND topic_arn = %s AND aws_account_id = %s AND topic_signature_version = %s
    ), stored AS (
        INSERT INTO webhooks_snsmessage
            (tenant_id, ses_account_id, sns_message_id, kind, body, received_at, error)
        SELECT a.tenant_id, a.id, %s, %s, %s, %s, '' FROM a
        ON CONFLICT DO NOTHING
    )
    SELECT 1 FROM a
"""


def store(address: Address, envelope: sns.Envelope, now: datetime) -> bool:
    """Stores a verified message, once however often it comes; one statement, committed by itself.

    False, with nothing stored, when what was believed of the address holds no more.
    """
    pin = address.pin
    body = envelope.token if envelope.type == sns.SUBSCRIPTION_CONFIRMATION else envelope.message
    values: list[Any] = [address.token_hash, pin.topic_arn, pin.aws_account_id, pin.min_version]
    values += [envelope.message_id, envelope.type, body, now]
    try:
        return _execute(values)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        # The server was restarted since this connection was made. Asking before each message
        # whether it still lives would cost as much as storing one.
        connection.close()
        return _execute(values)


def _execute(values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_STORE, values)
        return cursor.fetchone() is not None
