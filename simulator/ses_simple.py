"""Simple content: SES builds the MIME message from parts."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any

from simulator.web import ApiError

HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
HEADER_VALUE = re.compile(r"[ -~]{1,995}")
MAX_HEADERS = 15
# SES Developer Guide, "Custom headers": SES sets these itself
NOT_ALLOWED = frozenset(
    "bcc cc content-disposition content-type date from message-id mime-version reply-to "
    "return-path subject to".split()
)


def mime_of_simple(
    simple: Any, sender: str, destination: dict[str, Any], fields: dict[str, Any]
) -> bytes:
    """Return the MIME source SES would build. Raises BadRequestException for what it refuses."""
    if not isinstance(simple, dict):
        raise ApiError("SerializationException", "Content.Simple must be an object.")
    if not sender:
        raise ApiError("BadRequestException", "1 validation error: 'fromEmailAddress' is required.")
    body = simple.get("Body") or {}
    text, html = _data(body.get("Text")), _data(body.get("Html"))
    subject = _data(simple.get("Subject"))
    if subject is None or (text is None and html is None):
        raise ApiError("BadRequestException", "Simple content needs a Subject and a Body.")
    if simple.get("Attachments"):
        raise ApiError("BadRequestException", "Attachments are not supported by the simulator.")
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender)
    for name, key in (("To", "ToAddresses"), ("Cc", "CcAddresses")):
        if destination.get(key):
            message[name] = [_address(item) for item in destination[key]]
    if fields.get("ReplyToAddresses"):
        message["Reply-To"] = [_address(item) for item in fields["ReplyToAddresses"]]
    message["Subject"] = subject
    for name, value in _headers(simple.get("Headers") or []):
        message[name] = value
    if text is not None:
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    return message.as_bytes()


def _data(part: Any) -> str | None:
    if not isinstance(part, dict) or not isinstance(part.get("Data"), str):
        return None
    return str(part["Data"])


def _address(value: Any) -> Address | str:
    name, address = parseaddr(str(value))
    try:
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError):
        raise ApiError("BadRequestException", "Missing final '@domain'") from None


def _headers(given: list[Any]) -> list[tuple[str, str]]:
    if len(given) > MAX_HEADERS:
        raise ApiError("BadRequestException", f"Too many headers: at most {MAX_HEADERS}.")
    headers = []
    for item in given:
        name, value = str(item.get("Name")), str(item.get("Value"))
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ApiError("BadRequestException", f"Invalid header <{name[:126]}>.")
        if len(name) + len(value) > 996:
            raise ApiError("BadRequestException", f"Header <{name}> is longer than 996 characters.")
        if name.lower() in NOT_ALLOWED:
            raise ApiError("BadRequestException", f"Header <{name}> is not allowed.")
        headers.append((name, value))
    return headers
