"""The examples of docs/guides/api.md, each run as it stands, with ids for its variables."""

import re
import shlex
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve
from pytest_django import Settings

from sending.models import SenderIdentity
from tests.conftest import Person
from tests.routes import API, named_routes
from tests.world import World, build

pytestmark = pytest.mark.usefixtures("redis")

GUIDE = (settings.BASE_DIR / "docs" / "guides" / "api.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```shell\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^curl .*?(?<!\\)\n(?=curl |\Z)", re.DOTALL | re.MULTILINE)
EXAMPLES = [found[0] for fence in _FENCE.findall(GUIDE) for found in _COMMAND.finditer(fence)]
# Resources that have an example; one a resource is enough.
_RESOURCES = {"emails", "contacts", "lists", "fields", "tags", "segments", "forms", "suppressions",
              "campaigns", "events", "account", "domains"}  # fmt: skip


@pytest.fixture
def world(alice: Person, settings: Settings, tmp_path: Any, monkeypatch: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    made = build(alice.tenant, alice.user, "zanzibar")
    SenderIdentity.unscoped.create(
        tenant=alice.tenant, ses_account=made.account, name="example.com", verified=True
    )
    return made


def _asked(example: str, world: World) -> dict[str, Any]:
    """What Django's test client needs to know of a curl command."""
    ids: dict[str, Any] = {
        "LIST": world.list, "BULK": world.recorded, "SEGMENT": world.segment, "FORM": world.form,
        "CAMPAIGN": world.sent, "DOMAIN": world.identity,
    }  # fmt: skip
    for name, thing in ids.items():
        example = example.replace(f"'${name}'", str(thing.public_id))
        example = example.replace(f"${name}", str(thing.public_id))
    example = example.replace("$AUTH", f"Authorization: Bearer {world.key.text}")
    example = example.replace("$JSON", "Content-Type: application/json")
    example = example.replace("$BLUEFOX", "/api/v1")
    words = shlex.split(example.replace("\\\n", " "))
    asked: dict[str, Any] = {"method": "POST" if " -d " in example else "GET", "headers": {}}
    asked["data"] = ""
    words = words[1:]
    while words:
        match words.pop(0):
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                asked["headers"][name] = value
            case "-d":
                asked["data"] = words.pop(0)
            case "-X":
                asked["method"] = words.pop(0)
            case path:
                asked["path"] = path
    return asked


@pytest.mark.parametrize("example", EXAMPLES, ids=[one[5:60].strip() for one in EXAMPLES])
def test_an_example_does_what_it_says(example: str, world: World) -> None:
    asked = _asked(example, world)
    url = urlsplit(asked["path"])
    name = resolve(url.path).url_name or ""
    assert name in API
    answer = Client().generic(
        asked["method"],
        asked["path"],
        asked["data"],
        content_type="application/json",
        headers=asked["headers"],
    )
    if name == "domains" or API[name].calls_aws:
        assert answer.status_code == 422  # AWS cannot be reached from here
        assert answer.json()["error"]["code"] == "aws"
    else:
        assert answer.status_code < 300, answer.content


def test_every_resource_has_an_example() -> None:
    named = {re.search(r"\$BLUEFOX/(\w+)", one)[1] for one in EXAMPLES}  # type: ignore[index]
    assert named == _RESOURCES
    roots = {re.sub(r"/.*", "", _path(name)) for name in API}
    assert roots <= _RESOURCES


def _path(name: str) -> str:
    route = next(route for other, route, _ in named_routes() if other == name)
    return route.removeprefix("api/v1/")
