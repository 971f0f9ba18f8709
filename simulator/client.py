"""Steer a simulator from tests, demo, smoke and benchmark: start it, set it up, ask what it saw."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 20
STOP_SECONDS = 10
Json = dict[str, Any]


class SimulatorError(RuntimeError):
    """The simulator refused an admin call, or did not start; the message says why."""


@dataclass(frozen=True)
class SimulatorClient:
    """The admin API of a running simulator, e.g. SimulatorClient("http://127.0.0.1:9100")."""

    url: str

    # set-up

    def create_account(self, account_id: str = "", **fields: Any) -> Json:
        """Create or replace an account and return it, keys with secrets included.

        Fields as in the README: keys, roles, regions, identities, rates, seed,
        auto_verify_seconds, verify_by_dns, control_plane_rate, keep.
        """
        return self._object("POST", "accounts", {"id": account_id} | fields)

    def account(self, account_id: str) -> Json:
        """Return an account as the simulator holds it."""
        return self._object("GET", f"accounts/{account_id}")

    def set_rates(self, account_id: str, **rates: float) -> None:
        """Set shares: hard_bounce, complaint, soft_bounce, delay."""
        self._call("PATCH", f"accounts/{account_id}", {"rates": rates})

    def set_account(self, account_id: str, **fields: Any) -> None:
        """Change seed, auto_verify_seconds, verify_by_dns or control_plane_rate."""
        self._call("PATCH", f"accounts/{account_id}", fields)

    def set_region(self, account_id: str, region: str, **fields: Any) -> None:
        """Change sandbox, max_24_hour_send, max_send_rate, sent_last_24_hours and the like."""
        self._call("PATCH", f"accounts/{account_id}/regions/{region}", fields)

    def add_key(self, account_id: str, **fields: Any) -> Json:
        """Add an access key; `allowed` and `denied` are action patterns."""
        return self._object("POST", f"accounts/{account_id}/keys", fields)

    def add_role(self, account_id: str, name: str, **fields: Any) -> Json:
        """Add or replace a role; external_id None leaves its trust without that condition."""
        return self._object("POST", f"accounts/{account_id}/roles", {"name": name} | fields)

    def set_identity(
        self, account_id: str, region: str, name: str, status: str = "SUCCESS"
    ) -> None:
        """Add an identity, or change its status."""
        path = f"accounts/{account_id}/regions/{region}/identities"
        self._call("POST", path, {"name": name, "status": status})

    def put_zone(self, name: str, records: list[Json], fault: str = "") -> None:
        """Add or replace a DNS zone; records are {name, kind, value, ttl?}.

        Faults of its server: servfail, refuse, drop, slow.
        """
        self._call("POST", "dns/zones", {"name": name, "records": records, "fault": fault})

    def set_zone_fault(self, name: str, fault: str) -> None:
        """Change what is wrong with a zone's server; "" mends it."""
        self._call("PATCH", f"dns/zones/{name}", {"fault": fault})

    def publish(self, account_id: str, region: str, name: str) -> None:
        """Put the records that SES wants of a domain, and a DMARC record, into its zone."""
        path = f"accounts/{account_id}/regions/{region}/identities/{name}/publish"
        self._call("POST", path, {})

    def unpublish(self, zone: str, name: str, kind: str) -> None:
        """Take a name's records of a type out of a zone."""
        self._call("POST", f"dns/zones/{zone}/remove", {"name": name, "kind": kind})

    def decide_review(self, account_id: str, region: str, decision: str) -> None:
        """End the open review of production access: GRANTED, DENIED or FAILED."""
        path = f"accounts/{account_id}/regions/{region}/review"
        self._call("POST", path, {"decision": decision})

    def expire_sessions(self, account_id: str) -> None:
        """End every session of the account's roles now."""
        self._call("POST", f"accounts/{account_id}/expire-sessions", {})

    def add_fault(self, account_id: str, kind: str, **fields: Any) -> None:
        """Add a fault: fields seconds, count, share, status, milliseconds, configuration_set."""
        self._call("POST", f"accounts/{account_id}/faults", {"kind": kind} | fields)

    def clear_faults(self, account_id: str) -> None:
        """Remove the account's faults."""
        self._call("DELETE", f"accounts/{account_id}/faults")

    def settings(self, **fields: Any) -> Json:
        """Change settings (latency_ms, time_scale, ...) and return all of them."""
        return self._object("PATCH", "settings", fields)

    def reset(self) -> None:
        """Forget ledger, inbox, quota counters and queued notifications; accounts stay."""
        self._call("POST", "reset", {})

    # what happened

    def health(self) -> Json:
        """Return counts of accounts, accepted messages, mails, queued notifications."""
        return self._object("GET", "health")

    def ledger(self, account_id: str = "", since: float = 0.0) -> Iterator[Json]:
        """Yield every accepted message, in order."""
        query = urlencode({"account": account_id, "since": since})
        with self._open("GET", f"ledger?{query}") as reply:
            for line in reply:
                yield json.loads(line)

    def summary(self, account_id: str = "", since: float = 0.0, tag: str = "") -> Json:
        """Return the ledger's totals; `tag` counts messages with the same value of it."""
        query = urlencode({"account": account_id, "since": since, "tag": tag})
        return self._object("GET", f"ledger/summary?{query}")

    def refused(self, account_id: str = "") -> dict[str, list[float]]:
        """Return the times of refused sends by error code."""
        return self._object("GET", f"ledger/refused?{urlencode({'account': account_id})}")

    def inbox(self, to: str = "", **options: Any) -> list[Json]:
        """Return mails in full, newest first, whose recipient or subject contains `to`.

        Options: limit (50), since (seconds), via ("ses" or "smtp"), account.
        """
        query = urlencode({"to": to, "full": 1} | options)
        mails: list[Json] = self._object("GET", f"inbox?{query}")["mails"]
        return mails

    def wait_for_mail(self, to: str, seconds: float = 10.0, **options: Any) -> Json:
        """Return the newest mail to an address once there is one; raises SimulatorError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.inbox(to, **options)
            if found:
                return found[0]
            time.sleep(0.05)
        raise SimulatorError(f"no mail to {to} within {seconds} seconds")

    def raw(self, message_id: str) -> bytes:
        """Return the MIME source of a kept mail."""
        with self._open("GET", f"messages/{quote(message_id)}/raw") as reply:
            content: bytes = reply.read()
        return content

    def event(self, message_id: str, kind: str, **fields: Any) -> None:
        """Publish one more event of a message: Open, Click, Complaint, Bounce, Delivery, ..."""
        self._call("POST", f"messages/{quote(message_id)}/events", {"type": kind} | fields)

    def forge(self, endpoint: str, topic_arn: str, **fields: Any) -> Json:
        """Post an SNS envelope of any content; return {"status", "answer", "envelope"}."""
        body = {"endpoint": endpoint, "topic_arn": topic_arn} | fields
        return self._object("POST", "sns/forge", body)

    def notifications(self) -> Json:
        """Return how many SNS deliveries were made, repeated, given up and are queued."""
        return self._object("GET", "sns")

    def dead_letters(self) -> list[Json]:
        """Return the SNS messages that were given up."""
        letters: list[Json] = self._call("GET", "sns/dead-letters")
        return letters

    # transport

    def _open(self, method: str, path: str, body: Json | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_sim/{path}", data, method=method)  # noqa: S310
        try:
            return urlopen(request, timeout=60)  # noqa: S310
        except HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise SimulatorError(f"{method} /_sim/{path}: {error.code} {text}") from None

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        with self._open(method, path, body) as reply:
            return json.loads(reply.read())

    def _object(self, method: str, path: str, body: Json | None = None) -> Json:
        answer: Json = self._call(method, path, body)
        return answer


class SimulatorProcess:
    """A simulator as a child process; use as a context manager, or start() and stop()."""

    def __init__(
        self,
        ca_dir: Path,
        data: Path | None = None,
        ports: tuple[int, int, int, int] | None = None,
        *,
        options: tuple[str, ...] = (),
    ) -> None:
        self.port, self.tls_port, self.smtp_port, self.dns_port = ports or free_ports()
        self.ca_file = ca_dir / "ca.pem"
        self.url = f"http://127.0.0.1:{self.port}"
        self.tls_url = f"https://localhost:{self.tls_port}"
        self.client = SimulatorClient(self.url)
        self._options = [f"--ca-dir={ca_dir}", *options]
        if data is not None:
            self._options.append(f"--data={data}")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the child's process id; raises SimulatorError when it does not run."""
        if self._process is None:
            raise SimulatorError("the simulator is not started")
        return self._process.pid

    def environment(self, tls: bool = False) -> dict[str, str]:
        """Return the variables that point boto3 here."""
        url = self.tls_url if tls else self.url
        names = [f"AWS_ENDPOINT_URL_{service}" for service in ("SES", "SESV2", "SNS", "SQS", "STS")]
        return dict.fromkeys(names, url) | {"AWS_CA_BUNDLE": str(self.ca_file)}

    def start(self) -> "SimulatorProcess":
        """Start and wait until it is ready. Raises SimulatorError with its words if it is not."""
        command = [
            sys.executable, "-m", "simulator", f"--port={self.port}",
            f"--tls-port={self.tls_port}", f"--smtp-port={self.smtp_port}",
            f"--dns-port={self.dns_port}", *self._options,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line.startswith(b"simulator ready"):
            self.stop()
            raise SimulatorError(f"the simulator did not start: {line.decode() or 'see stderr'}")
        return self

    def stop(self) -> None:
        """Ask it to end, which saves its state; kill it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> "SimulatorProcess":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_ports() -> tuple[int, int, int, int]:
    """Return four loopback ports that were free a moment ago: HTTP, TLS, SMTP, DNS."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(4)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        http, tls, smtp, names = (item.getsockname()[1] for item in sockets)
    return http, tls, smtp, names
