"""The page about API keys."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from tenants.models import ApiKey, AuditEvent
from tenants.selectors.api_keys import find_valid_key
from tests.conftest import Person


def test_a_key_is_shown_once_and_works(alice: Person) -> None:
    form = {"name": "Shop", "scopes": ["emails.send", "emails.read"], "expires_in": "90"}
    response = alice.client.post("/w/acme/developers/keys/new/", form)
    text = response.context["created"].text
    assert text in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    key = find_valid_key(text)
    assert key is not None
    assert key.expires_at is not None
    assert key.tenant == alice.tenant
    assert key.scopes == ["emails.read", "emails.send"]
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)
    listed = alice.client.get("/w/acme/developers/").content.decode()
    assert key.key_id in listed
    assert text.removeprefix(f"bf_live_{key.key_id}_") not in listed
    event = AuditEvent.unscoped.get()
    assert event.action == "api_key.created"
    assert text not in str(event.detail)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": ""}, "name"), ({"scopes": []}, "scopes"), ({"scopes": ["root"]}, "scopes"),
     ({"expires_in": "36500"}, "expires_in")],
)  # fmt: skip
def test_bad_input_makes_no_key(alice: Person, change: dict[str, object], field: str) -> None:
    form = {"name": "Shop", "scopes": ["contacts"], "expires_in": "0"} | change
    response = alice.client.post("/w/acme/developers/keys/new/", form)
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not ApiKey.unscoped.exists()


def test_revoking_is_at_once_and_told_once(alice: Person, redis: Redis) -> None:
    form = {"name": "Shop", "scopes": ["contacts"], "expires_in": "0"}
    text = alice.client.post("/w/acme/developers/keys/new/", form).context["created"].text
    url = f"/w/acme/developers/keys/{ApiKey.unscoped.get().key_id}/revoke/"
    for _ in range(2):
        assert alice.client.post(url).status_code == 302
    assert find_valid_key(text) is None
    assert AuditEvent.unscoped.filter(action="api_key.revoked").count() == 1


def test_marketers_have_no_developers_page_and_no_link_to_it(alice: Person, bob: Person) -> None:
    assert bob.client.get("/w/acme/developers/").status_code == 403
    assert "/developers/" not in bob.client.get("/w/acme/settings/").content.decode()
    assert "/developers/" in alice.client.get("/w/acme/settings/").content.decode()
