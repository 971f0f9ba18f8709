"""Errors of the campaigns app."""

from tenants.errors import BluefoxError


class NotReady(BluefoxError):
    """A campaign that cannot be sent yet; the sentence says what is missing."""

    code = "not_ready"


class BadTime(BluefoxError):
    """A campaign cannot leave at this time."""

    code = "bad_time"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="time")


class NoSender(BluefoxError):
    """No connected SES account may send from this address."""

    code = "no_sender"


class IdempotencyMismatch(BluefoxError):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a different request in the last 24 hours. "
            "Use a new key, or send the same request again."
        )
