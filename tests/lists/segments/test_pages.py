"""The pages of segments: built, counted, changed, copied, deleted; broken ones are named."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.services.campaigns import create_campaign, save_draft
from lists import bulk
from lists.errors import InUse, ListInUse, SegmentNameTaken, SegmentRefused
from lists.models import BulkKind, Contact, ContactField, ContactTag, List, Segment, Tag
from lists.segments.reading import parse
from lists.selectors.filters import ContactFilter, find_contacts
from lists.selectors.segments import segments_with
from lists.services.bulk import start_bulk
from lists.services.fields import create_field
from lists.services.lists import delete_list
from lists.services.segments import refuse_if_used, save_segment
from lists.services.tags import delete_tag, save_tag
from tenants.models import AuditEvent, Tenant
from tests.campaigns.test_campaigns import DRAFT
from tests.conftest import Person

AddContact = Callable[..., Contact]
SEGMENTS = "/w/acme/segments/"


def controls(*groups: list[tuple[Any, ...]]) -> dict[str, str]:
    """What the builder's form posts."""
    posted: dict[str, str] = {}
    for g, group in enumerate(groups):
        for c, (what, op, *values) in enumerate(group):
            posted |= {f"g{g}c{c}_what": what, f"g{g}c{c}_op": op}
            posted |= {f"g{g}c{c}_v{n}": str(value) for n, value in enumerate(values)}
    return posted


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def city(acme: Tenant) -> ContactField:
    return create_field(tenant=acme, label="City")


@pytest.fixture
def made(acme: Tenant, news: List, city: ContactField, add_contact: AddContact) -> Segment:
    for name in ("ada", "bo"):
        add_contact(f"{name}@example.com", fields={"city": "Oslo"})
    add_contact("cy@example.com", fields={"city": "Rome"})
    conditions = [
        {"what": "list", "op": "on", "values": [str(news.public_id)]},
        {"what": "string:city", "op": "is", "values": ["Oslo"]},
    ]
    return save_segment(tenant=acme, name="Oslo", definition=parse({"groups": [conditions]}))


def test_a_segment_is_built_and_shown_with_count_sample_and_words(
    alice: Person, made: Segment, news: List
) -> None:
    posted = controls(
        [("list", "on", news.public_id), ("string:city", "is", " rome ")],
        [("email", "starts", "ada@")],
    )
    answer = alice.client.post(f"{SEGMENTS}new/", {"name": "Two", **posted})
    two = Segment.unscoped.get(name="Two")
    assert answer.headers["Location"] == f"{SEGMENTS}{two.public_id}/"
    page = text(alice.client.get(answer.headers["Location"]))
    assert "On News and city is rome; or address starts with ada@." in page
    assert '<strong class="num">2</strong> contacts' in page
    assert "ada@example.com" in page and "cy@example.com" in page and "bo@" not in page
    assert AuditEvent.unscoped.get(action="segment.created", actor=alice.user).target == "Two"
    listed = text(alice.client.get(SEGMENTS))
    assert "Oslo" in listed and "On News and city is Oslo." in listed
    assert text(alice.client.get(f"{SEGMENTS}{two.public_id}/count/")) == "2"


@pytest.mark.parametrize(
    ("op", "day", "found"),
    [("after", "9999-12-31", 0), ("before", "9999-12-31", 3), ("after", "0001-01-01", 3)],
)
def test_the_ends_of_the_calendar_can_be_asked_for(
    alice: Person, made: Segment, op: str, day: str, found: int
) -> None:
    answer = alice.client.post(f"{SEGMENTS}preview/", controls([("added", op, day)]))
    assert f'<strong class="num">{found}</strong> contacts' in text(answer)


