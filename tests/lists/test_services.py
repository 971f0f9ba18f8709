"""Writes to contacts, lists and suppressions."""

from collections.abc import Callable

import pytest

from lists.errors import InvalidAddress, InvalidContact, ListNameTaken
from lists.models import (
    ConsentRecord,
    Contact,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from lists.selectors.audience import count_sendable
from lists.services.contacts import edit_contact, subscribe, upsert_contact
from lists.services.lists import save_list
from lists.services.suppression import (
    Suppress,
    remove_from_all_lists,
    suppress,
    suppress_by_hand,
    unsuppress,
)
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person

AddContact = Callable[..., Contact]
Reason = SuppressionReason


def test_upsert_makes_one_contact_and_blank_values_overwrite_nothing(acme: Tenant) -> None:
    first = upsert_contact(
        tenant=acme,
        email="Ann@Example.com",
        first_name="Ann",
        fields={"city": "Oslo"},
        source=Source.API,
    )
    again = upsert_contact(
        tenant=acme,
        email="ann@example.com",
        last_name="Lee",
        fields={"age": "9"},
        source=Source.API,
    )
    assert again == first
    found = Contact.objects.for_tenant(acme).get()
    assert (found.email, found.first_name, found.last_name) == ("Ann@Example.com", "Ann", "Lee")
    assert found.fields == {"city": "Oslo", "age": "9"}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"email": "nobody"}, InvalidAddress),
        ({"email": "a@example.com", "first_name": "x" * 121}, InvalidContact),
        ({"email": "a@example.com", "last_name": "a\0b"}, InvalidContact),
    ],
)
def test_upsert_refuses_what_cannot_be_stored(
    acme: Tenant, values: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        upsert_contact(tenant=acme, source=Source.API, **values)  # type: ignore[arg-type]
    assert not Contact.unscoped.exists()


def test_subscribing_is_new_once_and_proved_by_the_wording(acme: Tenant, news: List) -> None:
    ann = upsert_contact(tenant=acme, email="ann@example.com", source=Source.MEMBER)
    assert subscribe(
        contact=ann, lists=[news], source=Source.MEMBER, consent_wording="She asked"
    ) == [news]
    assert subscribe(contact=ann, lists=[news], source=Source.MEMBER) == []
    proof = ConsentRecord.unscoped.get()
    assert (proof.act, proof.wording, proof.list_names) == ("attested", "She asked", ["News"])
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 1


@pytest.mark.parametrize(
    "status", [SubscriptionStatus.UNCONFIRMED, SubscriptionStatus.UNSUBSCRIBED]
)
def test_subscribing_revives_and_confirms_nobody(
    acme: Tenant, news: List, add_contact: AddContact, status: SubscriptionStatus
) -> None:
    ann = add_contact("ann@example.com", status=status)
    assert subscribe(contact=ann, lists=[news], source=Source.API) == []
    assert Subscription.unscoped.get().status == status


def test_who_left_everything_is_put_on_no_list(
    acme: Tenant, news: List, add_contact: AddContact
) -> None:
    ann = add_contact("ann@example.com")
    remove_from_all_lists(tenant=acme, contact_ids=[ann.pk], source=Source.MEMBER)
    offers = save_list(tenant=acme, name="Offers")
    assert subscribe(contact=ann, lists=[offers], source=Source.API) == []
    assert count_sendable(tenant=acme, list_ids=[offers.pk, news.pk]) == 0


def test_another_tenants_list_is_not_joined(
    evil: Tenant, news: List, add_contact: AddContact
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    ann = add_contact("ann@example.com")
    assert subscribe(contact=ann, lists=[theirs], source=Source.API) == []


def test_editing_sets_blank_values_too(add_contact: AddContact) -> None:
    ann = add_contact("ann@example.com", first_name="Ann", fields={"city": "Oslo", "age": "9"})
    edit_contact(contact=ann, first_name="", last_name="Lee", fields={"age": "10"})
    ann.refresh_from_db()
    assert (ann.first_name, ann.last_name, ann.fields) == ("", "Lee", {"age": "10"})


def test_two_lists_of_one_name_are_refused_within_a_tenant(acme: Tenant, evil: Tenant) -> None:
    save_list(tenant=acme, name="News")
    save_list(tenant=evil, name="News")
    with pytest.raises(ListNameTaken, match="News"):
        save_list(tenant=acme, name=" News ")


def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way(acme: Tenant) -> None:
    def say(reason: Reason, diagnostic: str) -> int:
        return suppress(
            tenant=acme, addresses=[Suppress("a@example.com", reason, Source.SES, diagnostic)]
        )

    said = [
        say(Reason.MANUAL, "1"),
        say(Reason.PROVIDER, "2"),
        say(Reason.MANUAL, "3"),
        say(Reason.COMPLAINT, "4"),
        say(Reason.HARD_BOUNCE, "5"),
        say(Reason.COMPLAINT, "6"),
    ]
    assert said == [1, 1, 0, 1, 0, 0]
    found = Suppression.objects.for_tenant(acme).get()
    assert (found.reason, found.diagnostic) == ("complaint", "4")


def test_suppressing_many_at_once_takes_the_strongest_of_each(acme: Tenant, evil: Tenant) -> None:
    added = suppress(
        tenant=acme,
        addresses=[
            Suppress("a@example.com", Reason.COMPLAINT, Source.SES),
            Suppress("a@example.com", Reason.HARD_BOUNCE, Source.SES, "x" * 600),
            Suppress("b@example.com", Reason.HARD_BOUNCE, Source.SES, "x" * 600),
        ],
    )
    assert added == 2
    rows = Suppression.objects.for_tenant(acme).order_by("email_norm")
    assert [(row.reason, len(row.diagnostic)) for row in rows] == [
        ("complaint", 0),
        ("hard_bounce", 500),
    ]
    assert suppress(tenant=acme, addresses=[]) == 0
    assert not Suppression.objects.for_tenant(evil).exists()


def test_addresses_by_hand_are_all_right_or_none_is_taken(alice: Person) -> None:
    def by_hand(text: str) -> int:
        return suppress_by_hand(tenant=alice.tenant, text=text, note="asked", actor=alice.user)

    with pytest.raises(InvalidAddress, match=r"Line 2, nobody: .* must have an @"):
        by_hand("a@example.com\nnobody")
    with pytest.raises(InvalidAddress, match="at least one"):
        by_hand(" \n,;")
    assert not Suppression.unscoped.exists()
    assert by_hand("A@example.com, b@example.com\n\nc@example.com;a@example.com") == 3
    assert by_hand("a@example.com") == 0
    assert set(Suppression.unscoped.values_list("reason", "diagnostic")) == {("manual", "asked")}
    assert AuditEvent.unscoped.filter(action="suppression.added").count() == 2


def test_letting_an_address_be_mailed_again_is_audited(alice: Person, mallory: Person) -> None:
    suppress(
        tenant=alice.tenant,
        addresses=[Suppress("a@example.com", Reason.COMPLAINT, Source.SES, "abuse")],
    )
    assert not unsuppress(tenant=mallory.tenant, email_norm="a@example.com", actor=mallory.user)
    assert unsuppress(tenant=alice.tenant, email_norm="a@example.com", actor=alice.user)
    assert not Suppression.unscoped.exists()
    event = AuditEvent.unscoped.get(action="suppression.removed")
    assert (event.actor, event.target) == (alice.user, "a@example.com")
    assert event.detail["reason"] == "complaint"


def test_taking_contacts_off_every_list_counts_each_once(
    acme: Tenant, evil: Tenant, news: List, add_contact: AddContact
) -> None:
    ann, bea = add_contact("ann@example.com"), add_contact("bea@example.com")
    theirs = Contact.unscoped.create(tenant=evil, email="x@x.example", email_norm="x@x.example")
    ids = [ann.pk, ann.pk, bea.pk, theirs.pk, 10**9]
    assert remove_from_all_lists(tenant=acme, contact_ids=ids, source=Source.SES) == 2
    assert remove_from_all_lists(tenant=acme, contact_ids=ids, source=Source.SES) == 0
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0
    assert set(Subscription.unscoped.values_list("status", flat=True)) == {"unsubscribed"}
    proofs = ConsentRecord.unscoped.values_list("act", "source", "list_names")
    assert list(proofs) == [("unsubscribed", "ses", ["News"])] * 2
    theirs.refresh_from_db()
    assert theirs.unsubscribed_at is None
