"""Starting: what is missing is named, with what to do; and the process says whether it can work."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tenants.valkey import valkey

REQUIRED = (
    "SITE_URL",
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "LINK_SIGNING_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "EMAIL_URL",
    "DEFAULT_FROM_EMAIL",
)


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` with these variables; an empty one hides what .env may say."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=django_settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "bluefox.settings"} | changes,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_stops_the_start_with_a_sentence(name: str) -> None:
    done = start(**{name: ""})
    assert done.returncode != 0
    assert f"{name} is not set: " in done.stderr
    assert ".env.example lists every setting" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SITE_URL", "mail.example.com", "SITE_URL is 'mail.example.com', not "),
        ("DNS_SERVERS", "10.0.0.2, dns.example:53", "DNS_SERVERS: 'dns.example:53' is no IP"),
        ("DNS_SERVERS", "10.0.0.2:99999", "DNS_SERVERS: '10.0.0.2:99999' is no IP"),
        ("SITE_URL", "https://mail.example.com/app", "SITE_URL is "),
        ("FIELD_ENCRYPTION_KEYS", "short", "FIELD_ENCRYPTION_KEYS: key 1 is "),
        ("FIELD_ENCRYPTION_KEYS", "x" * 40, "FIELD_ENCRYPTION_KEYS: key 1 is "),
        ("LINK_SIGNING_KEYS", f"{'x' * 32},short", "LINK_SIGNING_KEYS: key 2 is "),
        ("SECRET_KEY", "short", "SECRET_KEY is shorter than 50"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str, words: str) -> None:
    done = start(**{name: value})
    assert done.returncode != 0
    assert words in done.stderr


def test_with_all_of_them_it_starts() -> None:
    done = start()
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_readyz_answers_any_host_and_names_what_is_missing(
    client: Client, settings: Settings
) -> None:
    probe = {"host": "10.0.0.7:8000"}
    assert client.get("/livez", headers=probe).json() == {"ok": True}
    whole = {"database": True, "valkey": True, "migrations": True}
    response = client.get("/readyz", headers=probe)
    assert (response.status_code, response.json()) == (200, whole)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    valkey.cache_clear()
    try:
        response = client.get("/readyz", headers=probe)
    finally:
        valkey.cache_clear()
    assert (response.status_code, response.json()) == (503, whole | {"valkey": False})


@pytest.mark.django_db
def test_readyz_waits_for_migrations() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'tenants'")
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["migrations"]) == (503, False)
