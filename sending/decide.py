"""What an answer of SES means for the message, the account and the pace. Pure; one table.

Sources: the errors of SendEmail
(https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors),
the errors common to all actions, and what users of SES have seen in their logs. A code that the
table does not know fails the message when SES refused it (4xx), and counts as unknown when SES
broke (5xx): nothing that may have been accepted is ever sent again unseen.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Action(Enum):
    """What to do. All but FAIL and UNKNOWN leave the message queued, as if never tried."""

    THROTTLE = "go slower and try again"
    HOLD = "SES cannot be reached: try again in a moment"
    PARK_QUOTA = "the day's quota is used: park the AWS account and region"
    PARK_AWS = "park the AWS account and region"
    PARK_ACCOUNT = "park the tenant's connection"
    PAUSE_IDENTITY = "pause what is sent from this identity"
    RENEW = "take new credentials or time and try once more"
    FAIL = "this message will never go"
    UNKNOWN = "SES may have it"


@dataclass(frozen=True)
class Decision:
    """`reason` is for people; `retry_after` is when a parked account tries again by itself."""

    action: Action
    reason: str = ""
    retry_after: timedelta | None = None


_UNVERIFIED = re.compile(
    r"not verified.*?failed the check in region (?P<region>[\w-]+):\s*(?P<names>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(r'[^\s<>",;]+@[^\s<>",;]+')
_SHORT = 280
_RECHECK = timedelta(minutes=10)

_CREDENTIALS = frozenset(
    """UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId AuthFailure
    MissingAuthenticationToken MissingAuthenticationTokenException IncompleteSignature
    IncompleteSignatureException OptInRequired SubscriptionRequiredException""".split()
)
_EXPIRED = frozenset("ExpiredTokenException ExpiredToken RequestExpired".split())
_SIGNATURE = frozenset(
    "InvalidSignatureException SignatureDoesNotMatch RequestTimeTooSkewed".split()
)
_DENIED = frozenset("AccessDeniedException AccessDenied NotAuthorized".split())
_THROTTLED = frozenset(
    "TooManyRequestsException ThrottlingException Throttling RequestLimitExceeded".split()
)


def decide(code: str, http_status: int, message: str, *, recipient: str = "") -> Decision:
    """The decision for an answer that is not 200.

    `code` is the error code ("" when the answer has none), `message` AWS's sentence, `recipient`
    the address of the message, which tells a sandbox refusal from an unverified sender.
    """
    said = f"Amazon SES: {message or code or f'HTTP {http_status}'}"[:_SHORT]
    text = message.lower()
    # Both quotas have been seen under several codes, so the sentence counts before the code.
    if "daily message quota exceeded" in text:
        return Decision(Action.PARK_QUOTA, "Daily quota reached", _RECHECK)
    if code in _THROTTLED or http_status == 429 or "maximum sending rate exceeded" in text:
        return Decision(Action.THROTTLE, said)
    if http_status >= 500 or http_status < 400:
        return Decision(Action.UNKNOWN, said)
    if code == "MessageRejected":
        return _rejected(said, message, recipient)
    if code == "AccountSuspendedException":
        return Decision(Action.PARK_AWS, said)
    if code == "SendingPausedException":
        return Decision(Action.PARK_AWS, said, _RECHECK)
    if code == "MailFromDomainNotVerifiedException":
        return Decision(Action.PAUSE_IDENTITY, said)
    if code == "NotFoundException":
        return Decision(Action.PARK_ACCOUNT, said)
    if code in _EXPIRED:
        return Decision(Action.RENEW, said)
    if code in _SIGNATURE:
        return Decision(Action.RENEW if _clock_skew(text) else Action.PARK_ACCOUNT, said)
    if code in _CREDENTIALS or code in _DENIED or http_status in (401, 403):
        return Decision(Action.PARK_ACCOUNT, said)
    return Decision(Action.FAIL, said)


def after_renewal(decision: Decision) -> Decision:
    """The decision when new credentials did not help: the second refusal parks the account."""
    if decision.action is Action.RENEW:
        return Decision(Action.PARK_ACCOUNT, decision.reason)
    return decision


def unreachable(error: str) -> Decision:
    """No byte of the request was written, so SES cannot have it."""
    return Decision(Action.HOLD, f"Amazon SES cannot be reached: {error}"[:_SHORT])


def broken_off(error: str) -> Decision:
    """The connection broke after writing began, so SES may have it."""
    return Decision(Action.UNKNOWN, f"No answer from Amazon SES: {error}"[:_SHORT])


def _clock_skew(text: str) -> bool:
    return "signature expired" in text or "not yet current" in text or "too skewed" in text


def _rejected(said: str, message: str, recipient: str) -> Decision:
    """Content that SES refuses, or identities that it does not know.

    The list may carry display names and end with an ellipsis. In the sandbox it may name the
    recipient: where it names nobody else, the sender is verified and only this message fails.
    """
    found = _UNVERIFIED.search(message)
    if not found:
        return Decision(Action.FAIL, said)
    addresses = {name.lower().rstrip(".") for name in _ADDRESS.findall(found["names"])}
    if recipient and addresses == {recipient.lower()}:
        return Decision(
            Action.FAIL,
            "The SES account is in the sandbox, which sends to verified addresses only.",
        )
    return Decision(Action.PAUSE_IDENTITY, said)
