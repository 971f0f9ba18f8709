"""Errors of the tenants app, and the base of every error that a person or client is shown."""


class UnscopedQuery(RuntimeError):
    """A query on a tenant's table that does not say which tenant."""


class BluefoxError(Exception):
    """Something that the caller can mend; str() is a sentence for that person.

    `code` is stable for API clients, `param` names the field that is wrong (or "").
    """

    code = "invalid"

    def __init__(self, message: str, *, param: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class SecretUnreadable(RuntimeError):
    """A stored secret cannot be decrypted with the configured FIELD_ENCRYPTION_KEYS."""


class Conflict(BluefoxError):
    """What is asked for contradicts what is there now (409 in the API)."""

    code = "conflict"


class MemberRefused(BluefoxError):
    """A change of membership that the rules of roles do not allow."""

    code = "member_refused"


class LookRefused(BluefoxError):
    """A colour that cannot be read on, or a file that is no picture; `param` names the field."""

    code = "look_refused"

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message, param=param)
