"""Lists, fields and tags through the REST API."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from lists.models import (
    BulkAction,
    BulkKind,
    Contact,
    ContactField,
    List,
    Segment,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    Tag,
)
from lists.services.tags import set_tags
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person
from tests.lists.test_api import api, api_of, error

__all__ = ["api"]

pytestmark = pytest.mark.usefixtures("redis")

V1 = "/api/v1"


def test_a_list_is_made_read_changed_and_deleted(
    api: APIClient, acme: Tenant, add_contact: Callable[..., Contact], news: List
) -> None:
    made = api.post(f"{V1}/lists", {"name": "Offers", "double_opt_in": False}, format="json")
    assert made.status_code == 201
    told = made.json()
    assert (told["name"], told["is_public"], told["double_opt_in"]) == ("Offers", True, False)
    assert [told[key] for key in ("active", "unconfirmed", "unsubscribed", "sendable")] == [0] * 4
    again = api.post(f"{V1}/lists", {"name": "Offers"}, format="json")
    assert error(again) == (422, "list_name_taken", "name")
    path = f"{V1}/lists/{told['id']}"
    changed = api.patch(path, {"description": "Once a week"}, format="json").json()
    assert (changed["name"], changed["description"], changed["double_opt_in"]) == (
        "Offers", "Once a week", False,
    )  # fmt: skip
    add_contact("ada@example.com")
    counted = api.get(f"{V1}/lists/{news.public_id}").json()
    assert (counted["active"], counted["sendable"], counted["counted_at"]) == (1, 1, None)
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    definition = {"groups": [[{"what": "list", "op": "on", "values": [str(news.public_id)]}]]}
    Segment.unscoped.create(tenant=acme, name="On news", definition=definition)
    used = api.delete(f"{V1}/lists/{news.public_id}")
    assert error(used) == (409, "list_in_use", "")
    assert "Segment On news" in used.json()["error"]["message"]
    acts = AuditEvent.unscoped.filter(action__startswith="list.").order_by("id")
    assert [one.action for one in acts] == ["list.created", "list.changed", "list.deleted"]
    assert all(one.api_key for one in acts)


def test_who_is_on_a_list_is_paged_with_each_place(
    api: APIClient, acme: Tenant, add_contact: Callable[..., Contact], news: List
) -> None:
    for number in range(5):
        add_contact(f"p{number}@x.com")
    add_contact("wait@x.com", status=SubscriptionStatus.UNCONFIRMED)
    add_contact("left@x.com", status=SubscriptionStatus.UNSUBSCRIBED)
    Suppression.unscoped.create(
        tenant=acme, email_norm="p0@x.com", reason=SuppressionReason.COMPLAINT, source=Source.SES
    )
    path = f"{V1}/lists/{news.public_id}/subscriptions"
    seen: list[tuple[str, str]] = []
    asked: dict[str, Any] = {"limit": 3}
    while True:
        page = api.get(path, asked).json()
        seen += [(one["email"][:4], one["state"]) for one in page["data"]]
        if not page["has_more"]:
            break
        asked["cursor"] = page["next_cursor"]
    assert seen == [
        ("left", "unsubscribed"), ("wait", "unconfirmed"), ("p4@x", "active"), ("p3@x", "active"),
        ("p2@x", "active"), ("p1@x", "active"), ("p0@x", "suppressed"),
    ]  # fmt: skip
    (waiting,) = api.get(path, {"state": "unconfirmed"}).json()["data"]
    assert (waiting["email"], waiting["status"]) == ("wait@x.com", "unconfirmed")
    assert error(api.get(path, {"state": "gone"})) == (422, "invalid", "state")
    other = api.get(path, {"state": "active", "cursor": asked["cursor"]})
    assert error(other) == (422, "invalid", "cursor")
    with CaptureQueriesContext(connection) as few:
        api.get(path, {"limit": 1})
    with CaptureQueriesContext(connection) as many:
        api.get(path, {"limit": 6})
    assert len(many) == len(few)


def test_fields_are_renamed_and_deleted_with_their_values(api: APIClient, acme: Tenant) -> None:
    api.post(f"{V1}/fields", {"label": "City"}, format="json")
    Contact.unscoped.create(tenant=acme, email="a@x.com", email_norm="a@x.com", fields={"city": 1})
    path = f"{V1}/fields/city"
    assert api.patch(path, {"label": "Town"}, format="json").json()["label"] == "Town"
    assert api.get(path).json()["key"] == "city"
    assert error(api.patch(path, {"label": "x", "key": "y"}, format="json"))[1] == "unknown_field"
    definition = {"groups": [[{"what": "string:city", "op": "set", "values": []}]]}
    segment = Segment.unscoped.create(tenant=acme, name="S", definition=definition)
    assert error(api.delete(path)) == (409, "in_use", "")
    segment.delete()
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert BulkAction.unscoped.get().kind == BulkKind.CLEAR_FIELD
    acts = AuditEvent.unscoped.filter(action__startswith="field.")
    assert {one.action for one in acts} == {"field.created", "field.renamed", "field.deleted"}
    assert all(one.api_key for one in acts)


def test_tags_are_renamed_and_deleted(api: APIClient, acme: Tenant) -> None:
    tag = Tag.unscoped.create(tenant=acme, name="VIP")
    Tag.unscoped.create(tenant=acme, name="Other")
    contact = Contact.unscoped.create(tenant=acme, email="a@x.com", email_norm="a@x.com")
    set_tags(contact=contact, tags=[tag])
    path = f"{V1}/tags/{tag.public_id}"
    assert error(api.patch(path, {"name": "other"}, format="json"))[1] == "tag_refused"
    assert api.patch(path, {"name": "Guest"}, format="json").json()["name"] == "Guest"
    shown = api.get(f"{V1}/contacts/{contact.public_id}").json()
    assert shown["tags"] == ["Guest"]
    assert api.delete(path).status_code == 204
    assert api.get(f"{V1}/contacts/{contact.public_id}").json()["tags"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": {"a": 1}}, "name"),
        ({"name": "x", "is_public": "perhaps"}, "is_public"),
        ({"name": "x", "description": "x" * 301}, "description"),
        ({"name": "x", "tenant": 1}, "tenant"),
    ],
)
def test_what_is_no_list_is_not_made(api: APIClient, body: dict[str, Any], param: str) -> None:
    answer = api.post(f"{V1}/lists", body, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)
    assert not List.unscoped.exists()


def test_strangers_change_nothing(
    api: APIClient, acme: Tenant, news: List, mallory: Person
) -> None:
    tag = Tag.unscoped.create(tenant=acme, name="VIP")
    ContactField.unscoped.create(tenant=acme, key="city", label="City")
    stranger = api_of(mallory)
    for path, body in (
        (f"lists/{news.public_id}", {"name": "Mine"}),
        (f"tags/{tag.public_id}", {"name": "Mine"}),
        ("fields/city", {"label": "Mine"}),
        (f"lists/{uuid4()}", {"name": "Mine"}),
    ):
        assert stranger.patch(f"{V1}/{path}", body, format="json").status_code == 404
        assert stranger.delete(f"{V1}/{path}").status_code == 404
    assert (List.unscoped.get().name, Tag.unscoped.get().name) == ("News", "VIP")
    assert not Subscription.unscoped.exists()
