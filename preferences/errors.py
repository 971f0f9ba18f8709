"""Errors of the public pages."""

from tenants.errors import BluefoxError


class PressAgain(BluefoxError):
    """The form is shown once more with what was typed; pressing its button again goes through."""

    code = "press_again"
