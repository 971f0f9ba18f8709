"""What is answered when something is wrong, and what every answer carries."""

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from bluefox import errorpages
from tests.conftest import Person


def test_pages_say_what_happened_in_the_look_of_the_site(bob: Person) -> None:
    page = bob.client.get("/w/nothing/")
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    page = bob.client.get("/w/acme/settings/audit/")
    assert page.status_code == 403
    assert "Your role, Marketer, may not do this." in page.content.decode()


def test_an_internal_address_is_404(client: Client) -> None:
    for path in ("/.env", "/admin/", "/metrics", "/api/v1/internal", "/debug/", "/celery/"):
        assert client.get(path).status_code == 404


def test_a_post_without_its_token_changes_nothing_and_says_why(alice: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    page = client.post("/w/acme/settings/save/", {"name": "Stolen", "timezone": "UTC"})
    assert page.status_code == 403
    assert "This page was open too long" in page.content.decode()
    alice.tenant.refresh_from_db()
    assert alice.tenant.name == "Acme"


@pytest.mark.parametrize("path", ["/w/acme/", "/api/v1/emails"])
def test_a_broken_page_needs_no_database(path: str) -> None:
    # No `db` fixture: a query here would fail the test.
    answer = errorpages.server_error(RequestFactory().get(path))
    assert answer.status_code == 500


def test_a_host_that_is_not_ours_is_refused(db: None, client: Client) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_every_page_carries_its_protection(alice: Person, settings: Settings) -> None:
    response = alice.client.get("/w/acme/settings/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert len(response.headers["X-Request-Id"]) == 32
    cookie = response.cookies["workspace"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
