"""Amazon SNS messages: what is in one, and whether it truly comes from our topic.

Pure but for the certificate, which the caller fetches. Rules:
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

NOTIFICATION = "Notification"
SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"

# Signatures never expire, so an old message is a replay. SNS itself gives up after an hour.
MAX_AGE = timedelta(hours=24)

# In the order in which they are signed: https://docs.aws.amazon.com/sns/latest/dg/
# sns-verify-signature-of-message-verify-message-signature.html
_SIGNED_CONFIRMATION = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION_CONFIRMATION: _SIGNED_CONFIRMATION,
    UNSUBSCRIBE_CONFIRMATION: _SIGNED_CONFIRMATION,
}
_OPTIONAL = {"Subject"}
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303

_TOPIC_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):sns:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d{1,2})"
    r":(?P<account>\d{12}):[A-Za-z0-9_-]{1,256}"
)
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")
_SUFFIX = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}

FetchCertificate = Callable[[str], x509.Certificate]


class Unreadable(Exception):
    """Not an SNS message at all."""


class Forged(Exception):
    """An SNS message that is not for us, not from our topic, or not from SNS."""


@dataclass(frozen=True)
class Pin:
    """What we know about the sender before we read a word of the message.

    `min_version` "2" refuses the older signature (SHA-1) of a topic that was set to the newer.
    """

    topic_arn: str
    aws_account_id: str
    min_version: str = ""


@dataclass(frozen=True)
class Envelope:
    """A message as SNS posts it; `signed` is the text that the signature covers."""

    type: str
    message_id: str
    topic_arn: str
    message: str
    timestamp: datetime
    token: str
    subscribe_url: str
    version: str
    signature: bytes
    certificate_url: str
    signed: bytes


def parse(body: bytes) -> Envelope:
    """The envelope in a POST's body. Raises Unreadable, saying what is missing."""
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise Unreadable("not JSON") from error
    if not isinstance(document, dict):
        raise Unreadable("not an object")
    kind = document.get("Type")
    if not isinstance(kind, str) or kind not in _SIGNED:
        raise Unreadable("Type is none of SNS")
    signed_names = [n for n in _SIGNED[kind] if n not in _OPTIONAL or document.get(n) is not None]
    fields = {name: _text(document, name) for name in signed_names}
    version = _text(document, "SignatureVersion")
    certificate_url = _text(document, "SigningCertURL")
    try:
        signature = base64.b64decode(_text(document, "Signature"), validate=True)
        timestamp = datetime.fromisoformat(fields["Timestamp"])
        # Name and value of each field on lines of their own, the last one too.
        signed = "".join(f"{name}\n{value}\n" for name, value in fields.items()).encode()
    except (binascii.Error, ValueError) as error:
        raise Unreadable("Signature, Timestamp or text is malformed") from error
    if timestamp.tzinfo is None or b"\x00" in signed:  # PostgreSQL keeps no NUL
        raise Unreadable("Timestamp has no zone, or the text has a NUL")
    return Envelope(
        type=kind,
        message_id=fields["MessageId"],
        topic_arn=fields["TopicArn"],
        message=fields["Message"],
        timestamp=timestamp,
        token=fields.get("Token", ""),
        subscribe_url=fields.get("SubscribeURL", ""),
        version=version,
        signature=signature,
        certificate_url=certificate_url,
        signed=signed,
    )


def _text(document: dict[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise Unreadable(f"{name} is missing")
    return value


def host_of(topic_arn: str) -> str:
    """The SNS host of a topic's region. Raises Forged where it is no ARN of a topic."""
    found = _TOPIC_ARN.fullmatch(topic_arn)
    if found is None:
        raise Forged("no topic is expected here")
    return f"sns.{found['region']}.{_SUFFIX.get(found['partition'], 'amazonaws.com')}"


def is_certificate_url(url: str, topic_arn: str) -> bool:
    """Whether a signing certificate may be fetched from here.

    The host follows from the topic that we pinned, never from the message: patterns over all of
    amazonaws.com have let in buckets named `sns`. The path is the whole rest of the address.
    """
    prefix = f"https://{host_of(topic_arn)}"
    return url.startswith(prefix) and bool(_CERTIFICATE_PATH.fullmatch(url[len(prefix) :]))


def verify(
    envelope: Envelope,
    headers: Mapping[str, str] | None,
    pin: Pin,
    *,
    now: datetime,
    certificate: FetchCertificate,
    max_age: timedelta = MAX_AGE,
) -> None:
    """Returns when the message comes from the pinned topic, unaltered and lately.

    `headers` are None where the message came without any: from the dead-letter queue. Raises
    Forged otherwise. The certificate is asked for only after every check that needs none.
    """
    _check_sender(envelope, headers, pin)
    if envelope.version not in _HASHES or envelope.version < pin.min_version:
        raise Forged("this version of the signature is not accepted here")
    if envelope.timestamp < now - max_age:
        raise Forged("older than is believed here")
    if envelope.subscribe_url:
        _check_subscribe_url(envelope)
    if not is_certificate_url(envelope.certificate_url, pin.topic_arn):
        raise Forged("the signing certificate is not at the topic's SNS")
    key = certificate(envelope.certificate_url).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise Forged("the signing certificate has no RSA key")
    try:
        key.verify(
            envelope.signature, envelope.signed, padding.PKCS1v15(), _HASHES[envelope.version]
        )
    except InvalidSignature as error:
        raise Forged("the signature does not fit the message") from error


def _check_sender(envelope: Envelope, headers: Mapping[str, str] | None, pin: Pin) -> None:
    host_of(pin.topic_arn)
    if pin.topic_arn.split(":")[4] != pin.aws_account_id:
        raise Forged("the topic belongs to another AWS account")
    if envelope.topic_arn != pin.topic_arn:
        raise Forged("not the topic that was set up")
    if headers is None:
        return
    if headers.get("x-amz-sns-topic-arn") != pin.topic_arn:
        raise Forged("not the topic that was set up")
    if headers.get("x-amz-sns-message-type") != envelope.type:
        raise Forged("the header names another type")


def _check_subscribe_url(envelope: Envelope) -> None:
    """We never open it; but SNS would not sign an address elsewhere, so somebody else made it."""
    url = urlsplit(envelope.subscribe_url)
    query = parse_qs(url.query)
    if (
        url.scheme != "https"
        or url.netloc != host_of(envelope.topic_arn)
        or query.get("Action") != ["ConfirmSubscription"]
        or query.get("TopicArn") != [envelope.topic_arn]
    ):
        raise Forged("SubscribeURL does not lead to the topic's SNS")
