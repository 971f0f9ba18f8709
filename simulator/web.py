"""HTTP requests, responses and the errors AWS services answer with."""

import itertools
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import orjson

T = TypeVar("T")
_RUN = secrets.token_hex(4)
_CALLS = itertools.count(1)
JSON_TYPE = "application/json"
XML_TYPE = "text/xml"


class ApiError(Exception):
    """An answer other than success: the service's error code, its sentence and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(slots=True)
class Request:
    """One parsed request. Header names are lower case; `path` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    peer: str

    def params(self) -> dict[str, str]:
        """Return the query string's parameters, decoded; the last of a repeated name wins."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def segments(self) -> list[str]:
        """Return the decoded path segments, without empty ones."""
        return [unquote(part) for part in self.path.split("/") if part]

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object (empty body: {}).

        Raises ApiError SerializationException when it is anything else.
        """
        if not self.body:
            return {}
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise ApiError("SerializationException", f"Could not parse the body: {error}") from None
        if not isinstance(value, dict):
            raise ApiError("SerializationException", "Start of structure found where not expected.")
        return value


@dataclass(slots=True)
class Response:
    """What to write back; `delay` seconds later; `drop` hangs or resets instead of answering."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: str = ""  # "", "hang" or "reset"
    stream: AsyncIterator[bytes] | None = None


def matched(
    operations: Mapping[tuple[str, str], T], request: Request, skip: int
) -> tuple[T, list[str]] | None:
    """Return the operation for a request and its variable path segments, or None.

    `operations` has (method, pattern) keys such as ("GET", "accounts/*"); the first `skip`
    segments of the path are not part of the pattern.
    """
    parts = request.segments()[skip:]
    exact = operations.get((request.method, "/".join(parts)))
    if exact is not None:
        return exact, []
    for (method, pattern), operation in operations.items():
        names = pattern.split("/")
        if method != request.method or len(names) != len(parts):
            continue
        pairs = list(zip(names, parts, strict=True))
        if all(name in ("*", part) for name, part in pairs):
            return operation, [part for name, part in pairs if name == "*"]
    return None


def request_id() -> str:
    """Return a UUID-shaped request id; cheap, for it stands in every answer of the data plane."""
    number = f"{next(_CALLS):024x}"
    return f"{_RUN}-{number[:4]}-4{number[4:7]}-8{number[7:10]}-{number[10:22]}"


def json_response(value: object, status: int = 200) -> Response:
    """Return `value` as a JSON answer; dataclasses are written as objects."""
    return Response(orjson.dumps(value), status, headers={"x-amzn-RequestId": request_id()})


def json_error(error: ApiError) -> Response:
    """Return the REST-JSON error form: x-amzn-ErrorType header and {"message": ...}."""
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": request_id()}
    return Response(orjson.dumps({"message": error.message}), error.status, headers=headers)


def xml_error(error: ApiError, namespace: str) -> Response:
    """Return the query protocol's ErrorResponse document."""
    number = request_id()
    side = "Receiver" if error.status >= 500 else "Sender"
    body = (
        f'<ErrorResponse xmlns="{namespace}">\n  <Error>\n    <Type>{side}</Type>\n'
        f"    <Code>{escape(error.code)}</Code>\n    <Message>{escape(error.message)}</Message>\n"
        f"  </Error>\n  <RequestId>{number}</RequestId>\n</ErrorResponse>\n"
    )
    return Response(body.encode(), error.status, XML_TYPE, {"x-amzn-RequestId": number})


def xml_response(action: str, result: str, namespace: str, *, wrapped: bool = False) -> Response:
    """Return the query protocol's success document; `result` is XML for <ActionResult>, which is
    there without any, too, where `wrapped`."""
    number = request_id()
    inner = f"<{action}Result>{result}</{action}Result>" if result or wrapped else ""
    body = (
        f'<{action}Response xmlns="{namespace}">{inner}<ResponseMetadata>'
        f"<RequestId>{number}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Response(body.encode(), 200, XML_TYPE, {"x-amzn-RequestId": number})
