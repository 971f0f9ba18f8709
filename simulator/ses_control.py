"""SES's control plane: the account and its suppression list (SES API v2 Reference)."""

import calendar
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator import iam
from simulator.accounts import Region, Suppressed
from simulator.cloud import Cloud
from simulator.mime import check_address
from simulator.ses_details import check_details
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, json_response

PAGE = 1000
REASONS = ("BOUNCE", "COMPLAINT")


@dataclass(slots=True)
class Call:
    """One control call: what handlers need."""

    request: Request
    caller: Caller
    cloud: Cloud
    region: Region
    arguments: list[str]  # the variable path segments
    body: dict[str, Any]

    def allow(self, action: str, resource: str = "") -> None:
        """Raise AccessDeniedException unless the caller may; `resource` like identity/NAME."""
        base = f"arn:aws:ses:{self.caller.region}:{self.caller.account.id}:"
        iam.require(self.caller, f"ses:{action}", base + (resource or "*"))

    def page(self) -> dict[str, str]:
        """Return the paging parameters: in the query of a GET, in the body of a POST."""
        return self.request.params() | {key: str(value) for key, value in self.body.items()}

    def changed(self, answer: object = None) -> Response:
        """Note a change of state and answer."""
        self.cloud.store.touch()
        return json_response({} if answer is None else answer)


Operation = Callable[[Call], Response]


def get_account(call: Call) -> Response:
    """GetAccount."""
    call.allow("GetAccount")
    region = call.region
    sent = call.cloud.quota(call.caller.account.id, region.name).sent(time.time())
    answer: dict[str, Any] = {
        "DedicatedIpAutoWarmupEnabled": True,
        "EnforcementStatus": region.enforcement,
        "ProductionAccessEnabled": not region.sandbox,
        "SendQuota": {
            "Max24HourSend": region.max_24_hour_send,
            "MaxSendRate": region.max_send_rate,
            "SentLast24Hours": float(sent),
        },
        "SendingEnabled": region.sending_enabled and region.enforcement != "SHUTDOWN",
        "SuppressionAttributes": {"SuppressedReasons": region.suppressed_reasons},
        "VdmAttributes": {"VdmEnabled": "DISABLED"},
    }
    if region.details:
        answer["Details"] = dict(region.details)
        if region.review_status:
            review = {"Status": region.review_status, "CaseId": region.review_case}
            answer["Details"]["ReviewDetails"] = review
    return json_response(answer)


def put_account_details(call: Call) -> Response:
    """PutAccountDetails. ConflictException 409 while a review is open."""
    call.allow("PutAccountDetails")
    body = call.body
    check_details(body)
    region = call.region
    if region.review_status == "PENDING":
        raise ApiError("ConflictException", "A review of the account is already in progress.", 409)
    region.details = {
        "MailType": body["MailType"],
        "WebsiteURL": body["WebsiteURL"],
        "ContactLanguage": body.get("ContactLanguage") or "EN",
        "UseCaseDescription": body.get("UseCaseDescription") or "",
        "AdditionalContactEmailAddresses": body.get("AdditionalContactEmailAddresses") or [],
    }
    if body.get("ProductionAccessEnabled") and region.sandbox:
        region.review_status = "PENDING"
        region.review_case = str(secrets.randbelow(10**15)).zfill(15)
    return call.changed()


def put_account_suppression(call: Call) -> Response:
    """PutAccountSuppressionAttributes."""
    call.allow("PutAccountSuppressionAttributes")
    call.region.suppressed_reasons = reasons_in(call.body.get("SuppressedReasons") or [])
    return call.changed()


def put_account_sending(call: Call) -> Response:
    """PutAccountSendingAttributes."""
    call.allow("PutAccountSendingAttributes")
    call.region.sending_enabled = bool(call.body.get("SendingEnabled", False))
    return call.changed()


