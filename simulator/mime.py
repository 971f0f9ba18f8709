"""Just enough of MIME to accept a raw message.

At 37 KB the base64 of the standard library takes longer than all other work of a send
together; that of pybase64 does not.
"""

import re
from email.utils import getaddresses
from functools import lru_cache

from pybase64 import b64decode

from simulator.web import ApiError

MAX_LINE = 1000  # octets with CRLF (RFC 5321 4.5.3.1.6; SES API Reference, RawMessage)
PLAIN_ADDRESS = re.compile(
    r'\s*(?:"?[^"<>,@]*"?\s*<([^<>\s,"]+@[^<>\s,"]+)>|([^<>\s,"]+@[^<>\s,"]+))\s*'
)
LOCAL = re.compile(r"[!-~]+")
DOMAIN = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
# each of these may stand in a message once (SES Developer Guide, "Amazon SES header fields")
ONCE = frozenset(
    "auto-submitted content-disposition content-transfer-encoding content-type date from "
    "in-reply-to list-archive list-help list-id list-owner list-post list-subscribe "
    "list-unsubscribe list-unsubscribe-post message-id mime-version organization precedence "
    "priority references reply-to return-path sender subject user-agent".split()
)

Header = tuple[str, str]


def decoded(data: bytes) -> bytes:
    """Return what the base64 `data` holds.

    Raises SerializationException unless it is standard base64 with its padding and nothing else:
    the decoder skips foreign characters, so a result shorter than it must be tells of one.
    """
    size = len(data) // 4 * 3 - data[-2:].count(b"=")
    try:
        raw = b64decode(data)
    except ValueError:
        raw = b""
    if len(data) % 4 or len(raw) != size:
        raise ApiError("SerializationException", "Content.Raw.Data is not valid base64.")
    return raw


def has_long_line(raw: bytes, longest: int = MAX_LINE) -> bool:
    """Return whether a line, its line break included, is longer than so many octets."""
    start = 0
    last = len(raw) - longest
    while start < last:
        at = raw.rfind(b"\n", start, start + longest)
        if at < 0:
            return True
        start = at + 1
    return False


def header_block(raw: bytes) -> bytes:
    """Return the header section of a message, without the blank line."""
    end = raw.find(b"\r\n\r\n")
    bare = raw.find(b"\n\n", 0, end if end >= 0 else len(raw))
    if bare >= 0:
        return raw[:bare]
    return raw[:end] if end >= 0 else raw


def parse_headers(block: bytes) -> list[Header]:
    """Return name and unfolded value of each header, in order.

    Raises BadRequestException for a line that is no header.
    """
    headers: list[Header] = []
    for line in block.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        if line[:1] in (" ", "\t"):
            if not headers:
                raise ApiError("BadRequestException", "The message starts with a folded line.")
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name:
            raise ApiError("BadRequestException", f"Illegal header '{line[:80]}'.")
        headers.append((name, value.strip()))
    return headers


@lru_cache(maxsize=4096)
def addresses_in(value: str) -> tuple[str, ...]:
    """Return the bare addresses of an address list, as written."""
    match = PLAIN_ADDRESS.fullmatch(value)
    if match:
        return (match[1] or match[2],)
    return tuple(address for _, address in getaddresses([value]) if address)


@lru_cache(maxsize=4096)
def check_address(address: str) -> None:
    """Raise BadRequestException in SES's words unless the bare address is deliverable."""
    local, at, domain = address.rpartition("@")
    if not at or not domain:
        raise ApiError("BadRequestException", "Missing final '@domain'")
    if not local or not LOCAL.fullmatch(local):
        raise ApiError("BadRequestException", "Local address contains control or whitespace")
    if "@" in local.strip('"'):
        raise ApiError("BadRequestException", "Illegal address")
    if not _is_domain(domain):
        raise ApiError("BadRequestException", "Domain contains illegal character")


@lru_cache(maxsize=4096)
def _is_domain(domain: str) -> bool:
    return DOMAIN.fullmatch(domain) is not None
