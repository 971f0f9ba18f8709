"""Links in mails: short, unguessable, each naming exactly one thing, valid for years.

A token is base64url(kind, two unsigned 64-bit numbers, MAC). The kind is inside the MAC, so a
token for one thing cannot be turned into another.
"""

import base64
import hmac
import struct
from enum import IntEnum

from django.conf import settings

from lists.errors import BadToken

_LAYOUT = struct.Struct(">BQQ")
_MAC_LENGTH = 15  # 120 bits; with the body 32 bytes, 43 characters


class Kind(IntEnum):
    RECIPIENT = 1  # batch id, contact id: unsubscribe and preferences from a mail
    CONFIRM = 2  # confirmation id, contact id
    DIGEST = 3  # digest id, user id: remove the affected addresses
    DNS = 4  # identity id, its dns_link: the records for whoever runs the DNS


def _mac(key: str, body: bytes) -> bytes:
    return hmac.digest(key.encode(), body, "sha256")[:_MAC_LENGTH]


def make(kind: Kind, first: int, second: int) -> str:
    """The token for these two ids: 43 URL-safe characters."""
    body = _LAYOUT.pack(kind, first, second)
    mac = _mac(settings.LINK_SIGNING_KEYS[0], body)
    return base64.urlsafe_b64encode(body + mac).decode().rstrip("=")


def read(kind: Kind, token: str) -> tuple[int, int]:
    """The two ids in a token of this kind. Raises BadToken for anything else."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadToken from error
    body, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if len(raw) != _LAYOUT.size + _MAC_LENGTH or not any(
        hmac.compare_digest(mac, _mac(key, body)) for key in settings.LINK_SIGNING_KEYS
    ):
        raise BadToken
    found, first, second = _LAYOUT.unpack(body)
    if found != kind:
        raise BadToken
    return first, second
