"""What every answer carries, and the one road that goes past all of it."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants.limits import Allowance
from webhooks.views import receive_sns

_SNS = "/webhooks/sns/"


class SnsMiddleware:
    """Answers Amazon SNS before all the rest.

    It comes hundreds of times a second, has no session, no cookie and no page, and its secret
    address is all there is to check: the other middleware would cost more than its work.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token, end, rest = request.path.removeprefix(_SNS).partition("/")
        if request.path.startswith(_SNS) and end and not rest:
            return receive_sns(request, token)
        return self.get_response(request)


class RequestIdMiddleware:
    """Names each request, so that an error page, a log line and an API answer can be matched.

    Sets request.request_id and X-Request-Id; for a counted API request also RateLimit-Limit,
    RateLimit-Remaining and RateLimit-Reset (draft-ietf-httpapi-ratelimit-headers-06).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        allowance: Allowance | None = getattr(request, "allowance", None)
        if allowance:
            response["RateLimit-Limit"] = str(allowance.limit)
            response["RateLimit-Remaining"] = str(allowance.remaining)
            response["RateLimit-Reset"] = str(allowance.reset)
        return response
