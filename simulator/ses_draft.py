"""A SendEmail request, parsed and validated (SES API v2 Reference, SendEmail)."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.mime import (
    ONCE,
    Header,
    addresses_in,
    check_address,
    decoded,
    has_long_line,
    header_block,
    parse_headers,
)
from simulator.ses_simple import Simple, simple_content
from simulator.web import ApiError

MAX_RECIPIENTS = 50
MAX_TAGS = 50
MAX_MESSAGE = 40 * 1024 * 1024  # after base64 encoding
TAG_TEXT = re.compile(r"[A-Za-z0-9_-]{1,256}")
# SES's own tags hold more than the alphabet of custom ones
SES_TAG = re.compile(r"ses:feedback-id-[ab]")
DESTINATIONS = frozenset(("to", "cc", "bcc"))
RAW_DATA = re.compile(rb'"Data"\s*:\s*"')
# SES reads these and takes them off before it sends
REMOVED_HEADERS = frozenset(
    (
        "bcc",
        "x-ses-configuration-set",
        "x-ses-message-tags",
        "x-ses-source-arn",
        "x-ses-from-arn",
        "x-ses-return-path-arn",
        "x-ses-tenant",
    )
)


@dataclass(slots=True)
class Draft:
    """A send request, parsed and not yet accepted."""

    sender: str
    identities: list[str]
    destination: list[str]
    recipients: list[str]
    headers: list[Header]
    subject: str
    tags: dict[str, str]
    set_name: str
    mime: bytes | Simple  # the source, or what it is built from when somebody reads it
    size: int  # octets of the source


def parse_body(body: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the request's fields, and the raw message in base64 when there is one.

    The message is cut out of the JSON by its quotes, for base64 has neither quote nor escape:
    parsing it as a JSON string would only copy it twice. Anything unusual is parsed whole.
    """
    match = RAW_DATA.search(body) if b'"Raw"' in body else None
    if match:
        start = match.end()
        end = body.find(b'"', start)
        data = body[start:end]
        if end > 0 and b"\\" not in data:
            fields = _json(body[:start] + body[end:])
            if _raw_data(fields) == "":
                return fields, data
    fields = _json(body)
    text = _raw_data(fields)
    return fields, text.encode("utf-8", "replace") if text is not None else None


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError("SerializationException", f"Could not parse the body: {error}") from None
    if not isinstance(fields, dict):
        raise ApiError("SerializationException", "Start of structure found where not expected.")
    return fields


def _raw_data(fields: dict[str, Any]) -> str | None:
    content = fields.get("Content")
    raw = content.get("Raw") if isinstance(content, dict) else None
    data = raw.get("Data") if isinstance(raw, dict) else None
    return data if isinstance(data, str) else None


def draft_of(fields: dict[str, Any], data: bytes | None) -> Draft:
    """Return the draft of a request. Raises BadRequestException for what SES does not take."""
    content = fields.get("Content")
    if not isinstance(content, dict) or not content:
        raise ApiError("BadRequestException", "1 validation error detected: 'content' is required.")
    for name in ("ListManagementOptions", "TenantName", "EndpointId"):
        if fields.get(name):
            raise ApiError("BadRequestException", f"{name} is not supported by the simulator.")
    destination = fields.get("Destination") or {}
    given = [
        str(address)
        for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
        for address in destination.get(kind) or ()
    ]
    sender = str(fields.get("FromEmailAddress") or "")
    tags = _tags(fields.get("EmailTags"))
    set_name = str(fields.get("ConfigurationSetName") or "")
    if data is None:
        if "Simple" not in content:
            raise ApiError("BadRequestException", "Only Raw and Simple content is supported.")
        simple = simple_content(content["Simple"], sender, destination, fields)
        _check_size(simple.size)
        headers, size = simple.headers, simple.size
        mime: bytes | Simple = simple
    else:
        raw = decoded(data)
        if not raw:
            raise ApiError("BadRequestException", "Content.Raw.Data is empty.")
        _check_size(len(raw))
        headers, size = parse_headers(header_block(raw)), len(raw)
        mime = raw
        if has_long_line(raw):
            raise ApiError(
                "BadRequestException", "A line of the message is longer than 1000 characters."
            )
    return _draft_of_mime(headers, (mime, size), sender, given, (tags, set_name))


