"""Finding contacts: search, state, list, pages; the word for a state and its filter agree."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from lists import searching
from lists.models import (
    Contact,
    ContactTag,
    List,
    SearchBlock,
    SearchChange,
    Source,
    Subscription,
    SubscriptionStatus,
    SuppressionReason,
    Tag,
)
from lists.segments.reading import parse
from lists.selectors import walking
from lists.selectors.contacts import page_of_contacts
from lists.selectors.filters import STATES, ContactFilter, find_contacts
from lists.selectors.walking import page_of
from lists.services.contacts import edit_contact
from lists.services.segments import save_segment
from lists.services.suppression import Suppress, suppress
from lists.services.tags import save_tag
from tenants.models import Tenant
from tests.conftest import Person

AddContact = Callable[..., Contact]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ANN@", {"ann@example.com"}),
        ("xample", {"ann@example.com", "bob@example.com"}),
        ("lee", {"ann@example.com"}),
        ("ann lee", {"ann@example.com"}),
        ("ann bob", set()),
        ("100%", set()),
        ("a_n", set()),
        ("'; DROP", set()),
    ],
)
def test_search_by_part_of_address_or_name(
    acme: Tenant, evil: Tenant, add_contact: AddContact, search: str, found: set[str]
) -> None:
    add_contact("ann@example.com", first_name="Ann", last_name="O'Lee")
    add_contact("bob@example.com", first_name="Bob")
    Contact.unscoped.create(tenant=evil, email="ann@x.example", email_norm="ann@x.example")
    rows = find_contacts(tenant=acme, wanted=ContactFilter(search=search))
    assert {row.email for row in rows} == found


def test_each_state_has_its_word_and_its_filter_finds_exactly_those(
    acme: Tenant, news: List, add_contact: AddContact
) -> None:
    later, earlier = (timezone.now() + timedelta(days=days) for days in (1, -1))
    Status = SubscriptionStatus
    add_contact("active@x.example")
    add_contact("was-paused@x.example", paused_until=earlier)
    add_contact("unconfirmed@x.example", status=Status.UNCONFIRMED)
    add_contact("paused@x.example", paused_until=later)
    list_paused = add_contact("list-paused@x.example")
    Subscription.unscoped.filter(contact=list_paused).update(paused_until=later)
    add_contact("left@x.example", status=Status.UNSUBSCRIBED)
    add_contact("gone@x.example", unsubscribed_at=timezone.now(), paused_until=later)
    add_contact("bounced@x.example", unsubscribed_at=timezone.now())
    suppress(
        tenant=acme,
        addresses=[Suppress("bounced@x.example", SuppressionReason.HARD_BOUNCE, Source.SES)],
    )
    Contact.unscoped.create(tenant=acme, email="none@x.example", email_norm="none@x.example")
    expected = {
        "active": {"active", "was-paused"},
        "unconfirmed": {"unconfirmed"},
        "paused": {"paused", "list-paused"},
        "unsubscribed": {"left", "gone"},
        "suppressed": {"bounced"},
        "none": {"none"},
    }
    everyone = page_of_contacts(tenant=acme, wanted=ContactFilter()).rows
    for state in STATES:
        rows = find_contacts(tenant=acme, wanted=ContactFilter(status=state))
        assert {row.email.partition("@")[0] for row in rows} == expected[state], state
        named = [row.email.partition("@")[0] for row in everyone if row.state == state]  # type: ignore[attr-defined]
        assert set(named) == expected[state], state


def test_a_list_narrows_to_its_members_and_their_place_on_it(
    acme: Tenant, news: List, add_contact: AddContact
) -> None:
    ann = add_contact("ann@x.example", status=SubscriptionStatus.UNSUBSCRIBED)
    add_contact("bob@x.example")
    offers = List.unscoped.create(tenant=acme, name="Offers")
    Subscription.unscoped.create(
        tenant=acme,
        contact=ann,
        list=offers,
        status=SubscriptionStatus.ACTIVE,
        source=Source.MEMBER,
    )

    def found(list_: List | None, status: str) -> list[str]:
        wanted = ContactFilter(list=list_, status=status)
        return [row.email for row in page_of_contacts(tenant=acme, wanted=wanted).rows]

    assert found(news, "unsubscribed") == ["ann@x.example"]
    assert found(offers, "active") == ["ann@x.example"]
    assert found(offers, "unsubscribed") == []
    assert found(None, "active") == ["bob@x.example", "ann@x.example"]


def test_pages_go_forth_and_back_without_gap_or_repeat(
    acme: Tenant, add_contact: AddContact
) -> None:
    Contact.unscoped.bulk_create(
        Contact(tenant=acme, email=f"p{i}@x.example", email_norm=f"p{i}@x.example")
        for i in range(120)
    )
    seen, after = [], ""
    while True:
        page = page_of_contacts(tenant=acme, wanted=ContactFilter(), after=after)
        seen.append([row.email for row in page.rows])
        if not page.next:
            break
        after = page.next
    assert [len(rows) for rows in seen] == [50, 50, 20]
    assert [email for rows in seen for email in rows] == [
        f"p{i}@x.example" for i in reversed(range(120))
    ]
    back = page_of_contacts(tenant=acme, wanted=ContactFilter(), before=page.previous)
    assert [row.email for row in back.rows] == seen[1]
    first = page_of_contacts(tenant=acme, wanted=ContactFilter(), before=back.previous)
    assert [row.email for row in first.rows] == seen[0] and not first.previous
    odd = page_of_contacts(tenant=acme, wanted=ContactFilter(), after="'--")
    assert [row.email for row in odd.rows] == seen[0]
    beyond = page_of_contacts(tenant=acme, wanted=ContactFilter(), before="9" * 40)
    assert beyond.rows == []


@pytest.fixture
def many(acme: Tenant, news: List) -> list[Contact]:
    """In all kinds of state, of which every eighth is Ann."""
    later, now = timezone.now() + timedelta(days=1), timezone.now()
    made = Contact.unscoped.bulk_create(
        Contact(
            tenant=acme, email=f"p{i}@x.example", email_norm=f"p{i}@x.example",
            first_name="Ann" if i % 8 == 0 else "Bob", last_name=f"Lee{i % 5}",
            unsubscribed_at=None if i % 11 else now, paused_until=None if i % 13 else later,
        )
        for i in range(130)
    )  # fmt: skip
    Subscription.unscoped.bulk_create(
        Subscription(
            tenant=acme, contact=contact, list=news, source=Source.MEMBER,
            status=list(SubscriptionStatus)[i % 3], paused_until=later if i % 17 == 0 else None,
        )
        for i, contact in enumerate(made) if i % 7
    )  # fmt: skip
    vip = save_tag(tenant=acme, name="VIP")
    ContactTag.unscoped.bulk_create(
        ContactTag(tenant=acme, contact=contact, tag=vip) for contact in made[::3]
    )
    suppress(
        tenant=acme,
        addresses=[
            Suppress(contact.email_norm, SuppressionReason.MANUAL, Source.MEMBER)
            for contact in made[::19]
        ],
    )
    return made


def _walked(acme: Tenant, wanted: ContactFilter) -> list[int]:
    """Everyone on all pages, one after the other."""
    found, after = [], ""
    while True:
        page = page_of(tenant=acme, wanted=wanted, after=after)
        found += [row.pk for row in page.rows]
        if not page.next:
            return found
        after = page.next


@pytest.mark.parametrize(
    ("few", "most", "fresh"), [(0, 7, True), (0, 20_000, False), (5_000, 7, False), (30, 99, True)]
)
def test_pages_hold_exactly_what_the_filter_finds_in_every_combination(
    many: list[Contact], monkeypatch: pytest.MonkeyPatch, few: int, most: int, fresh: bool
) -> None:
    """Whatever index leads, whether texts are written or not, and where pages stop early."""
    acme, news = many[0].tenant, List.unscoped.get()
    monkeypatch.setattr(walking, "_FEW", few)
    monkeypatch.setattr(walking, "_MOST_LOOKED_AT", most)
    if fresh:
        assert searching.refresh(seconds=60)
    vip = Tag.unscoped.get()
    only = tuple(one.public_id for one in many[::9])
    assert _walked(acme, ContactFilter(only=only)) == [one.pk for one in many[::9]][::-1]
    conditions = [{"what": "email", "op": "contains", "values": ["9"]}]
    nines = save_segment(tenant=acme, name="Nines", definition=parse({"groups": [conditions]}))
    narrowed = ((None, None), (news, None), (None, vip), (news, vip))
    for search, (list_, tag), status, segment in product(
        ("", "bob lee3"), narrowed, ("", *STATES), (None, nines)
    ):
        wanted = ContactFilter(search, list_, status, tag, segment=segment)
        expected = find_contacts(tenant=acme, wanted=wanted).order_by("-id")
        assert _walked(acme, wanted) == list(expected.values_list("pk", flat=True)), wanted


def test_a_page_that_ended_early_leads_on_and_back(
    acme: Tenant, many: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "_MOST_LOOKED_AT", 100)
    monkeypatch.setattr(walking, "_WINDOW", 40)
    monkeypatch.setattr(walking, "_WINDOW_COST", 50)
    wanted = ContactFilter(status="none", search="")
    everyone = _walked(acme, wanted)
    first = page_of_contacts(tenant=acme, wanted=wanted)
    assert first.stopped and first.next and 0 < len(first.rows) < len(everyone)
    second = page_of_contacts(tenant=acme, wanted=wanted, after=first.next)
    back = page_of_contacts(tenant=acme, wanted=wanted, before=second.previous)
    assert {row.pk for row in back.rows} <= {row.pk for row in first.rows}
    # From the last page backwards nobody is missed either.
    seen: list[int] = []
    before = str(everyone[-1] - 1)
    while before:
        page = page_of_contacts(tenant=acme, wanted=wanted, before=before)
        seen = [row.pk for row in page.rows] + seen
        before = page.previous
    assert seen == everyone


def test_windows_of_those_on_no_list_pass_over_the_places_of_others(
    acme: Tenant, evil: Tenant, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts of two workspaces in turn, some on two lists, some left."""
    monkeypatch.setattr(walking, "_WINDOW", 7)
    monkeypatch.setattr(walking, "_WINDOW_COST", 7)
    made = Contact.unscoped.bulk_create(
        Contact(tenant=(acme, evil)[i % 2], email=f"p{i}@x.example", email_norm=f"p{i}@x.example")
        for i in range(80)
    )
    offers = List.unscoped.create(tenant=acme, name="Offers")
    other = List.unscoped.create(tenant=evil, name="Other")

    def place(contact: Contact, list_: List, i: int) -> Subscription:
        status = list(SubscriptionStatus)[i % 3]
        return Subscription(
            tenant=contact.tenant, contact=contact, list=list_, source=Source.MEMBER, status=status
        )

    ours, theirs = made[::2], made[1::2]
    placed = {i for i in range(40) if i % 3 and i % 7}
    Subscription.unscoped.bulk_create(
        [place(ours[i], offers, i) for i in placed]
        + [place(ours[i], news, i + 1) for i in placed if i % 2]
        + [place(one, other, i) for i, one in enumerate(theirs)]
    )
    wanted = ContactFilter(status="none")
    expected = [one.pk for i, one in enumerate(ours) if i not in placed]
    assert _walked(acme, wanted) == expected[::-1]
    back = page_of(tenant=acme, wanted=wanted, before=str(expected[0]))
    assert [row.pk for row in back.rows] == expected[1:][::-1]
    assert _walked(evil, wanted) == []


