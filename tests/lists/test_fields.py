"""Fields of contacts and their kinds."""

from typing import Any

import pytest

from campaigns.models import Campaign
from lists import bulk
from lists.errors import FieldRefused, FieldTaken
from lists.fields import parse, show
from lists.models import BulkAction, BulkKind, Contact, ContactField, FieldKind, List
from lists.selectors.fields import field_names
from lists.services.fields import create_field, ensure_fields
from tenants.models import Tenant
from tests.conftest import Person
from tests.lists.importing import counts, imported, report


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " Oslo ", "Oslo"),
        ("string", "0123", "0123"),
        ("number", "1200", 1200),
        ("number", "-3.50", -3.5),
        ("number", ".5", 0.5),
        ("number", "2.0", 2),
        ("boolean", "YES", True),
        ("boolean", "0", False),
        ("date", "2026-03-31", "2026-03-31"),
        ("date", "31.3.2026", "2026-03-31"),
        ("date", "2026-03-31 23:59:01", "2026-03-31"),
        ("date", "2026-03-31T00:00:00Z", "2026-03-31"),
    ],
)
def test_text_becomes_a_value(kind: str, text: str, value: object) -> None:
    found = parse(kind, text)
    assert (found, type(found)) == (value, type(value))
    assert parse(kind, show(found)) == found


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("string", "x" * 1001),
        ("string", "a\0b"),
        ("number", "1,200"),
        ("number", "1e999"),
        ("number", "nan"),
        ("number", "\u0663"),
        ("number", "9" * 400),
        ("number", "-" + "9" * 17),
        ("boolean", "maybe"),
        ("date", "03/31/2026"),
        ("date", "2026-02-30"),
        ("date", "31.3.26000"),
        ("date", "0000-00-00"),
    ],
)
def test_what_is_no_value_of_its_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(FieldRefused):
        parse(kind, text)


def test_a_key_comes_of_the_name_and_is_taken_once(acme: Tenant, evil: Tenant) -> None:
    assert create_field(tenant=acme, label=" Größe ").key == "grosse"
    for label in ("GRÖSSE", "First name", "email", "☃"):
        with pytest.raises(FieldTaken):
            create_field(tenant=acme, label=label)
    create_field(tenant=evil, label="Größe", kind=FieldKind.NUMBER)
    ensure_fields(
        tenant=acme,
        wanted=[("grosse", "Other", FieldKind.DATE), ("age", "Age", FieldKind.NUMBER)],
    )
    assert field_names(acme) == ["age", "grosse"]
    assert field_names(evil) == ["grosse"]
    assert ContactField.objects.for_tenant(acme).get(key="grosse").kind == FieldKind.STRING


def test_pages_make_and_rename_fields(alice: Person) -> None:
    assert "No field yet" in alice.client.get("/w/acme/contacts/fields/").content.decode()
    made = alice.client.post(
        "/w/acme/contacts/fields/new/", {"label": "Shoe size", "kind": "number"}, follow=True
    )
    page = made.content.decode()
    assert "Shoe size" in page and "contact.shoe_size" in page and "Number" in page
    again = alice.client.post(
        "/w/acme/contacts/fields/new/", {"label": "Shoe size", "kind": "date"}
    )
    assert again.status_code == 422
    assert "There is a field shoe_size already" in again.content.decode()
    alice.client.post("/w/acme/contacts/fields/shoe_size/", {"label": "Size"})
    field = ContactField.unscoped.get()
    assert (field.key, field.label, field.kind) == ("shoe_size", "Size", "number")


def test_another_workspace_sees_no_field(alice: Person, evil: Tenant) -> None:
    create_field(tenant=evil, label="Secret")
    assert "Secret" not in alice.client.get("/w/acme/contacts/fields/").content.decode()
    assert alice.client.get("/w/acme/contacts/fields/secret/").status_code == 404


def test_a_contact_is_edited_by_kind(alice: Person, acme: Tenant) -> None:
    for label, kind in (
        ("Age", "number"),
        ("Member", "boolean"),
        ("Born", "date"),
        ("City", "string"),
    ):
        create_field(tenant=acme, label=label, kind=FieldKind(kind))
    ann = Contact.unscoped.create(tenant=acme, email="ann@x.example", email_norm="ann@x.example")
    url = f"/w/acme/contacts/{ann.public_id}/edit/"
    refused = alice.client.post(url, {"own-age": "old", "own-born": "1.1.1980"})
    assert refused.status_code == 422
    assert "This is not a number" in refused.content.decode()
    alice.client.post(
        url, {"own-age": "9", "own-member": "Yes", "own-born": "1980-01-31", "own-city": "Bonn"}
    )
    ann.refresh_from_db()
    assert ann.fields == {"age": 9, "member": True, "born": "1980-01-31", "city": "Bonn"}
    page = alice.client.get(url).content.decode()
    assert 'value="1980-01-31"' in page
    assert '<option value="Yes" selected>' in page
    alice.client.post(url, {"own-city": "Bonn"})
    ann.refresh_from_db()
    assert ann.fields == {"city": "Bonn"}


def test_an_import_reads_columns_by_kind_and_names_what_does_not_fit(
    alice: Person, acme: Tenant, news: List
) -> None:
    create_field(tenant=acme, label="Age", kind=FieldKind.NUMBER)
    done = imported(
        alice,
        "email,age,joined\nann@x.example,9,31.3.2026\nbob@x.example,nine,2026-01-01\n",
        [news],
        joined="field:joined:date",
    )
    assert counts(done) == {"rows": 2, "created": 1, "invalid": 1}
    assert Contact.unscoped.get().fields == {"age": 9, "joined": "2026-03-31"}
    ((line, column, value, reason),) = report(done)
    assert (line, column, value) == ("3", "age", "nine")
    assert reason.startswith("This is not a number.")
    assert ContactField.objects.for_tenant(acme).get(key="joined").kind == FieldKind.DATE
    assert (
        "Field Age"
        in alice.client.get(f"/w/acme/contacts/imports/{done.public_id}/").content.decode()
    )


def test_a_field_is_deleted_once_its_key_is_typed(alice: Person, add_contact: Any) -> None:
    field = create_field(tenant=alice.tenant, label="City")
    add_contact("ann@x.example", fields={"city": "Rome"})
    Campaign.unscoped.create(tenant=alice.tenant, name="May", html="{{ contact.city }}")
    page = f"/w/acme/contacts/fields/{field.key}/"
    shown = alice.client.get(page).content.decode()
    assert "1 contact has a value" in shown and "The campaign May prints it." in shown
    alice.client.post(f"{page}delete/", {"confirmation": "town"})
    assert ContactField.unscoped.filter(pk=field.pk).exists()
    deleted = alice.client.post(f"{page}delete/", {"confirmation": "city"})
    action = BulkAction.unscoped.get(kind=BulkKind.CLEAR_FIELD)
    assert deleted.headers["Location"].endswith(f"/contacts/acts/{action.public_id}/")
    with pytest.raises(FieldTaken, match="being deleted"):
        create_field(tenant=alice.tenant, label="City")
    bulk.run(action.pk)
    assert Contact.unscoped.get().fields == {}
    create_field(tenant=alice.tenant, label="City")
