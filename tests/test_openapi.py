"""The OpenAPI document: every route is in it, and what routes answer is what it says."""

import re
from typing import Any

import pytest
import yaml
from django.test import Client
from jsonschema import Draft202012Validator
from pytest_django import Settings

from tests.conftest import Person
from tests.routes import API, OPEN, Row, named_routes
from tests.test_isolation import address
from tests.world import World, build

pytestmark = pytest.mark.usefixtures("redis")

_ABOUT_ITSELF = {"openapi", "api_docs"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document, with objects closed: an answer that says more than it fails, too."""
    text = Client().get("/api/v1/openapi.yaml").content
    found: dict[str, Any] = yaml.safe_load(text)
    for schema in found["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return found


@pytest.fixture
def world(alice: Person, settings: Settings, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return build(alice.tenant, alice.user, "zanzibar")


def _path(route: str) -> str:
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def test_every_route_and_method_is_in_it(document: dict[str, Any]) -> None:
    views = {
        _path(route): view
        for name, route, view in named_routes()
        if route.startswith("api/v1/") and name not in _ABOUT_ITSELF
    }
    assert set(document["paths"]) == set(views)
    for path, view in views.items():
        methods = {"get", "post", "put", "patch", "delete"}
        has = {method for method in methods if hasattr(view.view_class, method)}
        assert set(document["paths"][path]) == has, path


@pytest.mark.parametrize(
    ("name", "row"), [(name, row) for name, row in API.items() if not row.acts]
)
def test_answers_are_what_it_says(
    name: str, row: Row, world: World, document: dict[str, Any]
) -> None:
    client = Client(headers={"authorization": f"Bearer {world.key.text}"})
    answer = client.get(address(name, row, world), row.query)
    assert answer.status_code == 200
    _check(document, name, "get", 200, answer.json())
    refused = client.get(address(name, row, world), {"limt": "1"})
    _check(document, name, "get", "default", refused.json())


def test_every_operation_has_a_name_words_and_a_summary(document: dict[str, Any]) -> None:
    open_to_all = {_path(route) for name, route, _ in named_routes() if name in OPEN}
    seen: set[str] = set()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            assert operation["description"]
            assert path in open_to_all or operation["summary"]


def _check(document: dict[str, Any], name: str, method: str, status: Any, body: Any) -> None:
    path = next(_path(route) for other, route, _ in named_routes() if other == name)
    said = document["paths"][path][method]["responses"][str(status)]
    schema = said["content"]["application/json"]["schema"]
    whole = {"components": document["components"], "allOf": [schema]}
    problems = [
        f"{'.'.join(map(str, one.absolute_path))}: {one.message}"
        for one in Draft202012Validator(whole).iter_errors(body)
    ]
    assert problems == []
