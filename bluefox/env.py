"""Reads the environment. What has no safe default stops the start with a sentence that helps."""

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
    value = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: {meaning}. Set it in the environment or in .env "
            "(.env.example lists every setting)."
        )
    return value


def required_keys(name: str, meaning: str, *, min_length: int) -> list[str]:
    """A comma-separated list of keys, newest first; each at least min_length characters."""
    keys = [key.strip() for key in required(name, meaning).split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        if len(key) < min_length:
            raise ImproperlyConfigured(
                f"{name}: key {position} is shorter than {min_length} characters: {meaning}."
            )
    return keys


def required_origin(name: str, meaning: str) -> str:
    """An address without path, such as https://mail.example.com."""
    value = required(name, meaning).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name} is {value!r}, not {meaning}.")
    return value
