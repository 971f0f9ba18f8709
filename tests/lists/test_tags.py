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


def test_tags_are_made_renamed_given_and_deleted_on_their_pages(
    alice: Person, contact: Contact
) -> None:
    pages = "/w/acme/contacts/tags/"
    assert "No tag yet" in alice.client.get(pages).content.decode()
    assert alice.client.post(f"{pages}new/", {"name": "VIP"}).status_code == 302
    taken = alice.client.post(f"{pages}new/", {"name": "vip"})
    assert taken.status_code == 422 and "There is a tag vip already" in taken.content.decode()
    own = f"/w/acme/contacts/{contact.public_id}/tags/"
    assert alice.client.post(own, {"tags": "vip, New one,, "}).status_code == 302
    assert {tag.name for tag in Tag.unscoped.filter(tagged__contact=contact)} == {"VIP", "New one"}
    long = alice.client.post(own, {"tags": "x" * 61})
    assert long.status_code == 422 and "at most 60" in long.content.decode()
    vip = Tag.unscoped.get(name="VIP")
    page = f"{pages}{vip.public_id}/"
    assert "1 contact has it" in alice.client.get(page).content.decode()
    assert alice.client.post(page, {"name": "Best"}).status_code == 302
    listed = alice.client.get(f"/w/acme/contacts/?tag={vip.public_id}").content.decode()
    assert contact.email in listed and "Best" in listed
    told = alice.client.post(f"{page}delete/", follow=True).content.decode()
    assert "Best is deleted; 1 had it" in told
    assert alice.client.get(f"/w/acme/contacts/?tag={vip.public_id}").status_code == 404
    assert [one.tag.name for one in ContactTag.unscoped.all()] == ["New one"]


def test_a_set_of_tags_may_be_empty(acme: Tenant, contact: Contact) -> None:
    set_tags(contact=contact, tags=ensure_tags(tenant=acme, names=["one"]))
    set_tags(contact=contact, tags=ensure_tags(tenant=acme, names=[]))
    assert not ContactTag.unscoped.exists()
