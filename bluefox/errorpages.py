"""What is answered when something is wrong: a page for people, the error shape for the API."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from tenants.api.errors import error_body

_API = "/api/"
_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 500: "server_error"}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, "This request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, str(exception or ""))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return HttpResponse(render_to_string("403_csrf.html"), status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, "Something broke on our side. Try again in a moment.")


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if request.path.startswith(_API):
        return JsonResponse(error_body(status, _CODES[status], message, request), status=status)
    # Without the request: its context processors ask the database, which may be what broke.
    page = render_to_string(f"{status}.html", {"message": message})
    return HttpResponse(page, status=status)
