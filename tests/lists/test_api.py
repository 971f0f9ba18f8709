"""Contacts through the REST API."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.pagination import Cursor
from rest_framework.test import APIClient

from lists.models import (
    ConsentRecord,
    Contact,
    ContactField,
    FieldKind,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    Tag,
)
from lists.selectors.audience import count_sendable
from lists.services.preferences import unsubscribe
from tenants.api.paging import CursorPagination
from tenants.models import Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

CONTACTS = "/api/v1/contacts"


def api_of(person: Person) -> APIClient:
    made = create_key(
        tenant=person.tenant,
        actor=person.user,
        name="Test",
        scopes=[Scope.CONTACTS],
        expires_at=None,
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


@pytest.fixture
def api(alice: Person) -> APIClient:
    return api_of(alice)


@pytest.fixture
def fields(acme: Tenant) -> None:
    for kind in FieldKind:
        ContactField.unscoped.create(tenant=acme, key=kind.value, label=kind.label, kind=kind)


def save(api: APIClient, **body: Any) -> Any:
    return api.post(CONTACTS, {"email": "ada@example.com"} | body, format="json")


def error(answer: Any) -> tuple[int, str, str]:
    assert set(answer.json()) == {"error"}
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["param"]


def subscribing(*lists: List) -> dict[str, Any]:
    return {"lists": [str(one.public_id) for one in lists], "consent_wording": "News, please"}


def test_the_same_address_is_one_contact_and_blanks_overwrite_nothing(
    api: APIClient, fields: None
) -> None:
    first = save(
        api,
        first_name="Ada",
        fields={"string": "x", "number": 2.5, "boolean": False, "date": "2026-03-31"},
        tags=["VIP", "new"],
    )
    again = save(api, email="ADA@example.com", first_name="", last_name="L", tags=["vip", "b2b"])
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json() | {"updated_at": None} == {
        "id": first.json()["id"],
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "L",
        "fields": {"string": "x", "number": 2.5, "boolean": False, "date": "2026-03-31"},
        "tags": ["VIP", "b2b", "new"],
        "status": "none",
        "subscriptions": [],
        "created_at": first.json()["created_at"],
        "updated_at": None,
    }


def test_a_subscription_keeps_its_wording_and_counts(
    api: APIClient, acme: Tenant, news: List
) -> None:
    answer = save(api, subscribe=subscribing(news)).json()
    (place,) = answer["subscriptions"]
    assert (place["list"], place["status"]) == (str(news.public_id), "active")
    assert answer["status"] == "active"
    record = ConsentRecord.unscoped.get()
    assert (record.act, record.source, record.wording) == ("attested", "api", "News, please")
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 1


def test_nobody_who_left_or_is_suppressed_is_brought_back(
    api: APIClient, acme: Tenant, news: List
) -> None:
    other = List.unscoped.create(tenant=acme, name="Other")
    ids = [save(api, email=f"{n}@x.com", subscribe=subscribing(news)).json()["id"] for n in "abc"]
    left, gone, bounced = (Contact.unscoped.get(public_id=one) for one in ids)
    unsubscribe(contact=left, lists=[news], source=Source.ONE_CLICK)
    unsubscribe(contact=gone, lists=None, source=Source.ONE_CLICK)
    Suppression.unscoped.create(
        tenant=acme,
        email_norm=bounced.email_norm,
        reason=SuppressionReason.HARD_BOUNCE,
        source=Source.SES,
    )
    for contact in (left, gone, bounced):
        save(api, email=contact.email, subscribe=subscribing(news))
        path = f"{CONTACTS}/{contact.public_id}/subscriptions"
        assert api.post(path, subscribing(news), format="json").status_code == 200
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0
    answer = api.post(
        f"{CONTACTS}/{gone.public_id}/subscriptions", subscribing(other), format="json"
    )
    assert {place["status"] for place in answer.json()["subscriptions"]} == {"unsubscribed"}
    assert api.get(f"{CONTACTS}/{bounced.public_id}").json()["status"] == "suppressed"


def test_unsubscribing_from_a_list_and_from_everything(
    api: APIClient, acme: Tenant, news: List
) -> None:
    other = List.unscoped.create(tenant=acme, name="Other")
    made = save(api, subscribe=subscribing(news, other)).json()
    path = f"{CONTACTS}/{made['id']}/unsubscribe"
    answer = api.post(path, {"lists": [str(news.public_id)]}, format="json").json()
    by_list = {place["list"]: place["status"] for place in answer["subscriptions"]}
    assert by_list == {str(news.public_id): "unsubscribed", str(other.public_id): "active"}
    assert api.post(path, {}, format="json").json()["status"] == "unsubscribed"
    assert not Subscription.unscoped.exclude(status=SubscriptionStatus.UNSUBSCRIBED).exists()


def test_a_patch_leaves_what_it_does_not_name(api: APIClient, fields: None) -> None:
    made = save(api, first_name="Ada", fields={"string": "x", "number": 1}, tags=["a", "b"]).json()
    path = f"{CONTACTS}/{made['id']}"
    answer = api.patch(
        path, {"last_name": "L", "fields": {"string": None, "boolean": True}}, format="json"
    ).json()
    assert (answer["first_name"], answer["last_name"]) == ("Ada", "L")
    assert answer["fields"] == {"number": 1, "boolean": True}
    assert answer["tags"] == ["a", "b"]
    assert api.patch(path, {"tags": ["c"]}, format="json").json()["tags"] == ["c"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"emial": "a@x.com"}, "unknown_field", "emial"),
        ({"email": "a@x.com\u0000"}, "malformed_json", ""),
        ({"first_name": "x" * 121}, "max_length", "first_name"),
        ({"fields": {"city": "Oslo"}}, "invalid", "fields.city"),
        ({"fields": {"number": "many"}}, "invalid_field", "fields.number"),
        ({"fields": {"number": True}}, "invalid_field", "fields.number"),
        ({"fields": {"number": 1e300}}, "invalid_field", "fields.number"),
        ({"fields": {"boolean": 1}}, "invalid_field", "fields.boolean"),
        ({"fields": {"date": 20260331}}, "invalid_field", "fields.date"),
        ({"fields": {"string": {"a": 1}}}, "invalid_field", "fields.string"),
        ({"fields": {"string": None}}, "invalid_field", "fields.string"),
        ({"fields": ["string"]}, "not_a_dict", "fields"),
        ({"tags": ["x" * 61]}, "max_length", "tags.0"),
        ({"tags": [" "]}, "blank", "tags.0"),
        ({"tags": ["t"] * 51}, "max_length", "tags"),
        ({"subscribe": {"lists": []}}, "required", "subscribe.consent_wording"),
        (
            {"subscribe": {"lists": [str(uuid4())], "consent_wording": "Yes"}},
            "invalid",
            "subscribe.lists.0",
        ),
    ],
)
def test_what_cannot_be_saved_changes_nothing(
    api: APIClient, fields: None, body: dict[str, Any], code: str, param: str
) -> None:
    status, *found = error(
        save(api, tags=["never"], **body) if "tags" not in body else save(api, **body)
    )
    assert found == [code, param]
    assert status == (400 if code == "malformed_json" else 422)
    assert not Contact.unscoped.exists()
    assert not Tag.unscoped.exists()


def test_another_workspaces_list_does_not_exist_here(
    api: APIClient, mallory: Person, evil: Tenant
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    assert error(save(api, subscribe=subscribing(theirs))) == (422, "invalid", "subscribe.lists.0")
    assert error(api.get(CONTACTS, {"list": str(theirs.public_id)})) == (422, "invalid", "list")
    assert not Contact.unscoped.exists()


def test_paging_reaches_everybody_once(api: APIClient, acme: Tenant) -> None:
    for n in range(7):
        save(api, email=f"{n}@x.com")
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 3}
    while True:
        page = api.get(CONTACTS, asked).json()
        seen += [one["email"] for one in page["data"]]
        # What is deleted or made meanwhile moves nobody.
        Contact.unscoped.filter(email=seen[-1]).delete()
        save(api, email=f"late{len(seen)}@x.com")
        if not page["has_more"]:
            break
        asked["cursor"] = page["next_cursor"]
    assert seen == [f"{n}@x.com" for n in reversed(range(7))]
    assert error(api.get(CONTACTS, {"cursor": "abc"})) == (422, "invalid", "cursor")
    of_another_list = CursorPagination().encode_cursor(Cursor(0, False, None))
    assert error(api.get(CONTACTS, {"cursor": of_another_list})) == (422, "invalid", "cursor")


def test_contacts_are_found_by_address_list_and_tag(
    api: APIClient, acme: Tenant, news: List
) -> None:
    save(api, tags=["VIP"], subscribe=subscribing(news))
    save(api, email="bob@example.com")
    for asked in ({"email": "ADA@example.com"}, {"list": str(news.public_id)}, {"tag": "vip"}):
        found = api.get(CONTACTS, asked).json()["data"]
        assert [one["email"] for one in found] == ["ada@example.com"], asked
    assert api.get(CONTACTS, {"tag": "none"}).json()["data"] == []
    assert error(api.get(CONTACTS, {"email": "x"}))[2] == "email"
    assert error(api.get(CONTACTS, {"list": "x"}))[2] == "list"


def test_fields_and_tags_are_made_once(api: APIClient) -> None:
    made = api.post("/api/v1/fields", {"label": "Shoe size", "kind": "number"}, format="json")
    assert (made.status_code, made.json()["key"]) == (201, "shoe_size")
    again = api.post("/api/v1/fields", {"label": "Shoe size"}, format="json")
    assert error(again) == (422, "field_taken", "label")
    assert [one["key"] for one in api.get("/api/v1/fields").json()["data"]] == ["shoe_size"]
    assert api.post("/api/v1/tags", {"name": "VIP"}, format="json").status_code == 201
    assert error(api.post("/api/v1/tags", {"name": "vip"}, format="json"))[1] == "tag_refused"
    assert [one["name"] for one in api.get("/api/v1/tags").json()["data"]] == ["VIP"]
