"""What SES tells, at full rate: signed notifications to the webhook, as SNS posts them.

Steady: 600 a second over kept-alive connections to the web server as it runs everywhere, each
verified and stored before its 200. Restart: the same while PostgreSQL is restarted; what is
answered by 5xx, or not at all, is posted again as SNS does. Flood: 100,000 posts of duplicated,
reordered events, translated by a worker; the counts must be exact. The sender shares the cores.
"""

import base64
import json
import os
import random
import re
import signal
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from django.db import connection, connections

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.stage import DATA, Figures, Run, wait_until
from bench.workers import workers
from embedded.folder import Folder
from embedded.servers import Postgres
from lists.models import Suppression
from sending.models import Batch, BatchState, Message, MessageEvent, Outcome, SesAccount, Status
from sending.services.feedback import token_hash
from webhooks.models import SnsMessage

_RATE = 600
_SECONDS = 20.0
_WARM = 600
_CONNECTIONS = 24
_FLOOD = 100_000
_AGAIN = 1.0  # seconds, where SNS waits at least ten
_TOPIC = f"arn:aws:sns:{people.REGION}:{people.ACCOUNT}:bench-events"
_TOKEN = "bench"


@dataclass(frozen=True)
class Answer:
    due: float  # of time.monotonic(), as `done`: the clock may be set meanwhile
    done: float
    attempts: int


def feedback(run: Run) -> Figures:
    """Latency and CPU of a notification, what a restart loses, and the counts after a flood."""
    seconds = run.seconds or _SECONDS
    steady = round(_RATE * seconds)
    flood = run.recipients or _FLOOD
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = _account(run)
    events = _Events(account, key, flood)
    with (
        _certificates(key) as origin,
        mock.patch.dict(os.environ, AWS_SNS_ORIGIN=origin),
        workers(0, web=True) as running,
    ):
        posts = events.plain(_WARM + 2 * steady)
        groups = {"web": [running.others["web"]], **server_groups()}
        running.others["default"].suspend()  # what comes of the events is measured by the flood
        _send(posts[:_WARM], rate=_RATE)
        meter = Meter(groups)
        answers = _send(posts[_WARM : _WARM + steady], rate=_RATE)
        cpu = meter.for_each_of(steady)
        restarter = threading.Timer(seconds / 2, _restart_postgres)
        restarter.start()
        restarted = _send(posts[_WARM + steady :], rate=_RATE)
        restarter.join()
        connections.close_all()
        stored = SnsMessage.unscoped.count()
        _forget()
        took = [one.done - one.due for one in answers]
        figures: Figures = {
            "per_second": _RATE,
            "seconds": seconds,
            "p50_ms": round(seen.percentile(took, 0.5) * 1000, 1),
            "p99_ms": round(seen.percentile(took, 0.99) * 1000, 1),
            "repeated": sum(one.attempts - 1 for one in answers),
            **{name: value for name, value in cpu.items() if not name.startswith("simulator")},
            "restart_repeated": sum(one.attempts - 1 for one in restarted),
            "restart_longest_s": round(max(one.done - one.due for one in restarted), 1),
            "lost": len(posts) - stored,
        }
        running.others["default"].resume()
        return figures | _flood(events, flood)


def _flood(events: "_Events", count: int) -> Figures:
    posts = events.flood(count)
    start = time.monotonic()
    answers = _send(posts, rate=None)
    posted = time.monotonic()
    waiting = SnsMessage.unscoped.filter(processed_at=None)
    wait_until(lambda: not waiting.exists(), seconds=600)
    return {
        "flood": len(posts),
        "flood_per_second": round(len(posts) / (max(a.done for a in answers) - start)),
        "flood_translated_after_s": round(time.monotonic() - posted, 1),
        "flood_events": MessageEvent.unscoped.count(),
        "flood_wrong": events.wrong(),
    }


def _account(run: Run) -> SesAccount:
    account = people.make_world(run.simulator, rate=_RATE)
    account.topic_arn, account.topic_signature_version = _TOPIC, "2"
    account.subscription_arn, account.events_published = f"{_TOPIC}:1", True
    account.webhook_token, account.webhook_token_hash = {"token": _TOKEN}, token_hash(_TOKEN)
    account.save()
    return account


