"""Log lines without addresses and without the secrets that stand in paths."""

import logging
import re

# Whoever knows such a path may act for somebody: unsubscribe, confirm, reset a password, tell us
# what AWS said.
SECRET_PATHS = re.compile(
    r"/(u|p|c|remove|webhooks/sns|accounts/confirm-email|accounts/password/reset/key)/[^/\s?\"']+"
)
_ADDRESSES = re.compile(r"[^\s@<>()\[\]{},;:=\"']+@[^\s@<>()\[\]{},;:=\"'/]+")
_API_KEYS = re.compile(r"bf_live_([a-z0-9]{12})_[\w-]+")


def redact(text: str) -> str:
    """The text with `…` for tokens, keys' secrets and addresses (and user:password@host)."""
    text = SECRET_PATHS.sub(r"/\1/…", text)
    text = _API_KEYS.sub(r"bf_live_\1_…", text)
    return _ADDRESSES.sub("…@…", text)


class DiscreetFormatter(logging.Formatter):
    """Redacts the finished line with its traceback: a database error quotes the row's values."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
