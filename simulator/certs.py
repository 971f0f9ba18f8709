"""A local certificate authority, the server's certificate and the key SNS signs with."""

import base64
import datetime as dt
import hashlib
import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
LEAF_DAYS = 397
RENEW_BEFORE = dt.timedelta(days=7)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Signer:
    """Signs SNS messages with the key behind the PEM that the simulator serves."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.file_name = (
            f"SimpleNotificationService-{hashlib.sha256(self.pem).hexdigest()[:32]}.pem"
        )

    def sign(self, text: str, version: str) -> str:
        """Return the base64 PKCS#1 v1.5 signature: SHA-1 for version "1", SHA-256 for "2"."""
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), digest)).decode()


def prepare(directory: Path, address: str) -> tuple[ssl.SSLContext, Signer]:
    """Return the server's TLS context and the SNS signer, made in `directory` unless still valid.

    `directory`/ca.pem is what clients must trust (AWS_CA_BUNDLE). The server's certificate is for
    localhost, 127.0.0.1 and `address`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ca = _load(directory, "ca")
    if ca is None:
        key = ec.generate_private_key(ec.SECP256R1())
        ca = key, _certificate("Local SES simulator CA", key, None, CA_DAYS)
        _write(directory, "ca", *ca)
        for stale in ("server", "sns"):
            (directory / f"{stale}.pem").unlink(missing_ok=True)
    server = _load(directory, "server")
    if server is None or address not in _addresses(server[1]):
        server_key = ec.generate_private_key(ec.SECP256R1())
        covered = ("127.0.0.1", address)
        server = server_key, _certificate("localhost", server_key, ca, LEAF_DAYS, covered)
        _write(directory, "server", *server)
    sns = _load(directory, "sns")
    if sns is None:
        sns_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        sns = sns_key, _certificate("sns.amazonaws.com", sns_key, ca, LEAF_DAYS)
        _write(directory, "sns", *sns)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server-key.pem")
    assert isinstance(sns[0], rsa.RSAPrivateKey)
    return context, Signer(sns[0], sns[1])


def _load(directory: Path, name: str) -> tuple[PrivateKey, x509.Certificate] | None:
    """Return the key and certificate, or None when missing, damaged or about to expire."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{name}-key.pem").read_bytes(), None)
    except (OSError, ValueError):
        return None
    if certificate.not_valid_after_utc - RENEW_BEFORE < dt.datetime.now(dt.UTC):
        return None
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return (key, certificate) if key.public_key() == certificate.public_key() else None


def _addresses(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(map(str, names.value.get_values_for_type(x509.IPAddress)))


def _write(directory: Path, name: str, key: PrivateKey, certificate: x509.Certificate) -> None:
    secret = directory / f"{name}-key.pem"
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(
    name: str,
    key: PrivateKey,
    issuer: tuple[PrivateKey, x509.Certificate] | None,
    days: int,
    addresses: Iterable[str] = (),
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signing_key = issuer[0] if issuer else key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
    )
    if issuer is None:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        names += [x509.IPAddress(ipaddress.ip_address(one)) for one in sorted(set(addresses))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return builder.sign(signing_key, hashes.SHA256())
