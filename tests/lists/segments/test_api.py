"""Segments through the REST API."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from lists.models import Contact, ContactField, FieldKind, List, Segment, Tag
from lists.selectors import walking
from lists.services import segments as services
from lists.services.tags import set_tags
from tenants.models import AuditEvent, Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

SEGMENTS = "/api/v1/segments"


@pytest.fixture
def api(alice: Person) -> APIClient:
    made = create_key(tenant=alice.tenant, actor=alice.user, name="Shop", scopes=[Scope.CONTACTS])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


@pytest.fixture
def city(acme: Tenant) -> ContactField:
    made: ContactField = ContactField.unscoped.create(
        tenant=acme, key="city", label="City", kind=FieldKind.STRING
    )
    return made


def condition(what: str, op: str, *values: Any) -> dict[str, Any]:
    return {"what": what, "op": op, "values": list(values)}


def groups(*found: list[Any]) -> dict[str, Any]:
    return {"groups": list(found)}


OSLO = groups([condition("string:city", "is", "Oslo")])


def make(api: APIClient, definition: Any = OSLO, name: Any = "Oslo") -> Any:
    return api.post(SEGMENTS, {"name": name, "definition": definition}, format="json")


def error(answer: Any) -> tuple[int, str, str]:
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["param"]


def test_a_segment_is_made_read_changed_and_deleted(
    api: APIClient, acme: Tenant, news: List, city: ContactField
) -> None:
    made = make(api)
    assert made.status_code == 201
    told = made.json()
    assert told["definition"] == OSLO
    assert (told["words"], told["broken"]) == ("City is Oslo.", [])
    path = f"{SEGMENTS}/{told['id']}"
    assert api.get(path).json() == told
    on_news = groups([condition("list", "on", str(news.public_id))], OSLO["groups"][0])
    changed = api.patch(path, {"definition": on_news}, format="json").json()
    assert (changed["name"], changed["words"]) == ("Oslo", "On News; or city is Oslo.")
    renamed = api.patch(path, {"name": "North"}, format="json").json()
    assert (renamed["name"], renamed["definition"]) == ("North", on_news)
    assert error(make(api, name="north")) == (422, "segment_name_taken", "name")
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    acts = AuditEvent.unscoped.filter(action__startswith="segment.").order_by("id")
    assert [(one.action, str(one.api_key)[:4]) for one in acts] == [
        ("segment.created", "Shop"), ("segment.changed", "Shop"), ("segment.changed", "Shop"),
        ("segment.deleted", "Shop"),
    ]  # fmt: skip


def test_a_segment_tells_how_many_and_who(
    api: APIClient, acme: Tenant, add_contact: Callable[..., Contact], city: ContactField
) -> None:
    vip = Tag.unscoped.create(tenant=acme, name="VIP")
    for number in range(7):
        contact = add_contact(f"p{number}@x.com", fields={"city": "Oslo"})
        set_tags(contact=contact, tags=[vip])
    add_contact("far@x.com", fields={"city": "Rome"})
    path = f"{SEGMENTS}/{make(api).json()['id']}"
    assert api.get(f"{path}/count").json() == {"count": 7}
    shown = api.post(f"{SEGMENTS}/preview", {"definition": OSLO}, format="json").json()
    assert (shown["count"], shown["words"], len(shown["sample"])) == (7, "City is Oslo.", 7)
    assert Segment.unscoped.count() == 1
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 3}
    while True:
        page = api.get(f"{path}/contacts", asked).json()
        assert all(one["tags"] == ["VIP"] and one["status"] == "active" for one in page["data"])
        seen += [one["email"] for one in page["data"]]
        if not page["has_more"]:
            break
        asked["cursor"] = page["next_cursor"]
    assert seen == [f"p{number}@x.com" for number in reversed(range(7))]
    with CaptureQueriesContext(connection) as few:
        api.get(f"{path}/contacts", {"limit": 1})
    with CaptureQueriesContext(connection) as many:
        api.get(f"{path}/contacts", {"limit": 6})
    assert len(many) == len(few)
    other = f"{SEGMENTS}/{make(api, name='Other').json()['id']}/contacts"
    assert error(api.get(other, {"cursor": asked["cursor"]})) == (422, "invalid", "cursor")


def test_a_page_that_has_looked_far_enough_goes_on_at_the_next(
    api: APIClient,
    add_contact: Callable[..., Contact],
    city: ContactField,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walking, "_MOST_LOOKED_AT", 1)
    monkeypatch.setattr(walking, "_FIRST", 1)
    for number in range(4):
        add_contact(f"p{number}@x.com", fields={"city": "Oslo"})
    path = f"{SEGMENTS}/{make(api).json()['id']}/contacts"
    seen: list[str] = []
    asked: dict[str, Any] = {}
    pages = 0
    while True:
        page = api.get(path, asked).json()
        seen += [one["email"] for one in page["data"]]
        pages += 1
        if not page["has_more"]:
            break
        asked = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen)) == 4
    assert pages > 1


def test_all_segments_cost_as_many_questions_as_one(
    api: APIClient, acme: Tenant, city: ContactField, news: List
) -> None:
    on_news = groups([condition("list", "on", str(news.public_id))])
    make(api, on_news, "0")
    with CaptureQueriesContext(connection) as one:
        api.get(SEGMENTS)
    for number in range(1, 6):
        make(api, on_news, str(number))
    with CaptureQueriesContext(connection) as all_:
        listed = api.get(SEGMENTS).json()
    assert [segment["name"] for segment in listed["data"]] == list("543210")
    assert len(all_) == len(one)


def test_what_was_deleted_since_is_told_by_its_path(
    api: APIClient, acme: Tenant, city: ContactField
) -> None:
    made = make(api, groups([condition("email", "contains", "@"), OSLO["groups"][0][0]])).json()
    ContactField.unscoped.all().delete()
    told = api.get(f"{SEGMENTS}/{made['id']}").json()
    assert told["broken"] == [
        {"param": "definition.groups.0.1", "message": "The field city was deleted."}
    ]
    assert api.get(f"{SEGMENTS}/{made['id']}/count").json() == {"count": 0}
    again = api.patch(f"{SEGMENTS}/{made['id']}", {"name": "New"}, format="json")
    assert error(again) == (422, "invalid_segment", "definition.groups.0.1")


BOMB: Any = []
for _ in range(50):
    BOMB = [BOMB]


@pytest.mark.parametrize(
    ("definition", "code", "param"),
    [
        (None, "null", "definition"),
        ([], "invalid_segment", "definition"),
        (BOMB, "invalid_segment", "definition"),
        ("groups", "invalid_segment", "definition"),
        ({"groups": []}, "invalid_segment", "definition"),
        ({"groups": [[]], "or": 1}, "invalid_segment", "definition"),
        ({"groups": {"0": []}}, "invalid_segment", "definition"),
        (groups([]), "invalid_segment", "definition.groups.0"),
        (groups(BOMB), "invalid_segment", "definition.groups.0.0"),
        (groups(OSLO["groups"][0], "x"), "invalid_segment", "definition.groups.1"),  # type: ignore[arg-type]
        (groups([{"what": "email"}]), "invalid_segment", "definition.groups.0.0"),
        (groups([{"what": "email", "op": "is", "values": ["a"], "sql": "1"}]), "invalid_segment",
         "definition.groups.0.0"),
        (groups([condition("email", "is", 1)]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("email", "is", "x" * 201)]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("email", "drop", "x")]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("tenant_id", "is", "1")]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("added", "last", -1)]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("added", "last", True)]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("added", "last", BOMB)]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("list", "on", "x")]), "invalid_segment", "definition.groups.0.0"),
        (groups([condition("email", "is", "a"), condition("string:none", "is", "a")]),
         "invalid_segment", "definition.groups.0.1"),
        (groups([condition("list", "on", str(uuid4()))]), "invalid_segment",
         "definition.groups.0.0"),
        (groups(*[[condition("email", "is", "a")]] * 11), "invalid_segment", "definition"),
        (groups([condition("email", "is", "a")] * 21), "invalid_segment", "definition.groups.0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(
    api: APIClient, city: ContactField, definition: Any, code: str, param: str
) -> None:
    assert error(make(api, definition)) == (422, code, param)
    assert not Segment.unscoped.exists()


def test_days_may_be_written_as_text_and_are_kept_as_numbers(api: APIClient) -> None:
    made = make(api, groups([condition("added", "last", "30")])).json()
    assert made["definition"] == groups([condition("added", "last", 30)])


@pytest.mark.parametrize(
    ("name", "code"), [("", "blank"), (" ", "blank"), ("x" * 121, "max_length"), (["x"], "invalid")]
)
def test_a_name_is_a_short_text(api: APIClient, city: ContactField, name: Any, code: str) -> None:
    assert error(make(api, name=name)) == (422, code, "name")
    answer = api.post(SEGMENTS, {"name": "x", "definition": OSLO, "tenant": 1}, format="json")
    assert error(answer) == (422, "unknown_field", "tenant")
    nul = api.post(SEGMENTS, {"name": "a\0b", "definition": OSLO}, format="json")
    assert error(nul)[:2] == (400, "malformed_json")


def test_another_tenants_things_are_nobodys(
    api: APIClient, acme: Tenant, evil: Tenant, mallory: Person
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    of_theirs = groups([condition("list", "on", str(theirs.public_id))])
    assert error(make(api, of_theirs)) == (422, "invalid_segment", "definition.groups.0.0")
    Contact.unscoped.create(tenant=evil, email="e@evil.example", email_norm="e@evil.example")
    shown = api.post(f"{SEGMENTS}/preview", {"definition": of_theirs}, format="json").json()
    assert (shown["count"], len(shown["broken"])) == (0, 1)
    everyone = groups([condition("email", "contains", "@")])
    shown = api.post(f"{SEGMENTS}/preview", {"definition": everyone}, format="json").json()
    assert shown["count"] == 0


def test_so_many_segments_and_no_more(
    api: APIClient, city: ContactField, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_SEGMENTS", 1)
    make(api)
    assert error(make(api, name="Second")) == (422, "invalid_segment", "definition")
