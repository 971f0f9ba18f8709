"""Faults on demand: for a time, a number of requests, or a share of them."""

import random
from dataclasses import asdict, dataclass
from typing import Any

from simulator.quota import day_exceeded, rate_exceeded
from simulator.web import ApiError, Response

KINDS = {
    "throttle": "429 TooManyRequestsException",
    "error": "HTTP `status` (default 500) before anything is accepted",
    "daily_quota": "400 LimitExceededException",
    "paused": "400 SendingPausedException, for `configuration_set` only when given",
    "suspended": "400 AccountSuspendedException",
    "expired_token": "403 ExpiredTokenException",
    "hang_before_accept": "no answer, nothing accepted",
    "reset_before_accept": "connection reset, nothing accepted",
    "hang_after_accept": "accepted and in the ledger, no answer",
    "reset_after_accept": "accepted and in the ledger, then connection reset",
    "error_after_accept": "accepted and in the ledger, answered with `status` (default 500)",
    "latency": "answered `milliseconds` later",
}
EVERY_OPERATION = {"expired_token", "error"}  # the others touch sends only


@dataclass
class Fault:
    """Ends at `until` (seconds since 1970) or after `count` hits; strikes a `share` of requests."""

    kind: str
    until: float | None = None
    count: int | None = None
    share: float = 1.0
    status: int = 500
    milliseconds: float = 0.0
    configuration_set: str = ""
    region: str = ""
    all_operations: bool = False
    hits: int = 0


class Faults:
    """The faults of every account."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._of: dict[str, list[Fault]] = {}

    def add(self, account: str, fault: Fault) -> None:
        """Add a fault."""
        self._of.setdefault(account, []).append(fault)

    def clear(self, account: str) -> None:
        """Remove the account's faults."""
        self._of.pop(account, None)

    def of(self, account: str) -> list[dict[str, Any]]:
        """Return the account's faults as JSON values."""
        return [asdict(fault) for fault in self._of.get(account, ())]

    def any(self, account: str) -> bool:
        """Return whether the account has faults at all: the quick test of the send path."""
        return account in self._of

    def hit(
        self, account: str, region: str, now: float, configuration_set: str = "", sends: bool = True
    ) -> dict[str, Fault]:
        """Return the faults that strike this request, by kind, and count them."""
        faults = self._of.get(account)
        if not faults:
            return {}
        live = [f for f in faults if (f.until is None or now < f.until) and f.count != 0]
        if live:
            self._of[account] = live
        else:
            del self._of[account]
        struck: dict[str, Fault] = {}
        for fault in live:
            if (
                fault.kind in struck
                or (fault.region and fault.region != region)
                or (fault.configuration_set and fault.configuration_set != configuration_set)
                or (not sends and not (fault.all_operations and fault.kind in EVERY_OPERATION))
                or (fault.share < 1 and self._random.random() >= fault.share)
            ):
                continue
            struck[fault.kind] = fault
            fault.hits += 1
            if fault.count is not None:
                fault.count -= 1
        return struck


def refuse_before(struck: dict[str, Fault]) -> Response | None:
    """Raise the refusal that the faults ask for before acceptance, or return a dropped answer."""
    if "reset_before_accept" in struck:
        return Response(drop="reset")
    if "hang_before_accept" in struck:
        return Response(drop="hang")
    if "error" in struck:
        raise ApiError("InternalFailure", "An internal failure occurred.", struck["error"].status)
    if "expired_token" in struck:
        raise ApiError(
            "ExpiredTokenException", "The security token included in the request is expired", 403
        )
    if "suspended" in struck:
        raise suspended()
    if "paused" in struck:
        raise paused(struck["paused"].configuration_set)
    if "daily_quota" in struck:
        raise day_exceeded()
    if "throttle" in struck:
        raise rate_exceeded()
    return None


def apply_after(struck: dict[str, Fault], response: Response) -> Response:
    """Return what the client sees of an accepted message."""
    if "latency" in struck:
        response.delay += struck["latency"].milliseconds / 1000
    if "hang_after_accept" in struck:
        return Response(drop="hang")
    if "reset_after_accept" in struck:
        return Response(drop="reset")
    if "error_after_accept" in struck:
        raise ApiError(
            "InternalFailure", "An internal failure occurred.", struck["error_after_accept"].status
        )
    return response


def suspended() -> ApiError:
    """Return SES's refusal of an account that may not send again."""
    return ApiError(
        "AccountSuspendedException",
        "Sending suspended for this account. For more information, please check the inbox of the "
        "email address associated with your AWS account.",
    )


def paused(configuration_set: str = "") -> ApiError:
    """Return SES's refusal while an account or a configuration set is paused."""
    if configuration_set:
        text = f"Sending is paused for configuration set <{configuration_set}>."
    else:
        text = (
            "Sending paused for this account. For more information, please check the inbox of "
            "the email address associated with your AWS account."
        )
    return ApiError("SendingPausedException", text)
