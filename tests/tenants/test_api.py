"""What every endpoint shares: keys, scopes, one error shape, paging, strict bodies, limits."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from tenants.api import throttling
from tenants.models import ApiKey, Scope, Tenant
from tenants.services.api_keys import create_key, revoke_key
from tenants.valkey import valkey
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture(autouse=True)
def routes(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.tenants.api_routes"


@pytest.fixture
def key(alice: Person) -> Any:
    return create_key(
        tenant=alice.tenant,
        actor=alice.user,
        name="Shop",
        scopes=[Scope.CONTACTS, Scope.EMAILS_READ],
    )


@pytest.fixture
def api(key: Any) -> Client:
    client = Client(headers={"authorization": f"Bearer {key.text}"})
    client.raise_request_exception = False
    return client


def post(client: Client, body: Any, path: str = "/api/v1/test/echo") -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, data, content_type="application/json")


def error_of(response: Any, status: int) -> dict[str, str]:
    assert response.status_code == status, response.content
    assert list(response.json()) == ["error"]
    error: dict[str, str] = response.json()["error"]
    assert set(error) == {"type", "code", "message", "param", "request_id"}
    assert error["request_id"] == response["X-Request-Id"] != ""
    return error


def test_the_key_is_stored_as_a_hash_and_its_use_is_noted(key: Any, api: Client) -> None:
    assert key.text not in str(ApiKey.unscoped.values_list().get())
    assert post(api, {"name": "x"}).json() == {"name": "x"}
    key.row.refresh_from_db()
    used = key.row.last_used_at
    assert timezone.now() - used < timedelta(seconds=10)
    post(api, {"name": "x"})
    key.row.refresh_from_db()
    assert key.row.last_used_at == used  # not a write a request


@pytest.mark.parametrize(
    "header",
    ["", "Basic YTpi", "Bearer", "Bearer sk_live_x", "Bearer bf_live_aaaaaaaaaaaa_x", "Bearer é"],
)
def test_without_a_key_of_ours_it_is_401(db: None, header: str) -> None:
    client = Client(headers={"authorization": header} if header else {})
    response = post(client, {})
    assert error_of(response, 401)["type"] == "authentication"
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_key_with_another_secret_revoked_or_expired_is_401(key: Any, alice: Person) -> None:
    def answer(text: str) -> Any:
        return post(Client(headers={"authorization": f"Bearer {text}"}), {"name": "x"})

    assert answer(key.text).status_code == 200
    error_of(answer(key.text[:-1] + ("a" if key.text[-1] != "a" else "b")), 401)
    ApiKey.unscoped.update(expires_at=timezone.now())
    error_of(answer(key.text), 401)
    ApiKey.unscoped.update(expires_at=None)
    assert answer(key.text).status_code == 200
    revoke_key(key=key.row, actor=alice.user)
    error_of(answer(key.text), 401)


def test_a_missing_scope_is_named(key: Any, api: Client) -> None:
    ApiKey.unscoped.update(scopes=[Scope.EMAILS_READ])
    error = error_of(post(api, {"name": "x"}), 403)
    assert error["code"] == "missing_scope"
    assert "scope contacts" in error["message"]


def test_a_view_that_names_no_scope_is_closed(api: Client) -> None:
    assert error_of(api.get("/api/v1/test/no-scope"), 500)["type"] == "server"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "name", "required"),
        ({"name": "x", "nmae": 1}, "nmae", "unknown_field"),
        ({"name": "much too long"}, "name", "max_length"),
        ({"name": "x", "lines": [{"email": "a@b.example"}, {"email": "no"}]}, "lines.1.email",
         "invalid"),
        ({"name": "x", "lines": [{"email": "a@b.example", "mail": ""}]}, "lines.0.mail",
         "unknown_field"),
        ([1], "", "invalid"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_body_is_422_and_says_where(
    api: Client, body: Any, param: str, code: str
) -> None:
    error = error_of(post(api, body), 422)
    assert (error["type"], error["param"], error["code"]) == ("validation", param, code)


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"name": NaN}', b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[" * 100_000,
     b'{"values": {"a": ["\\u0000"]}}', b"[" * 61 + b"]" * 61,
     b'{"values": {"a": ' + b"[" * 1_000 + b'"\\u0000"' + b"]" * 1_000 + b"}}"],
)  # fmt: skip
def test_what_is_not_json_is_400(api: Client, body: bytes) -> None:
    assert error_of(post(api, body), 400)["code"] == "malformed_json"


def test_a_backslash_before_u0000_is_no_nul(api: Client) -> None:
    assert post(api, rb'{"name": "\\u0000"}').json() == {"name": "\\u0000"}


def test_other_refusals_have_the_same_shape(api: Client, settings: Settings) -> None:
    assert error_of(api.get("/api/v1/test/raises/missing"), 404)["code"] == "not_found"
    assert error_of(api.get("/api/v1/nothing"), 404)["type"] == "not_found"
    assert error_of(api.get("/api/v1/test/raises/refused"), 422)["param"] == "list"
    assert error_of(api.get("/api/v1/test/raises/conflict"), 409)["type"] == "conflict"
    response = api.get("/api/v1/test/echo")
    assert error_of(response, 405)["code"] == "method_not_allowed"
    assert "POST" in response["Allow"]
    response = api.post("/api/v1/test/echo", {"name": "x"})
    assert error_of(response, 415)["code"] == "unsupported_media_type"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    assert error_of(post(api, {"name": "x" * 20}), 413)["code"] == "body_too_large"


def test_a_method_that_is_not_there_is_405_and_head_is_a_get(api: Client) -> None:
    for path in ("/api/v1/test/rows", "/api/v1/test/echo"):
        for method in (api.put, api.delete, api.patch, api.options):
            assert error_of(method(path), 405)["code"] == "method_not_allowed"
    assert api.head("/api/v1/test/rows").status_code == 200
    assert Client().options("/api/v1/test/rows").status_code == 405


def test_a_defect_is_500_and_tells_nothing_of_itself(api: Client) -> None:
    error = error_of(api.get("/api/v1/test/raises/defect"), 500)
    assert "ann" not in json.dumps(error)


def test_pages_cover_every_row_once(api: Client, alice: Person, acme: Tenant) -> None:
    for number in range(6):
        create_key(tenant=acme, actor=alice.user, name=str(number), scopes=[])
    rows = ApiKey.unscoped.filter(name__in="0123").update(created_at=timezone.now())
    assert rows == 4  # created in one moment: the page ends in the middle of them
    seen, cursor = [], ""
    while True:
        page = api.get("/api/v1/test/rows", {"limit": 2} | ({"cursor": cursor} if cursor else {}))
        body = page.json()
        assert list(body) == ["data", "has_more", "next_cursor"]
        seen += [row["name"] for row in body["data"]]
        assert body["has_more"] == (body["next_cursor"] is not None)
        cursor = body["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == ["0", "1", "2", "3", "4", "5", "Shop"]


@pytest.mark.parametrize("limit", ["101", "0", "-1", "x", "", "1e2", "٣", "9" * 5000])
def test_a_limit_is_refused_and_not_cut_down(api: Client, limit: str) -> None:
    assert error_of(api.get("/api/v1/test/rows", {"limit": limit}), 422)["param"] == "limit"


@pytest.mark.parametrize("cursor", ["", "x", "é", "cD1ub3RhZGF0ZQ==", "WzAsZmFsc2UsIngiXQ:x:y"])
def test_a_cursor_of_somebody_else_is_refused(api: Client, cursor: str) -> None:
    assert error_of(api.get("/api/v1/test/rows", {"cursor": cursor}), 422)["param"] == "cursor"


def test_a_key_gets_so_many_requests_and_is_told(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "_LIMIT", 2)
    first = post(api, {"name": "x"})
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    assert [first[name] for name in names] == ["2", "1", "5"]
    post(api, {"name": "x"})
    refused = post(api, {"name": "x"})
    assert error_of(refused, 429)["type"] == "rate_limit"
    assert refused["Retry-After"] == "5"
    assert refused["RateLimit-Remaining"] == "0"


def test_without_valkey_known_callers_are_served(
    api: Client, settings: Settings, redis: Redis
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    valkey.cache_clear()
    try:
        assert post(api, {"name": "x"}).status_code == 200
    finally:
        valkey.cache_clear()


def test_openapi_is_valid_and_says_the_error_shape(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = "bluefox.urls"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
    response = client.get("/api/v1/openapi.yaml")
    text = response.content.decode()
    assert text.startswith("openapi: 3.1")
    assert "ErrorAnswer" in text
    assert "bf_live_" in text