def test_conditions_are_added_and_removed_without_javascript(
    alice: Person, made: Segment, news: List
) -> None:
    first = ("string:city", "is", "Oslo")
    for change, rows in [
        ("add:0", ["g0c0", "g0c1"]),
        ("or", ["g0c0", "g1c0"]),
        ("count", ["g0c0"]),
        ("remove:0:0", []),
        ("nonsense", ["g0c0"]),
    ]:
        answer = alice.client.post(
            f"{SEGMENTS}new/", {"name": "Kept", "change": change, **controls([first])}
        )
        assert answer.status_code == 200
        page = text(answer)
        found = [row for row in ("g0c0", "g0c1", "g1c0", "g1c1") if f'name="{row}_what"' in page]
        assert found == rows, change
        assert 'value="Kept"' in page
    assert "Count" in page and '<strong class="num">2</strong> contacts' in page
    assert Segment.unscoped.count() == 1


def test_operators_follow_the_subject(alice: Person, made: Segment) -> None:
    posted = {"change": "count", **controls([("opened", "is", "Oslo")])}
    page = text(alice.client.post(f"{SEGMENTS}new/", posted))
    assert '<option value="within" selected>' in page
    assert 'aria-label="Group 1, condition 1: days"' in page


def test_what_is_wrong_stands_beside_its_condition(alice: Person, made: Segment) -> None:
    posted = controls([("string:city", "is", "Oslo"), ("opened", "within", "soon")])
    answer = alice.client.post(f"{SEGMENTS}new/", {"name": "", **posted})
    assert answer.status_code == 422
    page = text(answer)
    assert 'id="g0c1_error"' in page and 'id="g0c0_error"' not in page
    assert 'value="soon"' in page
    assert "This field is required" in page
    assert Segment.unscoped.count() == 1


def test_the_count_is_live_and_says_what_is_missing(alice: Person, made: Segment) -> None:
    url = f"{SEGMENTS}preview/"
    assert "2</strong> contacts" in text(
        alice.client.post(url, controls([("string:city", "is", "oslo")]))
    )
    missing = text(alice.client.post(url, controls([("string:city", "is", "")])))
    assert "Group 1, condition 1: Write what to compare with." in missing
    assert "add a condition" in text(alice.client.post(url, {}))


def test_editing_starts_from_what_is_saved(alice: Person, made: Segment, news: List) -> None:
    url = f"{SEGMENTS}{made.public_id}/edit/"
    page = text(alice.client.get(url))
    assert f'<option value="{news.public_id}" selected>News</option>' in page
    assert 'value="Oslo" aria-label="Group 1, condition 2: text"' in page
    alice.client.post(url, {"name": "Rome", **controls([("string:city", "is", "Rome")])})
    made.refresh_from_db()
    assert made.name == "Rome"
    assert made.definition["groups"][0][0]["values"] == ["Rome"]


def test_a_name_is_taken_within_its_workspace_only(
    acme: Tenant, evil: Tenant, made: Segment
) -> None:
    anybody = parse({"groups": [[{"what": "email", "op": "contains", "values": ["@"]}]]})
    with pytest.raises(SegmentNameTaken):
        save_segment(tenant=acme, name="OSLO", definition=anybody)
    save_segment(tenant=evil, name="Oslo", definition=anybody)


def test_a_segment_of_another_tenants_list_is_refused(
    evil: Tenant, made: Segment, news: List
) -> None:
    with pytest.raises(SegmentRefused, match="Its list was deleted"):
        save_segment(tenant=evil, name="Theirs", definition=parse(made.definition))


def test_a_copy_is_another_segment(alice: Person, made: Segment) -> None:
    for _ in range(2):
        alice.client.post(f"{SEGMENTS}{made.public_id}/duplicate/")
    copies = Segment.unscoped.exclude(pk=made.pk)
    assert {one.name for one in copies} == {"Copy of Oslo", "Copy 2 of Oslo"}
    assert [one.definition for one in copies] == [made.definition] * 2


