"""Contacts as CSV: complete, only what was asked for, harmless in a spreadsheet."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from lists import exporting
from lists.models import Contact, FieldKind, List, SubscriptionStatus
from lists.services.fields import create_field
from lists.services.tags import ensure_tags, set_tags
from tenants.models import AuditEvent
from tests.conftest import Person

AddContact = Callable[..., Contact]


def _rows(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text)))


def test_everything_of_everyone_in_windows_without_gap_or_repeat(
    alice: Person, news: List, add_contact: AddContact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_WINDOW", 2)
    create_field(tenant=alice.tenant, label="City")
    create_field(tenant=alice.tenant, label="Paid")
    create_field(tenant=alice.tenant, label="Owes", kind=FieldKind.NUMBER)
    List.unscoped.create(tenant=alice.tenant, name="Offers")
    fields = {"city": "@SUM(A1)", "paid": True, "owes": -3.5}
    ann = add_contact("ann@x.example", first_name="=1+1", last_name="-1+1", fields=fields)
    set_tags(contact=ann, tags=ensure_tags(tenant=alice.tenant, names=["VIP", "new"]))
    for number in range(4):
        add_contact(f"p{number}@x.example", status=SubscriptionStatus.UNCONFIRMED)
    rows = _rows(alice.client.post("/w/acme/contacts/export/"))
    assert [row["email"] for row in rows] == [
        "ann@x.example", *(f"p{number}@x.example" for number in range(4)),
    ]  # fmt: skip
    first = rows[0]
    assert (first["first_name"], first["city"], first["paid"]) == ("'=1+1", "'@SUM(A1)", "Yes")
    assert (first["last_name"], first["owes"]) == ("'-1+1", "-3.5")
    assert (first["tags"], first["status"]) == ("VIP, new", "active")
    assert (first["list: News"], first["list: Offers"]) == ("active", "")
    assert {row["status"] for row in rows[1:]} == {"unconfirmed"}


def test_only_what_the_filter_names_and_told_in_the_audit_log(
    alice: Person, news: List, add_contact: AddContact
) -> None:
    add_contact("ann@x.example")
    add_contact("bob@x.example")
    query = f"?q=ann&list={news.public_id}"
    rows = _rows(alice.client.post(f"/w/acme/contacts/export/{query}"))
    assert [row["email"] for row in rows] == ["ann@x.example"]
    told = AuditEvent.unscoped.get(action="contacts.exported")
    assert told.detail == {"who": "On News, with “ann” in address or name"}
    assert alice.client.get("/w/acme/contacts/export/").status_code == 405
    assert alice.client.post("/w/acme/contacts/export/?list=x").status_code == 404
