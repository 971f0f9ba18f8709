"""Bulk actions: each act, its undoing, and that nobody is ever revived."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lists import bulk
from lists.errors import BulkRefused, FilterGone
from lists.models import (
    BulkAction,
    BulkChange,
    BulkKind,
    BulkStatus,
    ConsentRecord,
    Contact,
    ContactTag,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    Tag,
)
from lists.selectors.audience import SENDABLE_SQL, sendable_params
from lists.selectors.filters import ContactFilter
from lists.services.bulk import can_undo, cancel_bulk, start_bulk, undo_bulk
from lists.services.contacts import CONSENT_WORDING
from lists.services.fields import create_field, delete_field
from lists.services.suppression import Suppress, suppress
from lists.services.tags import delete_tag, save_tag, set_tags
from lists.tasks import sweep_bulk
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person

AddContact = Callable[..., Contact]
Status = SubscriptionStatus


@pytest.fixture
def vip(acme: Tenant) -> Tag:
    return save_tag(tenant=acme, name="VIP")


@pytest.fixture
def offers(acme: Tenant) -> List:
    made: List = List.unscoped.create(tenant=acme, name="Offers")
    return made


def _act(
    tenant: Tenant,
    kind: BulkKind,
    target: List | Tag | None = None,
    wanted: ContactFilter | None = None,
) -> BulkAction:
    """Started and run to its end."""
    action = start_bulk(
        tenant=tenant,
        kind=kind,
        wanted=wanted or ContactFilter(),
        actor=None,
        target=target,
        consent_wording=CONSENT_WORDING if kind == BulkKind.ADD_TO_LIST else "",
    )
    bulk.run(action.pk)
    action.refresh_from_db()
    return action


def _undone(action: BulkAction, person: Person) -> BulkAction:
    undo_bulk(action=action, actor=person.user)
    bulk.run(action.pk)
    action.refresh_from_db()
    return action


def _tagged(tag: Tag) -> set[str]:
    return set(tag.tagged.values_list("contact__email", flat=True))


def test_a_tag_is_given_to_those_who_match_and_taken_back(
    alice: Person, add_contact: AddContact, vip: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    had = add_contact("had@x.example")
    set_tags(contact=had, tags=[vip])
    for name in ("a", "b", "c"):
        add_contact(f"{name}@x.example")
    add_contact("other@y.example")
    action = _act(alice.tenant, BulkKind.ADD_TAG, vip, ContactFilter(search="x.example"))
    assert (action.status, action.done, action.changed) == (BulkStatus.DONE, 4, 3)
    assert _tagged(vip) == {f"{name}@x.example" for name in ("had", "a", "b", "c")}
    _undone(action, alice)
    assert (action.status, action.undone) == (BulkStatus.UNDONE, 3)
    assert _tagged(vip) == {"had@x.example"}
    assert not BulkChange.unscoped.exists()


def test_a_tag_is_taken_away_while_its_holders_are_the_filter(
    alice: Person, add_contact: AddContact, vip: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 1)
    for name in ("a", "b", "c"):
        set_tags(contact=add_contact(f"{name}@x.example"), tags=[vip])
    action = _act(alice.tenant, BulkKind.REMOVE_TAG, vip, ContactFilter(tag=vip))
    assert (action.changed, _tagged(vip)) == (3, set())
    _undone(action, alice)
    assert _tagged(vip) == {f"{name}@x.example" for name in ("a", "b", "c")}


def test_only_those_without_a_place_join_a_list_each_with_the_proof(
    alice: Person, news: List, offers: List, add_contact: AddContact
) -> None:
    add_contact("new@x.example")
    left = add_contact("left@x.example")
    waits = add_contact("waits@x.example")
    gone = add_contact("gone@x.example", unsubscribed_at=timezone.now())
    for contact, status in ((left, Status.UNSUBSCRIBED), (waits, Status.UNCONFIRMED)):
        Subscription.unscoped.create(
            tenant=alice.tenant, contact=contact, list=offers, status=status, source=Source.FORM
        )
    action = _act(alice.tenant, BulkKind.ADD_TO_LIST, offers)
    assert action.changed == 1
    places = dict(offers.subscriptions.values_list("contact__email", "status"))
    assert places == {
        "new@x.example": "active",
        "left@x.example": "unsubscribed",
        "waits@x.example": "unconfirmed",
        "gone@x.example": "unsubscribed",
    }
    proof = ConsentRecord.unscoped.get()
    assert (proof.contact.email, proof.act, proof.list_names, proof.wording) == (
        "new@x.example", "attested", ["Offers"], CONSENT_WORDING,
    )  # fmt: skip
    _undone(action, alice)
    emails = set(offers.subscriptions.values_list("contact__email", flat=True))
    assert emails == {"left@x.example", "waits@x.example", gone.email}


def test_undoing_leaves_a_place_that_its_owner_has_changed(
    alice: Person, offers: List, add_contact: AddContact
) -> None:
    for name in ("stays", "left", "paused"):
        add_contact(f"{name}@x.example")
    action = _act(alice.tenant, BulkKind.ADD_TO_LIST, offers)
    places = offers.subscriptions
    places.filter(contact__email="left@x.example").update(status=Status.UNSUBSCRIBED)
    places.filter(contact__email="paused@x.example").update(paused_until=timezone.now())
    assert _undone(action, alice).undone == 1
    assert set(places.values_list("contact__email", flat=True)) == {
        "left@x.example",
        "paused@x.example",
    }


def test_leaving_a_list_takes_those_who_are_on_it_and_cannot_be_undone(
    alice: Person, news: List, offers: List, add_contact: AddContact
) -> None:
    add_contact("a@x.example")
    elsewhere = Contact.unscoped.create(tenant=alice.tenant, email="b@x", email_norm="b@x.example")
    action = _act(alice.tenant, BulkKind.REMOVE_FROM_LIST, news)
    assert (action.done, action.changed) == (2, 1)
    assert set(news.subscriptions.values_list("status", flat=True)) == {"unsubscribed"}
    assert not elsewhere.subscriptions.exists()
    assert ConsentRecord.unscoped.get().act == "unsubscribed"
    assert not can_undo(action)
    with pytest.raises(BulkRefused, match="cannot be undone"):
        undo_bulk(action=action, actor=alice.user)


def test_suppressing_many_never_weakens(alice: Person, add_contact: AddContact) -> None:
    for name in ("a", "b"):
        add_contact(f"{name}@x.example")
    complaint = Suppress("a@x.example", SuppressionReason.COMPLAINT, Source.SES)
    suppress(tenant=alice.tenant, addresses=[complaint])
    assert _act(alice.tenant, BulkKind.SUPPRESS).changed == 1
    reasons = dict(Suppression.unscoped.values_list("email_norm", "reason"))
    assert reasons == {"a@x.example": "complaint", "b@x.example": "manual"}


def test_deleted_ones_who_had_left_stay_out(
    alice: Person, acme: Tenant, evil: Tenant, vip: Tag, add_contact: AddContact
) -> None:
    set_tags(contact=add_contact("member@x.example"), tags=[vip])
    add_contact("left@x.example", status=Status.UNSUBSCRIBED)
    add_contact("gone@x.example", unsubscribed_at=timezone.now())
    Contact.unscoped.create(tenant=evil, email="e@x.example", email_norm="e@x.example")
    action = _act(acme, BulkKind.DELETE)
    assert (action.status, action.changed) == (BulkStatus.DONE, 3)
    assert [one.tenant for one in Contact.unscoped.all()] == [evil]
    assert not Subscription.unscoped.exists() and not ContactTag.unscoped.exists()
    suppressed = set(Suppression.unscoped.values_list("email_norm", flat=True))
    assert suppressed == {"left@x.example", "gone@x.example"}


def test_a_deleted_field_goes_with_its_values_only(acme: Tenant, add_contact: AddContact) -> None:
    city, age = create_field(tenant=acme, label="City"), create_field(tenant=acme, label="Age")
    contact = add_contact("a@x.example", fields={"city": "Rome", "age": "7"})
    action = delete_field(field=city)
    assert action
    bulk.run(action.pk)
    contact.refresh_from_db()
    assert contact.fields == {"age": "7"}
    assert [*type(age).unscoped.all()] == [age]
    create_field(tenant=acme, label="City")


def test_a_dead_worker_leaves_it_to_the_next_and_two_do_it_once(
    acme: Tenant, vip: Tag, add_contact: AddContact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 1)
    for name in ("a", "b", "c"):
        add_contact(f"{name}@x.example")
    action = start_bulk(
        tenant=acme, kind=BulkKind.ADD_TAG, wanted=ContactFilter(), actor=None, target=vip
    )
    real = bulk.ACTS[BulkKind.ADD_TAG]
    done: list[Any] = []

    def dies(which: BulkAction, ids: Any) -> int:
        if done:
            raise KeyboardInterrupt
        done.append(ids)
        return real(which, ids)

    monkeypatch.setitem(bulk.ACTS, BulkKind.ADD_TAG, dies)
    with pytest.raises(KeyboardInterrupt):
        bulk.run(action.pk)
    monkeypatch.setitem(bulk.ACTS, BulkKind.ADD_TAG, real)
    bulk.run(action.pk)  # another worker, too early
    assert len(_tagged(vip)) == 1
    BulkAction.unscoped.update(progressed_at=timezone.now() - bulk.SILENCE * 2)
    handed: list[int] = []
    monkeypatch.setattr("lists.tasks.run_bulk.delay", handed.append)
    sweep_bulk()
    assert handed == [action.pk]
    bulk.run(action.pk)
    action.refresh_from_db()
    assert (action.status, action.done, action.changed) == (BulkStatus.DONE, 3, 3)


def test_cancelling_stops_before_the_next_chunk(
    alice: Person, vip: Tag, add_contact: AddContact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 1)
    for name in ("a", "b", "c"):
        add_contact(f"{name}@x.example")
    action = start_bulk(
        tenant=alice.tenant, kind=BulkKind.ADD_TAG, wanted=ContactFilter(), actor=None, target=vip
    )
    real = bulk.try_again

    def then_cancelled(chunk: Callable[[int], int | None]) -> int | None:
        reached = real(chunk)
        assert cancel_bulk(action=action, actor=alice.user)
        return reached

    monkeypatch.setattr(bulk, "try_again", then_cancelled)
    bulk.run(action.pk)
    action.refresh_from_db()
    assert (action.status, action.changed) == (BulkStatus.CANCELLED, 1)
    assert len(_tagged(vip)) == 1
    assert can_undo(action)


def test_one_that_waits_is_cancelled_at_once(alice: Person, vip: Tag, add_contact: Any) -> None:
    add_contact("a@x.example")
    action = start_bulk(
        tenant=alice.tenant, kind=BulkKind.ADD_TAG, wanted=ContactFilter(), actor=None, target=vip
    )
    assert cancel_bulk(action=action, actor=alice.user)
    bulk.run(action.pk)
    assert _tagged(vip) == set()
    assert not cancel_bulk(action=action, actor=alice.user)


def test_a_target_or_filter_that_is_gone_ends_it_with_a_reason(
    acme: Tenant, news: List, offers: List, vip: Tag, add_contact: AddContact
) -> None:
    add_contact("a@x.example")
    start = {"tenant": acme, "kind": BulkKind.ADD_TAG, "actor": None, "target": vip}
    filtered = start_bulk(wanted=ContactFilter(list=news), **start)  # type: ignore[arg-type]
    targeted = start_bulk(wanted=ContactFilter(), **start)  # type: ignore[arg-type]
    Subscription.unscoped.all().delete()
    news.delete()
    bulk.run(filtered.pk)
    delete_tag(tag=vip)
    bulk.run(targeted.pk)
    failures = list(BulkAction.unscoped.order_by("pk").values_list("status", "failure"))
    assert failures == [
        ("failed", "The list or tag of this filter is gone. Choose again."),
        ("failed", "VIP was deleted meanwhile."),
    ]


def test_who_comes_later_is_not_acted_on(acme: Tenant, vip: Tag, add_contact: AddContact) -> None:
    add_contact("a@x.example")
    action = start_bulk(
        tenant=acme, kind=BulkKind.ADD_TAG, wanted=ContactFilter(), actor=None, target=vip
    )
    add_contact("later@x.example")
    bulk.run(action.pk)
    assert _tagged(vip) == {"a@x.example"}


def test_what_is_not_ours_or_nobody_is_refused(
    acme: Tenant, evil: Tenant, add_contact: AddContact
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    tag = save_tag(tenant=evil, name="Theirs")
    start = {"tenant": acme, "wanted": ContactFilter(), "actor": None}
    with pytest.raises(BulkRefused, match="nobody"):
        start_bulk(kind=BulkKind.SUPPRESS, **start)  # type: ignore[arg-type]
    add_contact("a@x.example")
    for kind, target in (
        (BulkKind.ADD_TO_LIST, theirs), (BulkKind.REMOVE_FROM_LIST, theirs),
        (BulkKind.ADD_TAG, tag), (BulkKind.ADD_TAG, None), (BulkKind.ADD_TAG, theirs),
    ):  # fmt: skip
        with pytest.raises(BulkRefused, match="Choose"):
            start_bulk(kind=kind, target=target, consent_wording="x", **start)  # type: ignore[arg-type]
    own = List.unscoped.create(tenant=acme, name="Own")
    with pytest.raises(BulkRefused, match="consent"):
        start_bulk(kind=BulkKind.ADD_TO_LIST, target=own, **start)  # type: ignore[arg-type]
    for asked in ({"list": str(theirs.public_id)}, {"tag": str(tag.public_id)}, {"tag": "'"},
                  {"status": "x"}, {"list": str(uuid4())}, {"only": ["x"]}):  # fmt: skip
        with pytest.raises(FilterGone):
            ContactFilter.read(acme, asked)


def test_a_filter_is_the_same_when_it_is_read_again(acme: Tenant, news: List, vip: Tag) -> None:
    wanted = ContactFilter("ann lee", news, "active", vip, (uuid4(),))
    assert ContactFilter.read(acme, wanted.parameters()) == wanted
    assert ContactFilter.read(acme, {"q": "a\0b  c"}) == ContactFilter("ab c")


def test_from_ticked_rows_to_progress_undo_and_audit(
    alice: Person, vip: Tag, add_contact: AddContact
) -> None:
    one, _ = add_contact("a@x.example"), add_contact("b@x.example")
    address = f"/w/acme/contacts/acts/new/?selected={one.public_id}"
    page = alice.client.get(address).content.decode()
    assert "1 chosen contact" in page and "Do it for 1 contact" in page
    refused = alice.client.post(address, {"kind": "delete", "word": "no"})
    assert refused.status_code == 422 and "it cannot be undone" in refused.content.decode()
    for data, said in (
        ({"kind": "add_to_list"}, "Choose the list"),
        ({"kind": "add_tag", "new_tag": "a,b"}, "without a comma"),
        ({"kind": "clear_field"}, "Select a valid choice"),
        ({}, "required"),
    ):
        refused = alice.client.post(address, data)
        assert refused.status_code == 422 and said in refused.content.decode()
    assert not BulkAction.unscoped.exists()
    started = alice.client.post(address, {"kind": "add_tag", "new_tag": "vip"})
    action = BulkAction.unscoped.get()
    assert started.headers["Location"] == f"/w/acme/contacts/acts/{action.public_id}/"
    assert "Waiting to start" in alice.client.get(started.headers["Location"]).content.decode()
    bulk.run(action.pk)
    assert _tagged(vip) == {"a@x.example"}
    progress = alice.client.get(f"{started.headers['Location']}progress/")
    assert progress.headers["HX-Refresh"] == "true"
    assert "Undo" in alice.client.get(started.headers["Location"]).content.decode()
    alice.client.post(f"{started.headers['Location']}undo/")
    bulk.run(action.pk)
    assert _tagged(vip) == set()
    told = AuditEvent.unscoped.filter(actor=alice.user).values_list("action", flat=True)
    assert {"contacts.add_tag", "contacts.bulk_undone"} <= set(told)


_PLACES = st.sampled_from([None, *Status])
_PERSON = st.tuples(_PLACES, _PLACES, st.booleans(), st.booleans(), st.booleans())
_ACTS = st.lists(
    st.tuples(st.sampled_from([*BulkKind]), st.integers(0, 1), st.booleans()), max_size=4
)


@given(people=st.lists(_PERSON, min_size=1, max_size=5), acts=_ACTS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_acts_make_anyone_sendable_who_must_not_be(
    alice: Person, people: list[Any], acts: list[tuple[BulkKind, int, bool]]
) -> None:
    """Whoever has left a list, waits for their click, or is suppressed stays unmailed there."""
    acme = alice.tenant
    Contact.unscoped.all().delete()
    Suppression.unscoped.all().delete()
    List.unscoped.all().delete()
    lists = [List.unscoped.create(tenant=acme, name=name) for name in ("One", "Two")]
    tag, _ = Tag.unscoped.get_or_create(tenant=acme, name="t")
    barred: set[tuple[str, int]] = set()
    for number, (*statuses, gone, suppressed, paused) in enumerate(people):
        email = f"p{number}@x.example"
        contact = Contact.unscoped.create(
            tenant=acme, email=email, email_norm=email,
            unsubscribed_at=timezone.now() if gone else None,
            paused_until=timezone.now() + timedelta(days=1) if paused else None,
        )  # fmt: skip
        if suppressed:
            bounce = Suppress(email, SuppressionReason.HARD_BOUNCE, Source.SES)
            suppress(tenant=acme, addresses=[bounce])
        for list_, status in zip(lists, statuses, strict=True):
            if status:
                Subscription.unscoped.create(
                    tenant=acme, contact=contact, list=list_, status=status, source=Source.FORM
                )
            if gone or suppressed or paused or status in (Status.UNSUBSCRIBED, Status.UNCONFIRMED):
                barred.add((email, list_.pk))
    for kind, which, undo in acts:
        target = tag if "tag" in kind else lists[which] if "list" in kind else None
        try:
            action = _act(acme, kind, target)
        except BulkRefused:
            continue
        if undo and can_undo(action):
            _undone(action, alice)
    sendable = {(email, one.pk) for one in lists for email in _sendable(acme, one)}
    assert not sendable & barred


def _sendable(tenant: Tenant, list_: List) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT email FROM lists_contact c WHERE tenant_id = %(tenant)s AND {SENDABLE_SQL}",  # noqa: S608
            sendable_params([list_.pk]) | {"tenant": tenant.pk},
        )
        return {row[0] for row in cursor.fetchall()}
