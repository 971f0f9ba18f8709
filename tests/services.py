"""Loaded before Django (`-p tests.services`): the environment that a test run needs.

DATABASE_URL and REDIS_URL name servers that already run; without them, embedded ones start for
this run and stop with it. Secrets are made anew for each run.
"""

import base64
import os
import re
import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from embedded import services

_running = ExitStack()

_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "bluefox.settings",
    "SITE_URL": "http://testserver",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "LINK_SIGNING_KEYS": secrets.token_urlsafe(32),
    "EMAIL_URL": "memorymail://",
    "DEFAULT_FROM_EMAIL": "Bluefox <bluefox@bluefox.example>",
    # botocore must not look for credentials in files or on the network of this machine.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
}


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.close()


def _own_redis_database(url: str) -> str:
    """A worker of pytest-xdist flushes its own numbered database, not its neighbour's."""
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if not worker:
        return url
    base, _, number = url.rpartition("/")
    return f"{base}/{int(number or 0) + 1 + int(worker[1])}"


for _name, _value in _ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
_data = Path(__file__).resolve().parent.parent / ".data" / "test"
os.environ |= _running.enter_context(services(_data, durable=False)).environ()
os.environ["REDIS_URL"] = _own_redis_database(os.environ["REDIS_URL"])

if __name__ == "__main__":  # `python -m tests.services COMMAND...`: the same for another program
    with _running:
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
