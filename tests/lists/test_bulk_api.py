"""Thousands of contacts in one request: POST /contacts/bulk and what can be asked afterwards."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from lists.models import (
    Contact,
    ContactField,
    ContactTag,
    FieldKind,
    Import,
    ImportStatus,
    List,
    Source,
    Subscription,
    Suppression,
    SuppressionReason,
    Tag,
)
from lists.records import MOST_RECORDS
from lists.segments.reading import parse
from lists.selectors.audience import count_sendable
from lists.selectors.segments import count
from lists.services import record_imports
from lists.services.preferences import unsubscribe
from tenants.models import AuditEvent, Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person
from tests.lists.importing import run, undone

pytestmark = pytest.mark.usefixtures("redis", "own_files")

BULK = "/api/v1/contacts/bulk"


@pytest.fixture
def own_files(settings: Settings, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def api(alice: Person) -> APIClient:
    made = create_key(tenant=alice.tenant, actor=alice.user, name="Shop", scopes=[Scope.CONTACTS])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


@pytest.fixture
def fields(acme: Tenant) -> None:
    for kind in FieldKind:
        ContactField.unscoped.create(tenant=acme, key=kind.value, label=kind.label, kind=kind)


def send(api: APIClient, contacts: Any, **body: Any) -> Any:
    return api.post(BULK, {"contacts": contacts} | body, format="json")


def into(*lists: List) -> dict[str, Any]:
    return {"lists": [str(one.public_id) for one in lists], "consent_wording": "News, please"}


def taken(api: APIClient, contacts: Any, **body: Any) -> dict[str, Any]:
    """The bulk request as it is told of when a worker has ended it."""
    answer = send(api, contacts, **body)
    assert answer.status_code == 202, answer.content
    run(Import.unscoped.get(public_id=answer.json()["id"]))
    told: dict[str, Any] = api.get(f"{BULK}/{answer.json()['id']}").json()
    return told


def errors(api: APIClient, told: dict[str, Any], **asked: Any) -> Any:
    return api.get(f"{BULK}/{told['id']}/errors", asked).json()


def error(answer: Any) -> tuple[int, str, str]:
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["param"]


def test_contacts_come_in_with_their_fields_places_and_tags(
    api: APIClient, acme: Tenant, news: List, fields: None
) -> None:
    values = {"string": 'a\r\n"b",c', "number": 2.5, "boolean": False, "date": "2026-03-31"}
    people = [
        {"email": "Ada@example.com", "first_name": "Ada", "last_name": "L", "fields": values},
        {"email": "bea@example.com", "fields": {"number": -3, "boolean": True}},
        {"email": "cyd@example.com"},
    ]
    answer = send(api, people, tags=["VIP", "vip"], **into(news))
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["contacts"]) == ("queued", 3)
    import_ = run(Import.unscoped.get(public_id=answer.json()["id"]))
    told = api.get(f"{BULK}/{import_.public_id}").json()
    assert (told["status"], told["created"], told["done"], told["failure"]) == ("done", 3, 3, "")
    ada, bea, _ = Contact.unscoped.order_by("email_norm")
    assert (ada.email, ada.first_name, ada.last_name, ada.fields) == (
        "Ada@example.com", "Ada", "L", values,
    )  # fmt: skip
    assert bea.fields == {"number": -3, "boolean": True}
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 3
    place = Subscription.unscoped.filter(contact=ada).get()
    assert (place.source, place.imported) == (Source.API, import_)
    assert import_.consent_wording == "News, please"
    assert [one.name for one in Tag.unscoped.all()] == ["VIP"]
    assert ContactTag.unscoped.count() == 3
    attested = parse({"groups": [[{"what": "consent", "op": "attested", "values": []}]]})
    assert count(acme, attested) == 3
    event = AuditEvent.unscoped.filter(action="import.started").get()
    assert (str(event.api_key)[:4], event.detail["contacts"]) == ("Shop", 3)
    assert not import_.file.storage.exists(import_.file.name)


def test_the_same_again_changes_nothing_and_policies_hold(api: APIClient, fields: None) -> None:
    ada = [{"email": "ada@example.com", "first_name": "Ada", "fields": {"string": "x"}}]
    assert taken(api, ada)["created"] == 1
    assert taken(api, ada)["unchanged"] == 1
    other = [{"email": "ADA@example.com", "first_name": "Eve", "last_name": "L", "fields": {}}]
    assert taken(api, other, policy="keep")["unchanged"] == 1
    assert taken(api, other, policy="fill")["updated"] == 1
    assert str(Contact.unscoped.values_list("first_name", "last_name").get()) == "('Ada', 'L')"
    assert taken(api, [{"email": "ada@example.com", "first_name": ""}])["unchanged"] == 1
    assert taken(api, other)["updated"] == 1
    assert Contact.unscoped.get().first_name == "Eve"


def test_nobody_is_revived(
    api: APIClient, acme: Tenant, news: List, add_contact: Callable[..., Contact]
) -> None:
    left, gone, _ = (add_contact(f"{name}@x.com") for name in "abc")
    unsubscribe(contact=left, lists=[news], source=Source.ONE_CLICK)
    unsubscribe(contact=gone, lists=None, source=Source.ONE_CLICK)
    Suppression.unscoped.create(
        tenant=acme, email_norm="c@x.com", reason=SuppressionReason.COMPLAINT, source=Source.SES
    )
    other = List.unscoped.create(tenant=acme, name="Other")
    told = taken(api, [{"email": f"{name}@x.com"} for name in "abc"], **into(news, other))
    assert (told["unsubscribed"], told["suppressed"], told["created"]) == (2, 1, 0)
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0
    # Who left one list may be put on another; who left everything, or complained, may not.
    assert count_sendable(tenant=acme, list_ids=[other.pk]) == 1
    found = [(one["index"], one["code"]) for one in errors(api, told)["data"]]
    assert found == [(0, "unsubscribed"), (1, "unsubscribed"), (2, "suppressed")]


def test_each_record_that_is_not_kept_is_named_by_its_index(api: APIClient, fields: None) -> None:
    people = [
        {"email": "ada@example.com"},
        {"email": "nobody"},
        {"email": "ADA@Example.com", "first_name": "Again"},
        {"email": "bea@example.com", "first_name": "x" * 121},
        {"email": "cyd@example.com", "fields": {"number": 1e300}},
        {"email": "dee@example.com", "fields": {"date": "soon"}},
        {"email": ""},
        {"email": "eve@example.com", "fields": {"string": "a\u0007"}},
        {"email": "info@example.com"},
        {"email": "=2+3@example.com", "fields": {"number": "12", "boolean": "yes"}},
    ]
    told = taken(api, people)
    assert (told["created"], told["duplicates"], told["invalid"], told["role"]) == (3, 1, 6, 1)
    page = errors(api, told)
    assert [(one["index"], one["code"], one["param"]) for one in page["data"]] == [
        (1, "invalid", "email"), (2, "duplicate", ""), (3, "invalid", "first_name"),
        (4, "invalid", "fields.number"), (5, "invalid", "fields.date"), (6, "invalid", "email"),
        (7, "invalid", "fields.string"), (8, "role", ""),
    ]  # fmt: skip
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    assert page["data"][1]["message"] == "Left out: record 0 has the same address."
    odd = Contact.unscoped.get(email_norm="=2+3@example.com")
    assert odd.fields == {"number": 12, "boolean": True}


def test_the_errors_are_paged(api: APIClient) -> None:
    told = taken(api, [{"email": "x"}] * 250)
    seen: list[int] = []
    asked: dict[str, Any] = {"limit": 100}
    while True:
        page = errors(api, told, **asked)
        seen += [one["index"] for one in page["data"]]
        if not page["has_more"]:
            break
        asked["cursor"] = page["next_cursor"]
    assert seen == list(range(250))
    other = taken(api, [{"email": "x"}])
    answer = api.get(f"{BULK}/{other['id']}/errors", asked)
    assert error(answer) == (422, "invalid", "cursor")
    listed = api.get("/api/v1/contacts", {"cursor": asked["cursor"]})
    assert error(listed) == (422, "invalid", "cursor")


def test_ten_thousand_cost_no_more_questions_than_one(api: APIClient) -> None:
    people = [{"email": f"p{n}@example.com", "first_name": "P"} for n in range(MOST_RECORDS)]
    send(api, people[:1])  # notes that the key is used
    with CaptureQueriesContext(connection) as one:
        send(api, people[:1])
    with CaptureQueriesContext(connection) as many:
        answer = send(api, people)
    assert len(many) == len(one)
    run(Import.unscoped.get(public_id=answer.json()["id"]))
    assert Contact.unscoped.count() == MOST_RECORDS
    assert error(send(api, [*people, people[0]])) == (422, "max_length", "contacts")


def test_it_can_be_undone_like_every_import(api: APIClient, alice: Person, news: List) -> None:
    told = taken(api, [{"email": "ada@example.com"}], **into(news))
    page = alice.client.get(reverse("lists:imports", args=["acme"]))
    assert b"API key Shop" in page.content
    undone(Import.unscoped.get(public_id=told["id"]), alice.user)
    assert api.get(f"{BULK}/{told['id']}").json()["status"] == "undone"
    assert not Contact.unscoped.exists()


BOMB: Any = []
for _ in range(50):
    BOMB = [BOMB]


@pytest.mark.parametrize(
    ("contacts", "code", "param"),
    [
        (None, "null", "contacts"),
        ([], "empty", "contacts"),
        ("ada@example.com", "not_a_list", "contacts"),
        ({"email": "ada@example.com"}, "not_a_list", "contacts"),
        (["ada@example.com"], "invalid_record", "contacts.0"),
        ([BOMB], "invalid_record", "contacts.0"),
        ([{}], "invalid_record", "contacts.0.email"),
        ([{"email": "a@x.com"}, {"emial": "b@x.com"}], "invalid_record", "contacts.1.emial"),
        ([{"email": "a@x.com", "id": str(uuid4())}], "invalid_record", "contacts.0.id"),
        ([{"email": "a@x.com", "status": "active"}], "invalid_record", "contacts.0.status"),
        ([{"email": None}], "invalid_record", "contacts.0.email"),
        ([{"email": 1}], "invalid_record", "contacts.0.email"),
        ([{"email": ["a@x.com"]}], "invalid_record", "contacts.0.email"),
        ([{"email": "a@x.com", "first_name": True}], "invalid_record", "contacts.0.first_name"),
        ([{"email": "x" * 3_000}], "invalid_record", "contacts.0.email"),
        ([{"email": "a@x.com", "fields": []}], "invalid_record", "contacts.0.fields"),
        ([{"email": "a@x.com", "fields": {"a": 1}}], "invalid_record", "contacts.0.fields.a"),
        (
            [{"email": "a@x.com", "fields": {"x" * 5_000: 1}}],
            "invalid_record",
            f"contacts.0.fields.{'x' * 60}",
        ),
        (
            [{"email": "a@x.com", "fields": {"string": "x" * 3_000}}],
            "invalid_record",
            "contacts.0.fields.string",
        ),
        (
            [{"email": "a@x.com", "fields": {"string": None}}],
            "invalid_record",
            "contacts.0.fields.string",
        ),
        (
            [{"email": "a@x.com", "fields": {"string": 7}}],
            "invalid_record",
            "contacts.0.fields.string",
        ),
        (
            [{"email": "a@x.com", "fields": {"boolean": 1}}],
            "invalid_record",
            "contacts.0.fields.boolean",
        ),
        (
            [{"email": "a@x.com", "fields": {"number": BOMB}}],
            "invalid_record",
            "contacts.0.fields.number",
        ),
    ],
)
def test_a_wrong_shape_stops_them_all(
    api: APIClient, fields: None, contacts: Any, code: str, param: str
) -> None:
    assert error(send(api, contacts, tags=["never"])) == (422, code, param)
    assert not Import.unscoped.exists()
    assert not Tag.unscoped.exists()


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"contact": []}, "unknown_field", "contact"),
        ({"lists": [str(uuid4())], "consent_wording": "Yes"}, "invalid", "lists.0"),
        ({"lists": ["1"], "consent_wording": "Yes"}, "invalid", "lists.0"),
        ({"tags": ["a,b"]}, "invalid", "tags"),
        ({"tags": ["t"] * 51}, "max_length", "tags"),
        ({"policy": "delete"}, "invalid_choice", "policy"),
        ({"consent_wording": "x" * 501}, "max_length", "consent_wording"),
    ],
)
def test_what_is_beside_the_contacts_is_looked_at_too(
    api: APIClient, body: dict[str, Any], code: str, param: str
) -> None:
    assert error(send(api, [{"email": "a@x.com"}], **body)) == (422, code, param)
    assert not Import.unscoped.exists()


def test_lists_need_the_words_of_consent_and_are_the_tenants_own(
    api: APIClient, news: List, evil: Tenant
) -> None:
    people = [{"email": "a@x.com"}]
    lists = into(news)["lists"]
    assert error(send(api, people, lists=lists)) == (422, "required", "consent_wording")
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    assert error(send(api, people, **into(news, theirs))) == (422, "invalid", "lists.1")
    assert not Import.unscoped.exists()


def test_bytes_that_are_no_json_of_ours_are_refused(api: APIClient) -> None:
    def post(body: bytes) -> tuple[int, str, str]:
        return error(api.post(BULK, body, content_type="application/json"))

    assert post(b'{"contacts": [{"email": "a\\u0000@x.com"}]}')[:2] == (400, "malformed_json")
    assert post(b'{"contacts": ' + b"[" * 100_000)[:2] == (400, "malformed_json")
    assert post(b'{"contacts": [{"email": NaN}]}')[:2] == (400, "malformed_json")
    large = orjson.dumps({"contacts": [{"email": "x" * 1_500}] * 7_500})
    assert post(large)[:2] == (413, "body_too_large")


def test_so_many_may_wait_and_no_more(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_imports, "MOST_WAITING", 2)
    people = [{"email": "a@x.com"}]
    assert [send(api, people).status_code for _ in range(3)] == [202, 202, 429]
    refused = send(api, people)
    assert error(refused)[1] == "rate_limited"
    assert refused["Retry-After"] == "10"
    Import.unscoped.update(status=ImportStatus.DONE)
    assert send(api, people).status_code == 202


def test_files_of_the_dashboard_are_no_bulk_requests(api: APIClient, acme: Tenant) -> None:
    import_ = Import.unscoped.create(tenant=acme, filename="people.csv")
    assert api.get(f"{BULK}/{import_.public_id}").status_code == 404
    assert api.get(f"{BULK}/{import_.public_id}/errors").status_code == 404
