"""Log lines: no address, no token of a path, no key."""

import logging
import sys

import pytest
from django.test import Client

from bluefox import celery_app
from bluefox.logs import DiscreetFormatter, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not Found: /u/AbC_d-9/", "Not Found: /u/…/"),
        ("GET /p/AbC?x=1 HTTP/1.1", "GET /p/…?x=1 HTTP/1.1"),
        ("/c/AbC/ and /remove/XyZ/", "/c/…/ and /remove/…/"),
        ("POST /webhooks/sns/s3cret/", "POST /webhooks/sns/…/"),
        ("/accounts/confirm-email/MQ:1abc:x-y/", "/accounts/confirm-email/…/"),
        ("/accounts/password/reset/key/1-abc/", "/accounts/password/reset/key/…/"),
        ("to Ann.O'Neil+x@mail.example.com!", "to Ann.O'…@…"),
        ("Key (email)=(ann@example.com) already exists.", "Key (email)=(…@…) already exists."),
        ("postgres://bluefox:pw@db/bluefox", "postgres://bluefox:…@…/bluefox"),
        ("bf_live_abcdefghijkl_S3-cr_et.", "bf_live_abcdefghijkl_…."),
        ("/w/acme/campaigns/ in 3 s", "/w/acme/campaigns/ in 3 s"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_a_traceback_is_redacted_too() -> None:
    try:
        raise ValueError("ann@example.com is taken")
    except ValueError:
        record = logging.getLogger().makeRecord(
            "x", logging.ERROR, "f", 1, "at %s", ("/u/tok/",), sys.exc_info()
        )
    line = DiscreetFormatter("%(message)s").format(record)
    assert "ann@" not in line
    assert "tok" not in line
    assert "ValueError: …@… is taken" in line


def test_celery_leaves_logging_alone() -> None:
    before = logging.root.handlers[:]
    celery_app.log.setup(loglevel=logging.DEBUG)
    assert logging.root.handlers == before
    own = logging.getLogger("celery.task").handlers
    assert all(isinstance(handler, logging.NullHandler) for handler in own)


def test_every_handler_that_writes_redacts(client: Client) -> None:
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    writing = {
        handler
        for logger in loggers
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler) and "pytest" not in type(handler).__module__
    }
    assert writing
    assert {type(handler.formatter) for handler in writing} == {DiscreetFormatter}