@pytest.mark.parametrize(
    ("word", "found"),
    [("ö", True), ("ÖÉ", True), ("zöéø", True), ("éö", False), ("ȩ", False), ("ann zö", True)],
)
def test_words_of_letters_of_several_bytes_are_found_in_the_text(
    acme: Tenant, add_contact: AddContact, word: str, found: bool
) -> None:
    add_contact("ann@x.example", first_name="Zöéø")
    searching.refresh(seconds=60)
    page = page_of_contacts(tenant=acme, wanted=ContactFilter(search=word))
    assert bool(page.rows) is found


def test_search_never_misses_what_has_just_changed(acme: Tenant, add_contact: AddContact) -> None:
    def found(search: str) -> list[str]:
        wanted = ContactFilter(search=search)
        return [row.email for row in page_of_contacts(tenant=acme, wanted=wanted).rows]

    ann = add_contact("ann@x.example", first_name="Ann")
    assert found("ann") == ["ann@x.example"]
    searching.refresh(seconds=60)
    assert (SearchChange.unscoped.count(), found("ann")) == (0, ["ann@x.example"])
    edit_contact(contact=ann, first_name="Zoe", last_name="Ö", fields={})
    assert (found("zoe"), found("ö"), found("Ann Zoe")) == ([ann.email],) * 3
    searching.refresh(seconds=60)
    assert found("zoe") == [ann.email]
    add_contact("bob@x.example")
    assert found("bob") == ["bob@x.example"]
    ann.delete()
    assert found("zoe") == []
    searching.refresh(seconds=60)
    assert "zoe" not in SearchBlock.unscoped.get().text
    Contact.unscoped.all().delete()
    searching.refresh(seconds=60)
    assert not SearchBlock.unscoped.exists() and not SearchChange.unscoped.exists()


def test_a_change_without_new_text_leaves_the_text_alone(
    acme: Tenant, add_contact: AddContact
) -> None:
    ann = add_contact("ann@x.example")
    searching.refresh(seconds=60)
    Contact.unscoped.filter(pk=ann.pk).update(unsubscribed_at=timezone.now())
    assert not SearchChange.unscoped.exists()


def test_hostile_cursors_and_words_find_nothing_and_break_nothing(alice: Person) -> None:
    for query in (
        "q=%00", "q=" + "a+" * 500, "q=%25_'\";--", "after=-1", "after=" + "9" * 40, "before=x",
        "after=1&before=2", "q=%F0%9F%A6%8A", "q=\\",
    ):  # fmt: skip
        assert alice.client.get(f"/w/acme/contacts/?{query}").status_code == 200, query
    for query in ("list=x", "tag=1", "status=admin", "selected='"):
        assert alice.client.get(f"/w/acme/contacts/?{query}").status_code == 404, query
