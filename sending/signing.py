"""The request of one send: POST /v2/email/outbound-emails with Signature Version 4.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
botocore signs any request; signing only this one costs a third of the time, and all but the hash
of the body is the same for a whole second.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from sending.ses.client import Credentials

PATH = "/v2/email/outbound-emails"
_SERVICE = "ses"
_TYPE = "application/json"


class Signer:
    """Makes signed requests of one account to one endpoint."""

    def __init__(self, credentials: Credentials, region: str, endpoint: str) -> None:
        self.url = urlsplit(f"{endpoint}{PATH}")
        self._credentials = credentials
        self._region = region
        self._second = 0
        self._day = ""
        self._key = b""
        self._canonical = self._to_sign = b""
        self._head = ""

    def request(self, body: bytes, now: float) -> bytes:
        """The bytes of a request with this body, signed at `now` (seconds since the epoch)."""
        if int(now) != self._second:
            self._start_second(int(now))
        canonical = self._canonical + sha256(body).hexdigest().encode()
        to_sign = self._to_sign + sha256(canonical).hexdigest().encode()
        signature = hmac.digest(self._key, to_sign, "sha256").hex()
        head = f"{self._head}{signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def _start_second(self, second: int) -> None:
        stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        day, token = stamp[:8], self._credentials.token
        if day != self._day:
            self._day, self._key = day, self._signing_key(day)
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        host = self.url.netloc
        lines = [f"content-type:{_TYPE}", f"host:{host}", f"x-amz-date:{stamp}"]
        if token:
            lines.append(f"x-amz-security-token:{token}")
        names = ";".join(line.partition(":")[0] for line in lines)
        self._canonical = "\n".join(["POST", self.url.path, "", *lines, "", names, ""]).encode()
        self._to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n".encode()
        self._head = (
            f"POST {self.url.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {_TYPE}\r\n"
            f"X-Amz-Date: {stamp}\r\n"
            + (f"X-Amz-Security-Token: {token}\r\n" if token else "")
            + f"Authorization: AWS4-HMAC-SHA256 Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._second = second

    def _signing_key(self, day: str) -> bytes:
        key = b"AWS4" + self._credentials.secret_key.encode()
        for part in (day, self._region, _SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key
