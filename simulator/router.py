"""Which part answers a request: by path, and by the service named in its signature."""

import time
from collections.abc import Awaitable, Callable

from simulator import (
    admin,
    dns_pages,
    faults,
    pages,
    ses_control,
    ses_identities,
    ses_notifications,
    ses_sets,
    sns,
    sqs,
    sts,
)
from simulator.cloud import Cloud
from simulator.ses_control import Call, Operation
from simulator.ses_send import send_email
from simulator.sigv4 import QUERY_CODES, scope_of, verify
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, json_error, matched, xml_error

SEND_PATH = "/v2/email/outbound-emails"
SES_PREFIX = "/v2/email/"
PEM_TYPE = "application/x-pem-file"
SES_OPERATIONS: dict[tuple[str, str], Operation] = (
    ses_control.OPERATIONS | ses_identities.OPERATIONS | ses_sets.OPERATIONS
)
Answer = Response | Awaitable[Response]
QueryService = Callable[[Request, Caller, Cloud], Response]
QUERY_SERVICES: dict[str, tuple[QueryService, str]] = {
    "ses": (ses_notifications.handle, ses_notifications.NAMESPACE),
    "sns": (sns.handle, sns.NAMESPACE),
    "sts": (sts.handle, sts.NAMESPACE),
}


class Router:
    """The one endpoint of all services."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def __call__(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(SES_PREFIX):
            return self._ses(request)
        if path.startswith("/_sim/"):
            return admin.handle(request, self._cloud)
        if path.startswith("/SimpleNotificationService-"):
            return self._certificate(request)
        if path == "/" and request.headers.get("x-amz-target", "").startswith(sqs.TARGET):
            return self._sqs(request)
        if path == "/" and (request.method == "POST" or "Action=" in request.query):
            return self._query(request)
        if path == dns_pages.PATH and request.method in ("GET", "POST"):
            return dns_pages.handle(request, self._cloud)
        if request.method == "GET" and pages.serves(path):
            return pages.handle(request, self._cloud)
        return json_error(ApiError("UnknownOperationException", f"Nothing at {path}.", 404))

    def _ses(self, request: Request) -> Response:
        cloud = self._cloud
        try:
            scope = scope_of(request)
            if scope.service != "ses":
                raise ApiError(
                    "InvalidSignatureException",
                    "Credential should be scoped to correct service: 'ses'. ",
                    403,
                )
            caller = verify(request, scope, cloud.store)
            if request.path == SEND_PATH and request.method == "POST":
                return send_email(request, caller, cloud)
            return self._ses_control(request, caller)
        except ApiError as error:
            return json_error(error)

    def _ses_control(self, request: Request, caller: Caller) -> Response:
        found = matched(SES_OPERATIONS, request, skip=2)
        if found is None:
            raise ApiError(
                "UnknownOperationException",
                f"The simulator does not implement {request.method} {request.path}.",
                404,
            )
        operation, arguments = found
        account = caller.account
        struck = self._cloud.faults.hit(account.id, caller.region, time.time(), sends=False)
        dropped = faults.refuse_before(struck)
        if dropped is not None:
            return dropped
        self._throttle_control(account.id, account.control_plane_rate)
        region = account.region(caller.region)
        body = request.json() if request.method in ("POST", "PUT") else {}
        return operation(Call(request, caller, self._cloud, region, arguments, body))

    def _throttle_control(self, account: str, rate: float) -> None:
        """SES takes one control call a second; off unless the account's rate is set."""
        if not rate:
            return
        now = time.time()
        if now < self._cloud.control_calls.get(account, 0.0):
            raise ApiError("TooManyRequestsException", "Too Many Requests", 429)
        self._cloud.control_calls[account] = now + 1 / rate

    def _query(self, request: Request) -> Response:
        namespace = sns.NAMESPACE
        try:
            if request.method == "GET" and "authorization" not in request.headers:
                return sns.handle_link(request, self._cloud)
            scope = scope_of(request)
            service = QUERY_SERVICES.get(scope.service)
            if service is None:
                raise ApiError("InvalidSignatureException", "Credential should be scoped to "
                               "correct service: 'ses', 'sns' or 'sts'.", 403)  # fmt: skip
            handle, namespace = service
            return handle(request, verify(request, scope, self._cloud.store), self._cloud)
        except ApiError as error:
            error.code = QUERY_CODES.get(error.code, error.code)
            return xml_error(error, namespace)
        except UnicodeDecodeError:
            return xml_error(ApiError("MalformedInput", "The body is not UTF-8."), namespace)

    def _sqs(self, request: Request) -> Response:
        try:
            scope = scope_of(request)
            if scope.service != "sqs":
                raise ApiError(
                    "InvalidSignatureException",
                    "Credential should be scoped to correct service: 'sqs'.",
                    403,
                )
            return sqs.handle(request, verify(request, scope, self._cloud.store), self._cloud)
        except ApiError as error:
            error.code = QUERY_CODES.get(error.code, error.code)
            return sqs.refused(error)

    def _certificate(self, request: Request) -> Response:
        signer = self._cloud.signer
        if request.method == "GET" and request.path == f"/{signer.file_name}":
            return Response(signer.pem, content_type=PEM_TYPE)
        return xml_error(ApiError("NoSuchKey", "The key does not exist.", 404), sns.NAMESPACE)
