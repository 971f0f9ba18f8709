"""Verification of AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests")."""

import calendar
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from simulator.accounts import Session
from simulator.store import Caller, Store
from simulator.web import ApiError, Request

MAX_SKEW = 300  # seconds
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/"
    r"(?P<service>[a-z0-9-]+)/aws4_request,\s*SignedHeaders=(?P<signed>[a-z0-9;_.-]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
# the same refusals carry other codes in the query protocol of SNS and STS
QUERY_CODES = {
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ExpiredTokenException": "ExpiredToken",
}


@dataclass(slots=True)
class Scope:
    """The parsed Authorization header."""

    key_id: str
    date: str
    region: str
    service: str
    signed: str
    signature: str


def scope_of(request: Request) -> Scope:
    """Return the request's Authorization header, parsed.

    Raises ApiError MissingAuthenticationTokenException or IncompleteSignatureException.
    """
    header = request.headers.get("authorization")
    if not header:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    match = AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        raise ApiError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter, 'SignedHeaders' parameter and "
            "'Signature' parameter in the AWS4-HMAC-SHA256 form.",
            400,
        )
    return Scope(*match.group("key", "date", "region", "service", "signed", "signature"))


def verify(request: Request, scope: Scope, store: Store, now: float | None = None) -> Caller:
    """Return who signed the request.

    Raises ApiError, with the REST-JSON codes, for an unknown key, a bad or expired session
    token, a clock more than five minutes off, or a signature that does not match.
    """
    found = store.credential(scope.key_id)
    if found is None:
        raise ApiError(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            403,
        )
    account, credential = found
    signed = scope.signed.split(";")
    _require_signed(request, signed)
    stamp = request.headers.get("x-amz-date", "")
    current = time.time() if now is None else now
    _check_date(stamp, scope, current)
    digest = _signature(request, scope, signed, credential.secret, stamp)
    if not hmac.compare_digest(digest, scope.signature):
        raise ApiError("InvalidSignatureException", MISMATCH, 403)
    _check_token(request, credential if isinstance(credential, Session) else None, current)
    return store.caller(account, credential, scope.region)


def _check_token(request: Request, session: Session | None, now: float) -> None:
    token = request.headers.get("x-amz-security-token")
    if token != (session.token if session else None):
        raise ApiError(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            403,
        )
    if session and session.expires <= now:
        raise ApiError(
            "ExpiredTokenException", "The security token included in the request is expired", 403
        )


def _require_signed(request: Request, signed: list[str]) -> None:
    """Host, X-Amz-Date and every other X-Amz-* header sent must be under the signature."""
    for name in request.headers:
        if (name == "host" or name.startswith("x-amz-")) and name not in signed:
            raise ApiError(
                "InvalidSignatureException",
                f"'{name}' must be a 'SignedHeader' in the AWS Authorization.",
                403,
            )
    if "host" not in signed or "x-amz-date" not in signed:
        raise ApiError(
            "InvalidSignatureException",
            "'Host' and 'X-Amz-Date' must be 'SignedHeaders' in the AWS Authorization.",
            403,
        )


def _check_date(stamp: str, scope: Scope, now: float) -> None:
    sent = _epoch(stamp)
    if sent is None:
        raise ApiError(
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got "
            f"'{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601",
            400,
        )
    if scope.date != stamp[:8]:
        raise ApiError(
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{scope.date}' != '{stamp[:8]}', from '{stamp}'.",
            403,
        )
    if sent < now - MAX_SKEW:
        raise ApiError(
            "InvalidSignatureException",
            f"Signature expired: {stamp} is now earlier than {_basic(now - MAX_SKEW)} "
            f"({_basic(now)} - 5 min.)",
            403,
        )
    if sent > now + MAX_SKEW:
        raise ApiError(
            "InvalidSignatureException",
            f"Signature not yet current: {stamp} is still later than {_basic(now + MAX_SKEW)} "
            f"({_basic(now)} + 5 min.)",
            403,
        )


@lru_cache(maxsize=64)
def _epoch(stamp: str) -> int | None:
    try:
        return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _basic(moment: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))


@lru_cache(maxsize=4096)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _signature(request: Request, scope: Scope, signed: list[str], secret: str, stamp: str) -> str:
    headers = "".join(f"{name}:{_trim(request.headers.get(name, ''))}\n" for name in signed)
    canonical = (
        f"{request.method}\n{_canonical_path(request.path)}\n{_canonical_query(request.query)}\n"
        f"{headers}\n{scope.signed}\n{hashlib.sha256(request.body).hexdigest()}"
    )
    to_sign = (
        f"AWS4-HMAC-SHA256\n{stamp}\n{scope.date}/{scope.region}/{scope.service}/aws4_request\n"
        f"{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    )
    key = _signing_key(secret, scope.date, scope.region, scope.service)
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _trim(value: str) -> str:
    return " ".join(value.split()) if "  " in value else value.strip()


@lru_cache(maxsize=1024)
def _canonical_path(path: str) -> str:
    # every service but S3 encodes the path, as it was sent, a second time
    return quote(path, safe="/~-_.")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = []
    for item in query.split("&"):
        name, _, value = item.partition("=")
        pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
