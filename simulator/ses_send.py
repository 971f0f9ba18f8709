"""SendEmail: the data plane (SES API v2 Reference, SendEmail)."""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from simulator import faults, iam
from simulator.accounts import ConfigurationSet, Region
from simulator.cloud import Cloud
from simulator.ledger import Context
from simulator.mailbox import SES, Mail
from simulator.messages import Message, new_id
from simulator.mime import (
    Header,
    addresses_in,
    check_address,
    check_base64,
    check_once,
    has_long_line,
    header_block,
    parse_headers,
    value_of,
)
from simulator.outcomes import Outcome, is_simulator, outcome_for
from simulator.quota import Limits
from simulator.ses_simple import mime_of_simple
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, request_id

MAX_RECIPIENTS = 50
MAX_MESSAGE = 40 * 1024 * 1024  # after base64 encoding
TAG_TEXT = re.compile(r"[A-Za-z0-9_-]{1,256}")
# SES's own tags hold more than the alphabet of custom ones
SES_TAG = re.compile(r"ses:feedback-id-[ab]")
RAW_DATA = re.compile(rb'"Data"\s*:\s*"')
BLOCKED_HEADERS = frozenset(
    ("x-ses-configuration-set", "x-ses-message-tags", "x-ses-source-arn", "x-ses-from-arn",
     "x-ses-return-path-arn", "x-ses-tenant")
)  # fmt: skip


@dataclass(slots=True)
class Draft:
    """A send request, parsed and not yet accepted."""

    sender: str
    identities: list[str]
    destination: list[str]
    recipients: list[str]
    headers: list[Header]
    tags: dict[str, str]
    set_name: str
    data: bytes
    size: int


