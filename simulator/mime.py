"""Just enough of MIME to accept a raw message without decoding all of it."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from email.utils import getaddresses

from simulator.web import ApiError

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MAX_LINE = 1000  # octets with CRLF (RFC 5321 4.5.3.1.6; SES API Reference, RawMessage)
PIECE = 27  # groups of three octets: a 76-character line and its CRLF fit
HEADER_PREFIX = 2048  # base64 characters, doubled until the blank line is found
PLAIN_ADDRESS = re.compile(
    r'\s*(?:"?[^"<>,@]*"?\s*<([^<>\s,"]+@[^<>\s,"]+)>|([^<>\s,"]+@[^<>\s,"]+))\s*'
)
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


def check_base64(data: bytes) -> None:
    """Raise SerializationException unless `data` is standard base64 with its padding."""
    rest = data.translate(None, ALPHABET)
    if len(data) % 4 or rest not in (b"", b"=", b"==") or not data.endswith(rest):
        raise ApiError("SerializationException", "Content.Raw.Data is not valid base64.")


def has_long_line(data: bytes) -> bool:
    """Return whether the base64 `data` decodes to a line of more than 1000 octets.

    It hops from line end to line end, up to a line limit at a time, and decodes only the piece
    in which it looks for the next one: the whole message would cost more than its signature.
    """
    size = len(data) // 4 * 3 - data[-2:].count(b"=")
    start = 0
    while size - start > MAX_LINE:
        group = (start + MAX_LINE) // 3
        at = a2b_base64(data[(group - PIECE) * 4 : group * 4]).rfind(b"\n")
        if at >= 0:
            start = (group - PIECE) * 3 + at + 1
            continue
        first = start // 3
        line = a2b_base64(data[first * 4 : (group + 1) * 4])[start - first * 3 :][:MAX_LINE]
        at = line.rfind(b"\n")
        if at < 0:
            return True
        start += at + 1
    return False


def header_block(data: bytes) -> bytes:
    """Return the decoded header section of base64 `data`, without the blank line."""
    length = HEADER_PREFIX
    while True:
        try:
            text = a2b_base64(data[:length])
        except Base64Error:
            raise ApiError(
                "SerializationException", "Content.Raw.Data is not valid base64."
            ) from None
        ends = [at for at in (text.find(b"\r\n\r\n"), text.find(b"\n\n")) if at >= 0]
        if ends:
            return text[: min(ends)]
        if length >= len(data):
            return text
        length *= 2


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


def check_once(headers: list[Header]) -> None:
    """Raise BadRequestException when a header that may stand once stands twice."""
    seen: set[str] = set()
    for name, _ in headers:
        lowered = name.lower()
        if lowered in ONCE:
            if lowered in seen:
                raise ApiError("BadRequestException", f"Duplicate header '{name}'.")
            seen.add(lowered)


def value_of(headers: list[Header], wanted: str) -> str:
    """Return the value of the first header of that (lower-case) name, or an empty string."""
    for name, value in headers:
        if name.lower() == wanted:
            return value
    return ""


def addresses_in(value: str) -> list[str]:
    """Return the bare addresses of an address list, as written."""
    match = PLAIN_ADDRESS.fullmatch(value)
    if match:
        return [match[1] or match[2]]
    return (
        [address for _, address in getaddresses([value], strict=False) if address] if value else []
    )


def check_address(address: str) -> None:
    """Raise BadRequestException in SES's words unless the bare address is deliverable."""
    local, at, domain = address.rpartition("@")
    if not at or not domain:
        raise ApiError("BadRequestException", "Missing final '@domain'")
    if not local or not local.isascii() or any(c <= " " or c == "\x7f" for c in local):
        raise ApiError("BadRequestException", "Local address contains control or whitespace")
    if "@" in local.strip('"'):
        raise ApiError("BadRequestException", "Illegal address")
    if not DOMAIN.fullmatch(domain):
        raise ApiError("BadRequestException", "Domain contains illegal character")
