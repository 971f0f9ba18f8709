"""The form of an API key: `bf_live_<key id>_<secret>`.

The key id finds the row and may be shown; the secret has 256 random bits, so one round of
SHA-256 keeps it (a slow hash protects what people choose, not what we draw).
"""

import hashlib
import secrets
import string
from dataclasses import dataclass

PREFIX = "bf_live_"
_KEY_ID_ALPHABET = string.ascii_lowercase + string.digits
_KEY_ID_LENGTH = 12


@dataclass(frozen=True)
class NewKey:
    """A key that was just drawn. `text` is shown once and stored nowhere."""

    key_id: str
    text: str
    secret_hash: bytes


def new_key() -> NewKey:
    key_id = "".join(secrets.choice(_KEY_ID_ALPHABET) for _ in range(_KEY_ID_LENGTH))
    secret = secrets.token_urlsafe(32)
    return NewKey(key_id, f"{PREFIX}{key_id}_{secret}", hash_secret(secret))


def hash_secret(secret: str) -> bytes:
    """The 32 bytes that are stored."""
    return hashlib.sha256(secret.encode()).digest()


def split(text: str) -> tuple[str, str] | None:
    """(key id, secret), or None for what does not have the form of a key."""
    if not text.startswith(PREFIX):
        return None
    key_id, _, secret = text.removeprefix(PREFIX).partition("_")
    return (key_id, secret) if len(key_id) == _KEY_ID_LENGTH and secret else None
