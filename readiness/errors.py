"""Errors of the readiness app."""

from tenants.errors import BluefoxError


class RequestRefused(BluefoxError):
    """The request for production access cannot be filed as it is; the sentence says why."""

    code = "access_request"


class CannotMend(BluefoxError):
    """One click cannot mend this now; the sentence says what to do instead."""

    code = "cannot_mend"
