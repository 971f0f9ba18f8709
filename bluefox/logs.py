"""Log lines without addresses and without the secrets that stand in paths."""

import logging
import re
import traceback

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


class BriefFormatter(logging.Formatter):
    """The message alone, with the first line of an exception, redacted."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0]:
            # A database error quotes the row's values from its second line on.
            error = "".join(traceback.format_exception_only(*record.exc_info[:2]))
            text += f": {error.splitlines()[0]}"
        return redact(text)
