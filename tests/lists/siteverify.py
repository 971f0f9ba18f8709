"""A stand-in of three captcha services, as strict with a token as they are by their guides."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

GOOGLE = "www.google.com/recaptcha/api/siteverify"
CLOUDFLARE = "challenges.cloudflare.com/turnstile/v0/siteverify"
HCAPTCHA = "api.hcaptcha.com/siteverify"


@dataclass
class Token:
    """A solved captcha: where, for which site key, and until when it counts."""

    service: str
    answer: dict[str, Any]
    site_key: str = "site"
    expires: float = field(default_factory=lambda: time.time() + 120)
    used: bool = False


class Services:
    """`failure` is what every service does instead: a status, a body, or hang."""

    def __init__(self) -> None:
        self.secrets = {"theirs": "site"}  # secret -> its site key
        self.tokens: dict[str, Token] = {}
        self.failure: int | bytes | str | None = None
        self.asked: list[dict[str, str]] = []
        self.timeouts: list[float] = []
        self.base = ""

    def solve(self, service: str, **answer: Any) -> str:
        """A token of this service, good once."""
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = Token(service, {"hostname": "testserver", **answer})
        return token

    def open(self, request: Request, timeout: float) -> Any:
        """In the place of urllib's: the same request, to the stand-in."""
        real = urlsplit(request.full_url)
        assert real.scheme == "https"
        self.timeouts.append(timeout)
        here = Request(  # noqa: S310
            f"{self.base}/{real.netloc}{real.path}", data=request.data, headers=request.headers
        )
        return urlopen(here, timeout=min(timeout, 0.5))  # noqa: S310

    def verdict(self, service: str, asked: dict[str, str]) -> dict[str, Any]:
        codes = self._wrong(service, asked)
        if codes:
            return {"success": False, "error-codes": codes}
        token = self.tokens[asked["response"]]
        token.used = True
        said = {"success": True, "challenge_ts": "2026-11-25T12:00:00Z", **token.answer}
        return said | ({"error-codes": []} if service == CLOUDFLARE else {})

    def _wrong(self, service: str, asked: dict[str, str]) -> list[str]:
        if "secret" not in asked:
            return ["missing-input-secret"]
        if asked["secret"] not in self.secrets:
            return ["invalid-input-secret"]
        if "response" not in asked:
            return ["missing-input-response"]
        site_key = asked.get("sitekey", self.secrets[asked["secret"]])
        if service == HCAPTCHA and site_key != self.secrets[asked["secret"]]:
            return ["sitekey-secret-mismatch"]
        token = self.tokens.get(asked["response"])
        if token is None or token.service != service or token.site_key != site_key:
            return ["invalid-input-response"]
        expired = token.expires < time.time()
        if service != HCAPTCHA:
            return ["timeout-or-duplicate"] if expired or token.used else []
        if expired:
            return ["expired-input-response"]
        return ["already-seen-response"] if token.used else []


@contextmanager
def running() -> Iterator[Services]:
    """The services on a port of this machine."""
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if services.failure == "hang":
                time.sleep(1)
                return
            if self.headers["Content-Type"] != "application/x-www-form-urlencoded":
                self._answer(json.dumps({"success": False, "error-codes": ["bad-request"]}))
                return
            asked = {name: one[0] for name, one in parse_qs(body.decode()).items()}
            services.asked.append(asked)
            if isinstance(services.failure, int):
                self._answer("down", services.failure)
            elif isinstance(services.failure, bytes):
                self._answer(services.failure.decode())
            else:
                self._answer(json.dumps(services.verdict(self.path.lstrip("/"), asked)))

        def _answer(self, text: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Requests are not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    services.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield services
    finally:
        server.shutdown()
        server.server_close()
