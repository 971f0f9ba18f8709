"""Errors of the sending app."""

from tenants.errors import BluefoxError


class ContentError(BluefoxError):
    """A content that cannot be sent; the sentence says where and what to change."""

    code = "content"


class RenderError(Exception):
    """One recipient's values do not go into the content. Fails that message, not the batch."""
