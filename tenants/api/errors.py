"""The one shape of every refusal: {"error": {type, code, message, param, request_id}}."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response

from tenants.errors import BluefoxError, Conflict

_TYPES = {
    400: "invalid_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    405: "invalid_request",
    406: "invalid_request",
    409: "conflict",
    413: "invalid_request",
    415: "invalid_request",
    422: "validation",
    429: "rate_limit",
    500: "server",
}


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


def error_body(
    status_code: int, code: str, message: str, request: HttpRequest | None, param: str = ""
) -> dict[str, dict[str, str]]:
    """The body of a refusal with this status."""
    return {
        "error": {
            "type": _TYPES.get(status_code, "invalid_request"),
            "code": code,
            "message": message,
            "param": param,
            "request_id": getattr(request, "request_id", ""),
        }
    }


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turns what a view raised into an answer; None for a defect of ours, which becomes a 500."""
    request = context["request"]._request
    if isinstance(error, BluefoxError):
        code = 409 if isinstance(error, Conflict) else 422
        return Response(error_body(code, error.code, error.message, request, error.param), code)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        param, detail = _first(error.detail)
        return Response(error_body(422, _code(detail), str(detail), request, param), 422)
    if not isinstance(error, exceptions.APIException):
        return None
    sentence = error.detail
    if not isinstance(sentence, exceptions.ErrorDetail):
        raise TypeError(f"{type(error).__name__} carries {sentence!r}, not one sentence")
    body = error_body(error.status_code, _code(sentence), str(sentence), request)
    return Response(body, error.status_code, headers=_headers(error))


def _code(detail: exceptions.ErrorDetail) -> str:
    return detail.code or "invalid"


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _first(detail: Any, path: str = "") -> tuple[str, exceptions.ErrorDetail]:
    """The first problem in the nested details of a serializer, and where: `to.0.email`."""
    if isinstance(detail, exceptions.ErrorDetail):
        return path, detail
    entries = detail.items() if isinstance(detail, dict) else enumerate(detail)
    for key, value in entries:
        if not value:
            continue  # a list of rows has {} for each row without a problem
        is_message = isinstance(value, exceptions.ErrorDetail)
        own = key == "non_field_errors" or (is_message and isinstance(detail, list))
        return _first(value, path if own else f"{path}.{key}".lstrip("."))
    raise TypeError("a ValidationError without a message")


class ErrorBody(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=sorted(set(_TYPES.values())))
    code = serializers.CharField(help_text="Stable; made for programs.")
    message = serializers.CharField(help_text="A sentence; made for people.")
    param = serializers.CharField(
        help_text="The field that is wrong, such as `to.0.email`, or empty."
    )
    request_id = serializers.CharField(help_text="Also in the header X-Request-Id.")


class ErrorAnswer(serializers.Serializer[Any]):
    """Every answer with a status of 400 or more."""

    error = ErrorBody()
