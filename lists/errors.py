"""Errors of the lists app."""

from tenants.errors import BluefoxError


class BadToken(BluefoxError):
    """A link that is not ours, not for this purpose, or was cut off on its way."""

    code = "bad_token"

    def __init__(self) -> None:
        super().__init__(
            "This link is not complete. Copy the whole link from the mail and open it again."
        )