def _check_size(size: int) -> None:
    if size * 4 // 3 > MAX_MESSAGE:
        raise ApiError(
            "BadRequestException", f"Message length is more than {MAX_MESSAGE} bytes long."
        )


def _draft_of_mime(
    headers: list[Header],
    message: tuple[bytes | Simple, int],
    sender: str,
    given: list[str],
    options: tuple[Any, str],
) -> Draft:
    """Fill what the parameters left open from the headers; parameters win, as in SES."""
    tags, set_name = options
    by_name: dict[str, str] = {}
    listed: list[str] = []
    kept: list[Header] = []
    for header in headers:
        lowered = header[0].lower()
        if lowered not in by_name:
            by_name[lowered] = header[1]
        elif lowered in ONCE:
            raise ApiError("BadRequestException", f"Duplicate header '{header[0]}'.")
        if lowered in DESTINATIONS:
            listed += addresses_in(header[1])
        if lowered not in REMOVED_HEADERS:
            kept.append(header)
    header_from = by_name.get("from", "")
    if not header_from and not sender:
        raise ApiError("BadRequestException", "Missing required header 'From'.")
    senders = addresses_in(sender or header_from)
    if len(senders) != 1:
        raise ApiError("BadRequestException", "Missing final '@domain'")
    identities = list(senders)
    for value in (header_from, by_name.get("sender", ""), by_name.get("return-path", "")):
        identities += [found for found in addresses_in(value) if found not in identities]
    recipients = [a for item in given for a in addresses_in(item) or [item]] if given else listed
    if not recipients:
        raise ApiError("BadRequestException", "Missing required header 'To'.")
    if len(recipients) > MAX_RECIPIENTS:
        raise ApiError("BadRequestException", f"Recipient count exceeds {MAX_RECIPIENTS}.")
    for address in (*identities, *recipients):
        check_address(address)
    if tags is None:
        tags = _header_tags(by_name.get("x-ses-message-tags", ""))
    return Draft(
        header_from or sender,
        identities,
        recipients,
        list(dict.fromkeys(recipients)),
        kept,
        by_name.get("subject", ""),
        tags,
        set_name or by_name.get("x-ses-configuration-set", ""),
        *message,
    )


def _tags(given: Any) -> dict[str, str] | None:
    if not given:
        return None
    return _checked_tags([(str(tag.get("Name")), str(tag.get("Value"))) for tag in given])


def _header_tags(value: str) -> dict[str, str]:
    """Return the tags of an X-SES-MESSAGE-TAGS header: name=value, name=value."""
    if not value:
        return {}
    pairs = []
    for item in re.split(r"[,;]", value):
        name, _, text = item.strip().partition("=")
        pairs.append((name, text.strip('"')))
    return _checked_tags(pairs)


def _checked_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    if len(pairs) > MAX_TAGS:
        raise ApiError("BadRequestException", f"Too many message tags: at most {MAX_TAGS}.")
    tags: dict[str, str] = {}
    for name, value in pairs:
        for kind, text in (("name", name), ("value", value)):
            if not TAG_TEXT.fullmatch(text) and not (kind == "name" and SES_TAG.fullmatch(text)):
                raise ApiError(
                    "BadRequestException",
                    f"Invalid tag {kind} <{text[:256]}>: only alphanumeric ASCII characters, '_', "
                    "and '-' are allowed, and at most 256 of them.",
                )
        if name in tags:
            raise ApiError("BadRequestException", f"Duplicate tag <{name}>.")
        tags[name] = value
    return tags