class _Events:
    """Signed envelopes about the mails of one campaign, and what must come of them."""

    def __init__(self, account: SesAccount, key: rsa.RSAPrivateKey, flood: int) -> None:
        self._account, self._key = account, key
        self._batch = people.make_campaign(account, flood // 20)
        people.make_messages(self._batch)
        Message.unscoped.update(status=Status.SENT)
        Batch.unscoped.update(state=BatchState.DONE)
        self._mails = list(Message.unscoped.order_by("pk").values_list("pk", "email"))
        self._expected: Counter[Outcome] = Counter()
        self._events = 0

    def plain(self, count: int) -> list[bytes]:
        """So many envelopes of Delivery events."""
        mails = [self._mails[number % len(self._mails)] for number in range(count)]
        return [self._post(_event("Delivery", *mail)) for mail in mails]

    def flood(self, count: int) -> list[bytes]:
        """So many posts in any order: copies of envelopes, and envelopes of the same event."""
        chance = random.Random(7)
        envelopes: list[bytes] = []
        for number, mail in enumerate(self._mails):
            kinds = ["Send", "Delivery"]
            outcome = Outcome.DELIVERED
            if number % 10 == 0:  # a bounce that comes after the delivery
                kinds.append("Bounce")
                outcome = Outcome.HARD_BOUNCED
            elif number % 25 == 1:
                kinds.append("Complaint")
                outcome = Outcome.COMPLAINED
            self._expected[outcome] += 1
            self._events += len(kinds)
            for kind in kinds:
                event = _event(kind, *mail)
                envelopes += [self._post(event) for _ in range(chance.choice((1, 2, 3)))]
        posts = envelopes + chance.choices(envelopes, k=max(0, count - len(envelopes)))
        chance.shuffle(posts)
        return posts

    def wrong(self) -> int:
        """How many figures are not what they must be: outcomes, tallies, suppressions, events."""
        found = Counter(Message.unscoped.values_list("outcome", flat=True))
        tallies = Counter[str]()
        for one in self._batch.tallies.values("delivered", "bounced", "complained"):
            tallies.update(one)
        bounced, complained = (
            self._expected[one] for one in (Outcome.HARD_BOUNCED, Outcome.COMPLAINED)
        )
        pairs = [
            *((found[int(one)], wanted) for one, wanted in self._expected.items()),
            (tallies["delivered"], len(self._mails) - bounced),
            (tallies["bounced"], bounced),
            (tallies["complained"], complained),
            (Suppression.unscoped.count(), bounced + complained),
            (MessageEvent.unscoped.count(), self._events),
        ]
        return sum(is_ != wanted for is_, wanted in pairs)

    def _post(self, message: str) -> bytes:
        """The whole request of a signed envelope."""
        envelope = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": _TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": datetime.now(UTC).isoformat(),
        }
        names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        text = "".join(f"{name}\n{envelope[name]}\n" for name in names).encode()
        signature = self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        host = f"https://sns.{people.REGION}.amazonaws.com"
        envelope |= {
            "SignatureVersion": "2",
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": f"{host}/SimpleNotificationService-{'0' * 32}.pem",
            "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={_TOPIC}:1",
        }
        body = json.dumps(envelope).encode()
        head = (
            f"POST /webhooks/sns/{_TOKEN}/ HTTP/1.1\r\n"
            f"Host: {urlsplit(os.environ['SITE_URL']).netloc}\r\n"
            "User-Agent: Amazon Simple Notification Service Agent\r\n"
            "Content-Type: text/plain; charset=UTF-8\r\n"
            f"x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: {_TOPIC}\r\n"
            f"x-amz-sns-message-id: {envelope['MessageId']}\r\n"
            f"x-amz-sns-subscription-arn: {_TOPIC}:1\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _event(kind: str, message_id: int, email: str) -> str:
    now = "2026-11-20T10:00:00.000Z"
    mail = {
        "timestamp": now,
        "source": people.FROM,
        "sourceArn": f"arn:aws:ses:{people.REGION}:{people.ACCOUNT}:identity/acme.example",
        "sendingAccountId": people.ACCOUNT,
        "messageId": f"0102-{message_id}",
        "destination": [email],
        "headersTruncated": False,
        "headers": [{"name": f"Header-{n}", "value": "x" * 60} for n in range(8)],
        "tags": {"bf_msg": [str(message_id)], "ses:configuration-set": ["bench"]},
    }
    named = [{"emailAddress": email, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1"}]
    details = {
        "Send": ("send", {}),
        "Delivery": ("delivery", {"timestamp": now, "recipients": [email]}),
        "Bounce": (
            "bounce",
            {
                "bounceType": "Permanent", "bounceSubType": "General", "timestamp": now,
                "bouncedRecipients": named, "feedbackId": f"b-{message_id}",
            },
        ),
        "Complaint": (
            "complaint",
            {
                "complaintFeedbackType": "abuse", "timestamp": now,
                "complainedRecipients": named, "feedbackId": f"c-{message_id}",
            },
        ),
    }  # fmt: skip
    name, detail = details[kind]
    return json.dumps({"eventType": kind, "mail": mail, name: detail})


@contextmanager
def _certificates(key: rsa.RSAPrivateKey) -> Iterator[str]:
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


def _send(posts: Sequence[bytes], *, rate: float | None) -> list[Answer]:
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


def _restart_postgres() -> None:
    folder = Folder(DATA, durable=True)
    with folder.locked():
        (postgres,) = (one for one in folder.servers if isinstance(one, Postgres))
        pid = postgres.pid()
        assert pid is not None
        # Fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
        os.kill(pid, signal.SIGINT)
        wait_until(lambda: postgres.pid() is None, seconds=60)
        postgres.ensure(folder.state.ports[postgres.name])


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE webhooks_snsmessage, sending_messageevent CASCADE")
    Message.unscoped.update(outcome=Outcome.NONE)
