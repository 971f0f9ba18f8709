"""Taking a whole import back: what goes, what stays, and that it can die in between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from lists import undoing
from lists.errors import ImportRefused
from lists.models import (
    ConsentRecord,
    Contact,
    ContactTag,
    Import,
    ImportChange,
    ImportStatus,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    UpdatePolicy,
)
from lists.services import consent, imports
from lists.services.contacts import edit_contact, subscribe
from lists.services.suppression import Suppress, remove_from_all_lists, suppress
from lists.services.tags import ensure_tags, set_tags
from lists.tasks import sweep_imports, undo_import
from sending.models import Message
from tenants.models import AuditEvent
from tests.conftest import Person
from tests.lists.importing import choices, imported, run, undone, uploaded

AddContact = Callable[..., Contact]


def _import(person: Person, content: str, lists: list[List], **others: Any) -> Import:
    import_ = uploaded(person, content)
    chosen = choices(import_, lists, **others)
    return run(imports.start(import_=import_, choices=chosen, actor=person.user))


def _state(person: Person) -> tuple[Any, ...]:
    """Everything of the contacts that an import can change."""
    contacts = Contact.objects.for_tenant(person.tenant).order_by("email_norm")
    places = Subscription.objects.for_tenant(person.tenant).order_by("contact__email_norm", "list")
    tags = ContactTag.objects.for_tenant(person.tenant).order_by("contact__email_norm", "tag")
    return (
        list(contacts.values_list("email_norm", "first_name", "last_name", "fields")),
        list(places.values_list("contact__email_norm", "list__name", "status")),
        list(tags.values_list("contact__email_norm", "tag__name")),
    )


@pytest.mark.parametrize("policy", UpdatePolicy)
def test_an_import_is_undone_to_what_was_before(
    alice: Person, mallory: Person, news: List, add_contact: AddContact, policy: UpdatePolicy
) -> None:
    add_contact("a@example.com", first_name="Ann", fields={"city": "Oslo", "age": 9})
    add_contact("b@example.com")
    theirs = List.unscoped.create(tenant=mallory.tenant, name="News")
    imported(mallory, "email\na@example.com\n", [theirs])
    before, of_others = _state(alice), _state(mallory)
    offers = List.unscoped.create(tenant=alice.tenant, name="Offers")
    done = _import(
        alice,
        "email,first_name,last_name,city,shoes\n"
        "a@example.com,Anna,Berg,Bergen,41\nb@example.com,,,Bonn,\nc@example.com,Cid,,,\n",
        [news, offers],
        policy=policy,
        new_tags=["vip"],
    )
    assert _state(alice) != before
    after = undone(done, alice.user)
    assert after.status == ImportStatus.UNDONE
    assert _state(alice) == before and _state(mallory) == of_others
    restored = 0 if policy == UpdatePolicy.KEEP else 2
    assert (after.removed, after.restored, after.kept) == (1, restored, 0)
    assert not ImportChange.unscoped.exists()
    assert AuditEvent.unscoped.filter(action="import.undone", actor=alice.user).exists()
    with pytest.raises(ImportRefused, match="once"):
        imports.undo(import_=after, actor=alice.user)


def test_what_has_changed_since_stays(alice: Person, news: List, add_contact: AddContact) -> None:
    add_contact("a@example.com", first_name="Ann", fields={"city": "Oslo", "age": 9, "x": "1"})
    done = imported(
        alice,
        "email,first_name,last_name,city,age,new\na@example.com,Anna,Berg,Bergen,10,n\n",
        [news],
    )
    ann = Contact.unscoped.get()
    edit_contact(
        contact=ann, first_name="Anne", last_name="Berg", fields={"city": "Bonn", "age": 10, "y": 2}
    )
    undone(done, alice.user)
    ann.refresh_from_db()
    assert (ann.first_name, ann.last_name) == ("Anne", "")
    assert ann.fields == {"city": "Bonn", "age": 9, "y": 2}


def test_new_contacts_that_anything_has_happened_to_stay(alice: Person, news: List) -> None:
    names = "left gone member tagged mailed edited confirmed asked idle".split()
    done = imported(alice, "email\n" + "".join(f"{name}@example.com\n" for name in names), [news])
    people = {one.email.partition("@")[0]: one for one in Contact.unscoped.all()}
    Subscription.unscoped.filter(contact=people["left"]).update(
        status=SubscriptionStatus.UNSUBSCRIBED
    )
    remove_from_all_lists(
        tenant=alice.tenant, contact_ids=[people["gone"].pk], source=Source.PREFERENCES
    )
    offers = List.unscoped.create(tenant=alice.tenant, name="Offers")
    subscribe(contact=people["member"], lists=[offers], source=Source.MEMBER)
    set_tags(contact=people["tagged"], tags=ensure_tags(tenant=alice.tenant, names=["vip"]))
    # A message's batch is not checked by the database.
    Message.unscoped.create(
        tenant=alice.tenant, batch_id=1, contact=people["mailed"], email="mailed@example.com"
    )
    edit_contact(contact=people["edited"], first_name="Ed", last_name="", fields={})
    consent.activate(contact=people["confirmed"], lists=[news], source=Source.FORM)
    consent.record(
        contact=people["asked"],
        act=ConsentRecord.Act.REQUESTED,
        source=Source.FORM,
        lists=[news],
    )
    bounced = Suppress("idle@example.com", SuppressionReason.HARD_BOUNCE, Source.SES)
    suppress(tenant=alice.tenant, addresses=[bounced])
    after = undone(done, alice.user)
    assert (after.removed, after.kept) == (1, 8)
    stay = Contact.unscoped.values_list("email_norm", flat=True)
    assert sorted(stay) == sorted(f"{name}@example.com" for name in names if name != "idle")
    places = Subscription.unscoped.values_list("contact__email_norm", "list__name", "status")
    assert sorted(places) == [
        ("confirmed@example.com", "News", "active"),
        ("gone@example.com", "News", "unsubscribed"),
        ("left@example.com", "News", "unsubscribed"),
        ("member@example.com", "Offers", "active"),
    ]
    assert Suppression.unscoped.get().email_norm == "idle@example.com"


def test_what_the_file_said_of_leaving_is_not_forgotten(alice: Person, news: List) -> None:
    done = imported(
        alice, "email,status\na@example.com,unsubscribed\nb@example.com,bounced\n", [news]
    )
    after = undone(done, alice.user)
    assert (after.removed, after.kept) == (0, 2)
    assert Subscription.unscoped.filter(status="unsubscribed").count() == 2
    assert Suppression.unscoped.get().email_norm == "b@example.com"


def test_an_undo_that_died_is_gone_on_with(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "RANGE_CONTACTS", 2)
    done = imported(alice, "email\n" + "".join(f"p{i}@example.com\n" for i in range(7)), [news])
    imports.undo(import_=done, actor=alice.user)
    one_range = undoing._undo_range
    ranges: list[int] = []

    def dies(import_: Import) -> bool:
        ranges.append(import_.undone_to)
        if len(ranges) == 3:
            raise KeyboardInterrupt
        return one_range(import_)

    with monkeypatch.context() as patch:
        patch.setattr(undoing, "_undo_range", dies)
        with pytest.raises(KeyboardInterrupt):
            undoing.undo(done.pk)
    assert Contact.unscoped.count() == 3
    undoing.undo(done.pk)  # the first may still be alive
    assert Contact.unscoped.count() == 3 and undoing.stuck() == []
    Import.unscoped.update(progressed_at=timezone.now() - undoing.SILENCE * 2)
    handed: list[int] = []
    monkeypatch.setattr(undo_import, "delay", handed.append)
    sweep_imports()
    assert handed == [done.pk]
    undo_import(done.pk)
    done.refresh_from_db()
    assert (done.status, done.removed, done.undo_rows) == (ImportStatus.UNDONE, 7, done.undo_total)
    assert not Contact.unscoped.exists() and not Subscription.unscoped.exists()


def test_of_two_workers_the_slower_stops(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "RANGE_CONTACTS", 2)
    done = imported(alice, "email\n" + "".join(f"p{i}@example.com\n" for i in range(5)), [news])
    imports.undo(import_=done, actor=alice.user)
    stale = Import.unscoped.get(pk=done.pk)
    undoing.undo(done.pk)
    Import.unscoped.update(status=ImportStatus.UNDOING)
    imported(alice, "email\nq@example.com\n", [news])
    with pytest.raises(undoing._Stopped):
        undoing._undo_range(stale)
    assert Contact.unscoped.count() == 1


def test_it_is_offered_for_a_month_and_only_for_what_came_in(alice: Person, news: List) -> None:
    imported(alice, "email,city\na@example.com,Oslo\n", [news])
    done = imported(alice, "email,city\na@example.com,Bonn\n", [news])
    assert imports.can_be_undone(done)
    assert undoing.forget_old() == 0
    Import.unscoped.update(finished_at=timezone.now() - undoing.OFFERED - timedelta(minutes=1))
    done.refresh_from_db()
    with pytest.raises(ImportRefused, match="30 days"):
        imports.undo(import_=done, actor=alice.user)
    assert undoing.forget_old() == 1
    assert not ImportChange.unscoped.exists()
    nothing = imports.cancel(import_=uploaded(alice, "email\na@example.com\n"))
    assert not imports.can_be_undone(nothing)


@pytest.mark.django_db
def test_whatever_refers_to_a_contact_is_found_by_an_index() -> None:
    """Else an undo would read whole tables for each contact."""
    assert ("sending_message", "contact_id") in undoing.what_refers()
    with connection.cursor() as cursor:
        for table, column in undoing.what_refers():
            constraints = connection.introspection.get_constraints(cursor, table).values()
            indexed = [one for one in constraints if one["index"] or one["unique"]]
            leading = {one["columns"][0] for one in indexed if one["columns"]}
            assert column in leading, table
