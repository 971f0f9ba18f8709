"""Reads the environment. What has no safe default stops the start with a sentence that helps."""

import base64
import ipaddress
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def required(name: str, meaning: str) -> str:
    """The value of an environment variable that must be there.

    Raises ImproperlyConfigured naming the variable and what to put into it.
    """
    value: str = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: {meaning}. Set it in the environment or in .env "
            "(.env.example lists every setting)."
        )
    return value


def required_secret(name: str, meaning: str, *, min_length: int) -> str:
    """A secret of at least min_length characters."""
    value = required(name, meaning)
    if len(value) < min_length:
        raise ImproperlyConfigured(f"{name} is shorter than {min_length} characters: {meaning}.")
    return value


def required_keys(name: str, meaning: str, *, is_key: Callable[[str], bool]) -> list[str]:
    """A comma-separated list of keys, newest first; is_key says whether one can be used."""
    keys = [key.strip() for key in required(name, meaning).split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        if not is_key(key):
            raise ImproperlyConfigured(f"{name}: key {position} is none: {meaning}.")
    return keys


def is_fernet_key(key: str) -> bool:
    """32 bytes in URL-safe base64, as `Fernet.generate_key()` makes them."""
    try:
        return len(base64.urlsafe_b64decode(key)) == 32
    except ValueError:
        return False


def is_long_key(key: str) -> bool:
    return len(key) >= 32


def required_origin(name: str, meaning: str) -> str:
    """An address without path, such as https://mail.example.com."""
    value = required(name, meaning).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name} is {value!r}, not {meaning}.")
    return value


def optional_servers(name: str, *, port: int) -> list[tuple[str, int]]:
    """(address, port) of a comma-separated list such as `10.0.0.2, 10.0.0.3:5353, [::1]:53`."""
    return [_server(name, given, port) for given in env.list(name, default=[]) if given.strip()]


def _server(name: str, given: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{given.strip()}")
        return str(ipaddress.ip_address(str(parts.hostname))), parts.port or port
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}: {given.strip()!r} is no IP address with or without a port."
        ) from error
