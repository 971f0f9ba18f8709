"""Signature Version 4 for one request: POST /v2/email/outbound-emails.

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
    """Signs sends of one account through one endpoint."""

    def __init__(self, credentials: Credentials, region: str, endpoint: str) -> None:
        self.url = f"{endpoint}{PATH}"
        self._credentials = credentials
        self._region = region
        self._host = urlsplit(endpoint).netloc
        self._path = urlsplit(self.url).path
        self._second = 0
        self._day = ""
        self._key = b""
        self._canonical = self._to_sign = self._authorization = ""
        self._headers: dict[str, str] = {}

    def headers(self, body: bytes, now: float) -> dict[str, str]:
        """The headers that make `body` a signed request at `now` (seconds since the epoch)."""
        if int(now) != self._second:
            self._start_second(int(now))
        canonical = self._canonical + sha256(body).hexdigest()
        to_sign = self._to_sign + sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        return {**self._headers, "Authorization": self._authorization + signature}

    def _start_second(self, second: int) -> None:
        stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        day, token = stamp[:8], self._credentials.token
        if day != self._day:
            self._day, self._key = day, self._signing_key(day)
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        lines = [f"content-type:{_TYPE}", f"host:{self._host}", f"x-amz-date:{stamp}"]
        self._headers = {"Content-Type": _TYPE, "X-Amz-Date": stamp}
        if token:
            lines.append(f"x-amz-security-token:{token}")
            self._headers["X-Amz-Security-Token"] = token
        names = ";".join(line.partition(":")[0] for line in lines)
        self._canonical = "\n".join(["POST", self._path, "", *lines, "", names, ""])
        self._to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
        self._authorization = (
            f"AWS4-HMAC-SHA256 Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._second = second

    def _signing_key(self, day: str) -> bytes:
        key = b"AWS4" + self._credentials.secret_key.encode()
        for part in (day, self._region, _SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key
