"""Finding contacts: search, state, list, pages; the word for a state and its filter agree."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from lists.models import (
    Contact,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    SuppressionReason,
)
from lists.selectors.contacts import (
    STATES,
    ContactFilter,
    find_contacts,
    page_of_contacts,
)
from lists.services.suppression import Suppress, suppress
from tenants.models import Tenant

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
