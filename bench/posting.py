"""SNS's side: signed notifications, posted over kept connections until they are taken."""

import base64
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from bench import people

TOPIC = f"arn:aws:sns:{people.REGION}:{people.ACCOUNT}:bench-events"
TOKEN = "bench"
_CONNECTIONS = 24
_AGAIN = 1.0  # seconds, where SNS waits at least ten


@dataclass(frozen=True)
class Answer:
    due: float  # of time.monotonic(), as `done`: the clock may be set meanwhile
    done: float
    attempts: int


def request(message: str, key: rsa.RSAPrivateKey) -> bytes:
    """The whole request of a signed envelope about a message."""
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": datetime.now(UTC).isoformat(),
    }
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names).encode()
    signature = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    host = f"https://sns.{people.REGION}.amazonaws.com"
    envelope |= {
        "SignatureVersion": "2",
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": f"{host}/SimpleNotificationService-{'0' * 32}.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1",
    }
    body = json.dumps(envelope).encode()
    head = (
        f"POST /webhooks/sns/{TOKEN}/ HTTP/1.1\r\n"
        f"Host: {urlsplit(os.environ['SITE_URL']).netloc}\r\n"
        "User-Agent: Amazon Simple Notification Service Agent\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        f"x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: {TOPIC}\r\n"
        f"x-amz-sns-message-id: {envelope['MessageId']}\r\n"
        f"x-amz-sns-subscription-arn: {TOPIC}:1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def certificates(key: rsa.RSAPrivateKey) -> Iterator[str]:
    """An origin that serves the certificate of this key, as SNS does of its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(pem)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def send(posts: Sequence[bytes], *, rate: float | None) -> list[Answer]:
    """At a rate whether or not earlier ones are answered, None: as fast as they are taken."""
    start = time.monotonic() + 0.1
    due = [start + number / rate if rate else start for number in range(len(posts))]
    own = threading.local()
    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        return list(threads.map(lambda pair: _post(own, *pair), zip(posts, due, strict=True)))


def _post(own: threading.local, post: bytes, due: float) -> Answer:
    """Posts until it is taken, over the thread's own connection."""
    wait = due - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    for attempt in range(1, 120):
        try:
            status = _exchange(own, post)
        except OSError:
            own.socket = None
            status = 0
        if status == 200:
            return Answer(due, time.monotonic(), attempt)
        assert status in (0, 500, 502, 503, 504), status  # SNS drops what is answered otherwise
        time.sleep(_AGAIN)
    raise TimeoutError("a notification was refused for two minutes")


def _exchange(own: threading.local, post: bytes) -> int:
    """One request and its status; a connection that the server has closed meanwhile is renewed."""
    to: socket.socket | None = getattr(own, "socket", None)
    for fresh in (False, True):
        if to is None or fresh:
            site = urlsplit(os.environ["SITE_URL"])
            to = socket.create_connection((site.hostname or "", site.port or 80), timeout=15)
            to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            to.sendall(post)
            answer = _answer(to)
        except ConnectionError:
            answer = b""
        if answer:
            break
    head = answer.partition(b"\r\n\r\n")[0].lower()
    own.socket = None if b"connection: close" in head else to
    return int(answer.split(b" ", 2)[1]) if answer else 0


def _answer(to: socket.socket) -> bytes:
    """A whole answer: its body often comes in a segment of its own."""
    answer = b""
    while chunk := to.recv(65_536):
        answer += chunk
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            return answer
    return b""
