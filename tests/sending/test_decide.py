"""The table of SES's errors, row by row."""

from datetime import timedelta

import pytest

from sending.decide import Action, after_renewal, broken_off, decide, unreachable

UNVERIFIED = (
    "Email address is not verified. The following identities failed the check in region US-EAST-1: "
)
RATE = "Maximum sending rate exceeded."
DAY = "Daily message quota exceeded."
EXPIRED_SIGNATURE = (
    "Signature expired: 20261124T100000Z is now earlier than 20261124T101000Z "
    "(20261124T101500Z - 5 min.)"
)
SECRET = "The request signature we calculated does not match the signature you provided."

TABLE = [
    ("TooManyRequestsException", 429, RATE, Action.THROTTLE),
    ("ThrottlingException", 400, RATE, Action.THROTTLE),
    ("Throttling", 400, RATE, Action.THROTTLE),
    ("ThrottlingException", 400, "Rate exceeded", Action.THROTTLE),
    ("", 429, "", Action.THROTTLE),
    ("BadRequestException", 400, RATE, Action.THROTTLE),
    ("LimitExceededException", 400, DAY, Action.PARK_QUOTA),
    ("ThrottlingException", 400, DAY, Action.PARK_QUOTA),
    ("Throttling", 400, DAY, Action.PARK_QUOTA),
    ("TooManyRequestsException", 429, DAY, Action.PARK_QUOTA),
    ("LimitExceededException", 400, "Too many configuration sets.", Action.FAIL),
    ("MessageRejected", 400, UNVERIFIED + "news@acme.example", Action.PAUSE_IDENTITY),
    ("MessageRejected", 400, UNVERIFIED + "Acme, Inc <n@acme.example>, ...", Action.PAUSE_IDENTITY),
    ("MessageRejected", 400, UNVERIFIED + "Zoë <Zoe@Example.com>...", Action.FAIL),
    # Sender and recipient: the sender is to be mended first, and nobody's message is spent.
    ("MessageRejected", 400, UNVERIFIED + "zoe@example.com, x@acme.example", Action.PAUSE_IDENTITY),
    ("MessageRejected", 400, UNVERIFIED + "zoe@example.com...", Action.FAIL),
    ("MessageRejected", 400, "Message body is too long", Action.FAIL),
    ("SendingPausedException", 400, "Paused for configuration set <x>.", Action.PARK_AWS),
    ("AccountSuspendedException", 400, "permanently restricted", Action.PARK_AWS),
    ("SendingPausedException", 400, "Sending paused for this account.", Action.PARK_AWS),
    ("MailFromDomainNotVerifiedException", 400, "not verified", Action.PAUSE_IDENTITY),
    ("MailFromDomainNotVerifiedException", 400, "domain not verified", Action.PAUSE_IDENTITY),
    ("NotFoundException", 404, "Configuration set <x> does not exist.", Action.PARK_ACCOUNT),
    ("NotFoundException", 404, "Template x does not exist.", Action.PARK_ACCOUNT),
    ("NotFoundException", 404, "Tenant x does not exist.", Action.PARK_ACCOUNT),
    ("BadRequestException", 400, "Missing final '@domain'", Action.FAIL),
    ("AccessDeniedException", 403, "not authorized: ses:SendEmail", Action.PARK_ACCOUNT),
    ("ExpiredTokenException", 403, "The security token is expired", Action.RENEW),
    ("ExpiredToken", 403, "The security token is expired", Action.RENEW),
    ("UnrecognizedClientException", 403, "token is invalid", Action.PARK_ACCOUNT),
    ("InvalidClientTokenId", 403, "token is invalid", Action.PARK_ACCOUNT),
    ("InvalidSignatureException", 403, EXPIRED_SIGNATURE, Action.RENEW),
    ("SignatureDoesNotMatch", 403, EXPIRED_SIGNATURE, Action.RENEW),
    ("InvalidSignatureException", 403, SECRET, Action.PARK_ACCOUNT),
    ("SignatureDoesNotMatch", 403, SECRET, Action.PARK_ACCOUNT),
    ("InvalidSignatureException", 403, "Signature not yet current: 2026 is", Action.RENEW),
    ("RequestTimeTooSkewed", 403, "The time is too skewed", Action.RENEW),
    ("MissingAuthenticationTokenException", 403, "Missing token", Action.PARK_ACCOUNT),
    ("OptInRequired", 403, "The AWS access key needs a subscription", Action.PARK_ACCOUNT),
    ("", 401, "", Action.PARK_ACCOUNT),
    ("SomethingNew", 403, "no", Action.PARK_ACCOUNT),
    ("SomethingNew", 400, "no", Action.FAIL),
    ("InternalFailure", 500, "oops", Action.UNKNOWN),
    ("ServiceUnavailable", 503, "", Action.UNKNOWN),
    ("", 502, "", Action.UNKNOWN),
    ("", 302, "", Action.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("code", "status", "message", "action"), TABLE)
def test_table(code: str, status: int, message: str, action: Action) -> None:
    decision = decide(code, status, message, recipient="zoe@example.com")
    assert decision.action is action
    assert decision.reason


def test_what_resumes_by_itself_says_when() -> None:
    ten_minutes = timedelta(minutes=10)
    assert decide("LimitExceededException", 400, DAY).retry_after == ten_minutes
    assert decide("SendingPausedException", 400, "paused").retry_after == ten_minutes
    assert decide("AccountSuspendedException", 400, "suspended").retry_after is None


def test_renewal_happens_once() -> None:
    first = decide("ExpiredTokenException", 403, "expired")
    assert after_renewal(first).action is Action.PARK_ACCOUNT
    other = decide("BadRequestException", 400, "no")
    assert after_renewal(other) is other


def test_only_a_request_that_was_never_written_is_repeated() -> None:
    assert unreachable("connection refused").action is Action.HOLD
    assert broken_off("timed out").action is Action.UNKNOWN


def test_a_reason_fits_its_column() -> None:
    assert len(decide("BadRequestException", 400, "x" * 5_000).reason) <= 300