def test_what_a_draft_uses_is_not_deleted(alice: Person, acme: Tenant, made: Segment) -> None:
    draft = create_campaign(tenant=acme, actor=alice.user, name="Spring")
    save_draft(campaign=draft, lists=[], excluded_segments=[made], **DRAFT)
    page = f"{SEGMENTS}{made.public_id}/"
    answer = alice.client.post(f"{page}delete/", follow=True)
    assert "used by Campaign Spring" in text(answer)
    assert "Campaign Spring" in text(alice.client.get(page))
    assert "Campaign Spring" in text(alice.client.get(SEGMENTS))
    save_draft(campaign=draft, lists=[], **DRAFT)
    alice.client.post(f"{page}delete/")
    assert not Segment.unscoped.exists()
    assert AuditEvent.unscoped.filter(action="segment.deleted", target="Oslo").exists()


def test_what_a_segment_names_is_not_deleted(
    alice: Person, acme: Tenant, made: Segment, news: List, city: ContactField
) -> None:
    vip = save_tag(tenant=acme, name="VIP")
    condition = {"what": "tag", "op": "has", "values": [str(vip.public_id)]}
    save_segment(tenant=acme, name="Guests", definition=parse({"groups": [[condition]]}))
    with pytest.raises(InUse, match="VIP is used by Segment Guests"):
        delete_tag(tag=vip)
    assert Tag.unscoped.exists()
    assert segments_with(city) == segments_with(news) == [made]
    with pytest.raises(InUse, match="Segment Oslo"):
        refuse_if_used(city)
    with pytest.raises(ListInUse, match="Segment Oslo"):
        delete_list(list_=news, actor=alice.user)
    delete_list(list_=List.unscoped.create(tenant=acme, name="Another"), actor=alice.user)


def test_a_broken_segment_matches_nobody_and_is_named(
    alice: Person, made: Segment, news: List
) -> None:
    news.delete()
    page = text(alice.client.get(f"{SEGMENTS}{made.public_id}/"))
    assert "It matches nobody" in page
    assert "Group 1, condition 1: Its list was deleted." in page
    assert "Broken" in text(alice.client.get(SEGMENTS))
    assert text(alice.client.get(f"{SEGMENTS}{made.public_id}/count/")) == "0"
    edit = text(alice.client.get(f"{SEGMENTS}{made.public_id}/edit/"))
    assert ">Deleted</option>" in edit


def test_a_segment_is_seen_exported_and_acted_on_whole(
    alice: Person, acme: Tenant, add_contact: AddContact
) -> None:
    for name in ("ann", "bob"):
        add_contact(f"{name}@x.example", first_name=name)
    vip = save_tag(tenant=acme, name="VIP")
    conditions = [
        {"what": "first_name", "op": "starts", "values": ["an"]},
        {"what": "tag", "op": "has_not", "values": [str(vip.public_id)]},
    ]
    made = save_segment(tenant=acme, name="Anns", definition=parse({"groups": [conditions]}))
    query = f"?segment={made.public_id}"
    page = alice.client.get(f"/w/acme/contacts/{query}").content.decode()
    assert "ann@x.example" in page and "bob@x.example" not in page
    exported = b"".join(alice.client.post(f"/w/acme/contacts/export/{query}"))
    assert exported.count(b"@x.example") == 1
    wanted = ContactFilter.read(acme, {"segment": str(made.public_id)})
    assert wanted.words() == "In the segment Anns"
    # Who is in it changes by the act itself: everyone who was in it when it began gets the tag.
    action = start_bulk(tenant=acme, kind=BulkKind.ADD_TAG, wanted=wanted, actor=None, target=vip)
    bulk.run(action.pk)
    assert [one.contact.email for one in ContactTag.unscoped.filter(tag=vip)] == ["ann@x.example"]
    assert not find_contacts(tenant=acme, wanted=wanted).exists()
    # What it asks for is gone: nobody, rather than somebody else.
    ContactTag.unscoped.all().delete()
    Tag.unscoped.all().delete()
    assert not find_contacts(tenant=acme, wanted=wanted).exists()
    Segment.unscoped.all().delete()
    assert alice.client.get(f"/w/acme/contacts/{query}").status_code == 404
