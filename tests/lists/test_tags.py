"""Tags and who has them."""

import pytest

from lists.errors import TagRefused
from lists.models import Contact, ContactTag, Tag
from lists.services.tags import delete_tag, ensure_tags, save_tag, set_tags
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person


@pytest.fixture
def contact(acme: Tenant) -> Contact:
    made: Contact = Contact.unscoped.create(tenant=acme, email="a@x.com", email_norm="a@x.com")
    return made


@pytest.mark.parametrize("name", ["", " \t", "x" * 61, "a\0b"])
def test_what_is_no_name_is_refused(acme: Tenant, name: str) -> None:
    with pytest.raises(TagRefused):
        save_tag(tenant=acme, name=name)


def test_a_name_is_taken_in_any_case_within_its_workspace(acme: Tenant, evil: Tenant) -> None:
    save_tag(tenant=acme, name="  VIP   guest ")
    with pytest.raises(TagRefused, match="vip guest already"):
        save_tag(tenant=acme, name="vip guest")
    save_tag(tenant=evil, name="VIP guest")


def test_ensured_tags_are_made_once(acme: Tenant, evil: Tenant) -> None:
    save_tag(tenant=evil, name="New")
    vip = save_tag(tenant=acme, name="VIP")
    tags = ensure_tags(tenant=acme, names=["vip", "New", "new"])
    assert {tag.name for tag in tags} == {"VIP", "New"}
    assert vip in tags
    assert {tag.tenant for tag in tags} == {acme}


def test_a_contact_has_exactly_the_tags_that_were_set(acme: Tenant, contact: Contact) -> None:
    one, two, three = ensure_tags(tenant=acme, names=["one", "two", "three"])
    set_tags(contact=contact, tags=[one, two])
    set_tags(contact=contact, tags=[two, three])
    found = ContactTag.unscoped.filter(contact=contact).values_list("tag", flat=True)
    assert set(found) == {two.pk, three.pk}


def test_a_deleted_tag_goes_from_everybody_and_is_told(
    alice: Person, acme: Tenant, contact: Contact
) -> None:
    vip, other = ensure_tags(tenant=acme, names=["vip", "other"])
    set_tags(contact=contact, tags=[vip, other])
    assert delete_tag(tag=vip, actor=alice.user) == 1
    assert [one.tag for one in ContactTag.unscoped.all()] == [other]
    assert set(Tag.unscoped.all()) == {other}
    told = AuditEvent.unscoped.get(action="tag.deleted")
    assert (told.target, told.detail) == ("vip", {"contacts": 1})
