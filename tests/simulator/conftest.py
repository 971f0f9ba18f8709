"""One simulator for the session, an account of its own for each test, and a listener for SNS."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from simulator.client import SimulatorClient, SimulatorProcess

REGION = "eu-west-1"
# a client that repeats nothing: what the simulator answers is what the test sees
ONCE = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=5
)
_ACCOUNTS = itertools.count(100_000_000_001)


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A running simulator in which time passes twenty times as fast."""
    with SimulatorProcess(tmp_path_factory.mktemp("ca")) as running:
        running.client.settings(time_scale=0.05)
        yield running


@pytest.fixture
def sim(process: SimulatorProcess) -> SimulatorClient:
    """The admin API."""
    return process.client


@dataclass
class Cloud:
    """One account, and boto3 clients that act in it."""

    process: SimulatorProcess
    id: str
    key: str
    secret: str

    @property
    def sim(self) -> SimulatorClient:
        return self.process.client

    def client(self, service: str, *, tls: bool = False, **options: Any) -> Any:
        """Return a boto3 client; credentials and config may be replaced."""
        chosen = {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "region_name": REGION,
            "endpoint_url": self.process.tls_url if tls else self.process.url,
            "verify": str(self.process.ca_file) if tls else None,
            "config": ONCE,
        } | options
        return boto3.client(service, **chosen)

    @property
    def ses(self) -> Any:
        return self.client("sesv2")

    def send(self, ses: Any = None, to: Any = "ada@example.org", **fields: Any) -> str:
        """Send one raw mail from news@example.com and return its MessageId."""
        recipients = [to] if isinstance(to, str) else list(to)
        raw = fields.pop("raw", None) or mime(", ".join(recipients))
        answer = (ses or self.ses).send_email(
            FromEmailAddress="news@example.com",
            Destination={"ToAddresses": recipients},
            Content={"Raw": {"Data": raw}},
            **fields,
        )
        return str(answer["MessageId"])


def mime(to: str = "ada@example.org", *more: str) -> bytes:
    """Return a small message with the headers of the recorded payloads."""
    headers = [
        "From: Example News <news@example.com>",
        f"To: {to}",
        "Subject: Hello from Example",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="b1"',
        *more,
    ]
    parts = "--b1\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b1--\r\n"
    return ("\r\n".join(headers) + "\r\n\r\n" + parts).encode()


@pytest.fixture
def cloud(process: SimulatorProcess) -> Cloud:
    """A production account with example.com verified and room to send."""
    account = f"{next(_ACCOUNTS):012d}"
    made = process.client.create_account(
        account,
        regions={REGION: {"sandbox": False, "max_24_hour_send": 50_000, "max_send_rate": 1000}},
        identities={REGION: ["example.com"]},
    )
    key = next(iter(made["keys"].values()))
    return Cloud(process, account, key["id"], key["secret"])


@dataclass
class Post:
    """One request a subscriber got."""

    path: str
    headers: dict[str, str]
    body: bytes
    time: float


@dataclass
class Listener:
    """A subscriber that keeps what it gets and answers as told (default 200)."""

    url: str
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait(self, count: int, seconds: float = 5.0) -> list[Post]:
        """Return the posts once there are `count` of them; fails the test otherwise."""
        until(lambda: len(self.posts) >= count, seconds)
        return self.posts


def until(probe: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Return what the probe returns once it is true; fails the test otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail(f"not within {seconds} seconds")


@pytest.fixture
def listener() -> Iterator[Listener]:
    """An HTTP subscriber on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.posts.append(Post(self.path, dict(self.headers), body, time.monotonic()))
            self.send_response(heard.answers.pop(0) if heard.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Listener(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()