def put_suppressed(call: Call) -> Response:
    """PutSuppressedDestination. BadRequestException in the sandbox."""
    call.allow("PutSuppressedDestination")
    if call.region.sandbox:
        raise ApiError(
            "BadRequestException",
            "The account is in the sandbox: addresses cannot be added to its suppression list.",
        )
    address = str(call.body.get("EmailAddress") or "")
    check_address(address)
    reason = reasons_in([call.body.get("Reason")])[0]
    call.region.suppressed[address.lower()] = Suppressed(address.lower(), reason, time.time())
    return call.changed()


def get_suppressed(call: Call) -> Response:
    """GetSuppressedDestination. NotFoundException: not suppressed."""
    call.allow("GetSuppressedDestination")
    found = _suppressed(call)
    answer: dict[str, Any] = _suppressed_json(found)
    if found.message_id:
        answer["Attributes"] = {"MessageId": found.message_id, "FeedbackId": found.feedback_id}
    return json_response({"SuppressedDestination": answer})


def delete_suppressed(call: Call) -> Response:
    """DeleteSuppressedDestination. NotFoundException: not suppressed."""
    call.allow("DeleteSuppressedDestination")
    del call.region.suppressed[_suppressed(call).address]
    return call.changed()


def list_suppressed(call: Call) -> Response:
    """ListSuppressedDestinations, by address, in pages."""
    call.allow("ListSuppressedDestinations")
    query = call.request.query.split("&")
    reasons = {q.partition("=")[2] for q in query if q.startswith("Reason=")} or set(REASONS)
    params = call.request.params()
    start, end = _moment(params.get("StartDate")), _moment(params.get("EndDate"))
    found = sorted(
        (
            s
            for s in call.region.suppressed.values()
            if s.reason in reasons and (start or 0) <= s.time <= (end or s.time)
        ),
        key=lambda s: s.address,
    )
    page, token = paged(found, params)
    answer: dict[str, Any] = {"SuppressedDestinationSummaries": [_suppressed_json(s) for s in page]}
    return json_response(answer | token)


def _suppressed(call: Call) -> Suppressed:
    address = call.arguments[0].lower()
    found = call.region.suppressed.get(address)
    if found is None:
        raise ApiError(
            "NotFoundException",
            f"Email address {address} does not exist on your suppression list.",
            404,
        )
    return found


def _suppressed_json(entry: Suppressed) -> dict[str, Any]:
    return {
        "EmailAddress": entry.address,
        "Reason": entry.reason,
        "LastUpdateTime": entry.time,
    }


def _moment(text: str | None) -> float | None:
    """Return seconds of a date parameter, given as seconds or in ISO form."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        raise ApiError("BadRequestException", f"'{text}' is not a date.") from None


def reasons_in(given: list[Any]) -> list[str]:
    """Return suppression reasons; raises BadRequestException for others."""
    for reason in given:
        if reason not in REASONS:
            raise ApiError("BadRequestException", f"Reason must be one of {', '.join(REASONS)}.")
    return [str(reason) for reason in given]


def paged(items: list[Any], params: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
    """Return one page by PageSize and NextToken, and the next token when there is more."""
    size, start = params.get("PageSize", str(PAGE)), params.get("NextToken", "0")
    if not size.isdigit() or not 1 <= int(size) <= PAGE:
        raise ApiError("BadRequestException", f"PageSize must be between 1 and {PAGE}.")
    if not start.isdigit():
        raise ApiError(
            "InvalidNextTokenException", "The specified request includes an invalid token."
        )
    first, last = int(start), int(start) + int(size)
    return items[first:last], {"NextToken": str(last)} if last < len(items) else {}


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "account"): get_account,
    ("POST", "account/details"): put_account_details,
    ("PUT", "account/suppression"): put_account_suppression,
    ("PUT", "account/sending"): put_account_sending,
    ("PUT", "suppression/addresses"): put_suppressed,
    ("GET", "suppression/addresses"): list_suppressed,
    ("GET", "suppression/addresses/*"): get_suppressed,
    ("DELETE", "suppression/addresses/*"): delete_suppressed,
}
