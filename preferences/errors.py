"""Errors of the public pages."""

from tenants.errors import BluefoxError


class PressAgain(BluefoxError):
    """The form is shown once more with what was typed; pressing its button again goes through."""

    code = "press_again"


class TrapFilled(PressAgain):
    """The field that people do not see was filled in."""


class TooQuick(PressAgain):
    """Nobody reads and types in this time."""
