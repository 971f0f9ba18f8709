"""Recognising addresses that were erased, of which only a keyed hash is left.

Why keyed and with whose key: docs/decisions/erasure.md.
"""

import hmac
import secrets
from collections.abc import Iterable

from lists.models import ErasureKey, Suppression

PREFIX = "erased:"


def mark_of(tenant_id: int, email_norm: str) -> str:
    """What stands for the address among the tenant's suppressions from now on."""
    made, _ = ErasureKey.unscoped.get_or_create(
        tenant_id=tenant_id, defaults={"key": {"secret": secrets.token_hex(32)}}
    )
    return _mark(made, email_norm)


def erased_among(tenant_id: int, email_norms: Iterable[str]) -> set[str]:
    """Those of these normalised addresses that the tenant has erased.

    One look at a unique index where it has never erased anybody. Raises SecretUnreadable when the
    key cannot be read: nobody can then say that an address may be mailed.
    """
    key = ErasureKey.unscoped.filter(tenant_id=tenant_id).first()
    if key is None:
        return set()
    marks = {_mark(key, email_norm): email_norm for email_norm in email_norms}
    known = Suppression.unscoped.filter(tenant_id=tenant_id, email_norm__in=list(marks))
    return {marks[mark] for mark in known.values_list("email_norm", flat=True)}


def _mark(key: ErasureKey, email_norm: str) -> str:
    secret = bytes.fromhex(key.key["secret"])
    return PREFIX + hmac.digest(secret, email_norm.encode(), "sha256").hex()