def send_email(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Accept one message and return its MessageId, or raise SES's refusal.

    Whatever raises here was not accepted, except a fault of the `..._after_accept` kinds.
    """
    account, region_name = caller.account, caller.region
    region = account.region(region_name)
    try:
        fields, data = parse_body(request.body)
        struck = {}
        if cloud.faults.any(account.id):
            name = str(fields.get("ConfigurationSetName") or "")
            struck = cloud.faults.hit(account.id, region_name, cloud.clock(), name)
            dropped = faults.refuse_before(struck)
            if dropped is not None:
                return dropped
        draft = _draft(fields, data)
        _authorise(caller, draft, raw=data is not None)
        configuration_set = _configuration_set(region, draft)
        _check_state(region, configuration_set)
        identity = _check_identities(region, draft)
        counted = sum(1 for address in draft.recipients if not is_simulator(address))
        cloud.quota(account.id, region_name).admit(
            cloud.clock(),
            len(draft.recipients),
            counted,
            Limits(region.max_24_hour_send, region.max_send_rate, region.quota_mode),
        )
    except ApiError as error:
        cloud.ledger.refuse(time.time_ns(), account.id, error.code)
        raise
    message = _accept(request, caller, cloud, draft, identity)
    body = b'{"MessageId":"%b"}' % message.id.encode()
    headers = {"x-amzn-RequestId": request_id()}
    delay = cloud.settings.latency_ms / 1000
    return faults.apply_after(struck, Response(body, headers=headers, delay=delay))


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


def _draft(fields: dict[str, Any], data: bytes | None) -> Draft:
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
        mime = mime_of_simple(content["Simple"], sender, destination, fields)
        data = base64.b64encode(mime)
    else:
        check_base64(data)
        if not data:
            raise ApiError("BadRequestException", "Content.Raw.Data is empty.")
    if len(data) > MAX_MESSAGE:
        raise ApiError(
            "BadRequestException", f"Message length is more than {MAX_MESSAGE} bytes long."
        )
    headers = parse_headers(header_block(data))
    check_once(headers)
    if has_long_line(data):
        raise ApiError(
            "BadRequestException", "A line of the message is longer than 1000 characters."
        )
    return _draft_of_mime(headers, data, sender, given, (tags, set_name))


def _draft_of_mime(
    headers: list[Header], data: bytes, sender: str, given: list[str], options: tuple[Any, str]
) -> Draft:
    """Fill what the parameters left open from the headers; parameters win, as in SES."""
    tags, set_name = options
    by_name: dict[str, str] = {}
    listed: list[str] = []
    for name, value in headers:
        lowered = name.lower()
        by_name.setdefault(lowered, value)
        if lowered in ("to", "cc", "bcc"):
            listed += addresses_in(value)
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
        [header for header in headers if header[0].lower() not in BLOCKED_HEADERS],
        tags,
        set_name or by_name.get("x-ses-configuration-set", ""),
        data,
        len(data) // 4 * 3,
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
    if len(pairs) > 50:
        raise ApiError("BadRequestException", "Too many message tags: at most 50.")
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


def _authorise(caller: Caller, draft: Draft, raw: bool) -> None:
    if len(caller.policies) == 1 and caller.policies[0] == (["*"], []):
        return
    # AWS checks Raw content of the v2 SendEmail under the v1 action's name
    action = "ses:SendRawEmail" if raw else "ses:SendEmail"
    iam.require_send(caller, action, draft.identities[0])


def _configuration_set(region: Region, draft: Draft) -> ConfigurationSet | None:
    name = draft.set_name
    if not name:
        identity = find_identity(region, draft.identities[0])
        name = region.identities[identity].configuration_set if identity else ""
        draft.set_name = name
    if not name:
        return None
    found = region.configuration_sets.get(name)
    if found is None:
        raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    return found


def _check_state(region: Region, configuration_set: ConfigurationSet | None) -> None:
    if region.enforcement == "SHUTDOWN":
        raise faults.suspended()
    if not region.sending_enabled:
        raise faults.paused()
    if configuration_set is not None and not configuration_set.sending_enabled:
        raise faults.paused(configuration_set.name)


def find_identity(region: Region, address: str) -> str:
    """Return the verified identity that covers the address, or an empty string.

    An address identity covers itself, a domain covers its addresses and those of its subdomains.
    """
    identities = region.identities
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    own = identities.get(f"{local}@{domain}")
    if own is not None and own.verified:
        return own.name
    while domain:
        found = identities.get(domain)
        if found is not None and found.verified:
            return domain
        domain = domain.partition(".")[2]
    return ""


def _check_identities(region: Region, draft: Draft) -> str:
    """Return the sender's identity; raise MessageRejected listing all that are not verified."""
    identity = find_identity(region, draft.identities[0])
    failed = [a for a in draft.identities if not find_identity(region, a)]
    if region.sandbox:
        failed += [
            address
            for address in draft.recipients
            if not is_simulator(address) and not find_identity(region, address)
        ]
    if failed:
        raise ApiError(
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region "
            f"{region.name.upper()}: {', '.join(dict.fromkeys(failed))}",
        )
    sender = region.identities[identity]
    if sender.mail_from_behaviour == "REJECT_MESSAGE" and sender.mail_from_status != "SUCCESS":
        raise ApiError(
            "MailFromDomainNotVerifiedException",
            f"The custom MAIL FROM domain {sender.mail_from_domain} is not verified.",
        )
    return identity


def _accept(request: Request, caller: Caller, cloud: Cloud, draft: Draft, identity: str) -> Message:
    account = caller.account
    region = account.region(caller.region)
    now_ns = time.time_ns()
    now = now_ns / 1e9
    decide = _decider(cloud, caller, region, draft.set_name)
    message = Message(
        new_id(caller.region, now),
        now,
        account.id,
        caller.region,
        draft.sender,
        identity,
        draft.destination,
        draft.headers,
        draft.tags,
        draft.set_name,
        caller.name,
        request.peer,
        [(address, decide(address)) for address in draft.recipients],
    )
    context = Context(account.id, caller.region, draft.identities[0], draft.set_name, caller.key_id)
    cloud.ledger.accept(now_ns, context, message, draft.size)
    subject = value_of(draft.headers, "subject")
    cloud.mailbox.add(
        Mail(message.id, now, draft.sender, draft.recipients, subject, SES, draft.data, True,
             account.id, message)
    )  # fmt: skip
    cloud.feedback.follow(message)
    return message


def _decider(
    cloud: Cloud, caller: Caller, region: Region, set_name: str
) -> Callable[[str], Outcome]:
    reasons = region.suppressed_reasons
    found = region.configuration_sets.get(set_name)
    options = found.options.get("SuppressionOptions") if found else None
    if options and "SuppressedReasons" in options:
        reasons = options["SuppressedReasons"]

    def decide(address: str) -> Outcome:
        entry = region.suppressed.get(address.lower())
        if entry is not None and entry.reason in reasons:
            return Outcome.ON_ACCOUNT_LIST
        return outcome_for(address, caller.account.rates, cloud.seed + caller.account.seed)

    return decide
