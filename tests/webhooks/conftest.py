"""SNS as it posts: the fixtures of tests/payloads/sns, and a signer for what they do not have."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from django.test import Client
from django.utils import timezone

from lists.models import Contact
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from sending.services.feedback import token_hash
from webhooks import certificates, inbox

PAYLOADS = Path(__file__).parent.parent / "payloads" / "sns"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:byo-ses-events"
TOKEN = "webhook-token-of-acme"
CERTIFICATE_URL = (
    "https://sns.eu-west-1.amazonaws.com/"
    "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)
# Minutes after the fixtures were signed.
NOW = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"
    ),
}  # fmt: skip


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def headers_of(envelope: dict[str, Any]) -> dict[str, str]:
    return {
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": envelope["TopicArn"],
    }


@pytest.fixture(scope="session")
def sns_certificate() -> x509.Certificate:
    """What the envelopes of tests/payloads/sns are signed with; its key is gone."""
    return x509.load_pem_x509_certificate((PAYLOADS / "test_cert.pem").read_bytes())


class Fetched(list[str]):
    """The addresses that a certificate was asked from."""


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, sns_certificate: x509.Certificate) -> Fetched:
    """Gives the fixtures' certificate for its address, and refuses every other."""
    seen = Fetched()

    def certificate(url: str) -> x509.Certificate:
        seen.append(url)
        assert url == CERTIFICATE_URL
        return sns_certificate

    monkeypatch.setattr(inbox, "certificate", certificate)
    return seen


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """Nothing may be fetched: each attempt is written down and fails."""
    tried = Fetched()

    class Refusing:
        def open(self, url: str, **_: object) -> None:
            tried.append(url)
            raise OSError("no network in this test")

    certificates.certificate.cache_clear()
    monkeypatch.setattr(certificates, "opener", Refusing)
    return tried


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is minutes after the fixtures were signed."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def account(ses_account: SesAccount) -> SesAccount:
    """Acme's account with feedback set up, signature version 2, confirmed."""
    inbox._known.clear()
    ses_account.topic_arn = TOPIC
    ses_account.topic_signature_version = "2"
    ses_account.subscription_arn = f"{TOPIC}:c9135db0-26c4-47ec-8998-413945fb5a96"
    ses_account.configuration_set = "byo-ses"
    ses_account.events_published = True
    ses_account.webhook_token = {"token": TOKEN}
    ses_account.webhook_token_hash = token_hash(TOKEN)
    ses_account.save()
    return ses_account


@dataclass(frozen=True)
class Signer:
    """Signs as SNS does, with a key of its own."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def envelope(self, message: str, **fields: str) -> dict[str, str]:
        document = {
            "Type": "Notification",
            "MessageId": fields.get("Timestamp", "1"),
            "TopicArn": TOPIC,
            "Message": message,
            "Timestamp": timezone.now().isoformat(),
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE_URL,
        } | fields
        return self.sign(document)

    def sign(self, document: dict[str, str]) -> dict[str, str]:
        names = [name for name in SIGNED[document["Type"]] if name in document]
        text = "".join(f"{name}\n{document[name]}\n" for name in names)
        digest = hashes.SHA1() if document["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), digest)
        return document | {"Signature": base64.b64encode(signature).decode()}


@pytest.fixture(scope="session")
def signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return Signer(key, builder.sign(key, hashes.SHA256()))


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, signer: Signer) -> Signer:
    """The signer, believed by the webhook."""
    monkeypatch.setattr(inbox, "certificate", lambda url: signer.certificate)
    return signer


Post = Callable[..., Any]


@pytest.fixture
def post(client: Client) -> Post:
    """Posts an envelope to acme's secret address as SNS does: JSON as text/plain."""

    def send(envelope: dict[str, Any] | bytes | str, token: str = TOKEN, **headers: str) -> Any:
        given = headers_of(envelope) if isinstance(envelope, dict) else {}
        body = json.dumps(envelope) if isinstance(envelope, dict) else envelope
        return client.generic(
            "POST",
            f"/webhooks/sns/{token}/",
            body,
            content_type="text/plain; charset=UTF-8",
            headers=given | headers,
        )

    return send


@pytest.fixture
def batch(account: SesAccount) -> Batch:
    return Batch.unscoped.create(
        tenant=account.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=account,
        state=BatchState.RUNNING,
        from_header="News <news@example.com>",
        subject="Hello",
        html="<p>Hello</p>",
    )


SES_ID = "0102019a0c0ffee0-5c2f7a10-1111-4222-8333-abcdefabcdef-000000"


@pytest.fixture
def ada(batch: Batch, add_contact: Callable[..., Contact]) -> Message:
    """The message that the payloads are about: sent to ada@example.com."""
    return make_message(batch, add_contact("ada@example.com"), ses_message_id=SES_ID)


def make_message(batch: Batch, contact: Contact, **fields: Any) -> Message:
    values = {"status": Status.SENT} | fields
    return Message.unscoped.create(
        tenant=batch.tenant, batch=batch, contact=contact, email=contact.email, **values
    )
