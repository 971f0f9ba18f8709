"""Erasing a person: nothing of them stays, and their address is never mailed again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from lists.erased import PREFIX, erased_among
from lists.errors import ErasedForGood
from lists.models import (
    Contact,
    ContactTag,
    ErasureKey,
    List,
    SignupForm,
    Source,
    Subscription,
    Suppression,
    SuppressionReason,
)
from lists.selectors.audience import count_sendable, suppressed_among
from lists.services.contacts import subscribe, upsert_contact
from lists.services.erasure import erase_contact
from lists.services.optin import request_subscription
from lists.services.suppression import Suppress, suppress, unsuppress
from lists.signals import contact_erased
from sending.models import (
    Batch,
    BatchState,
    BatchTally,
    EventKind,
    Lane,
    Message,
    MessageData,
    MessageEvent,
    SesAccount,
    Status,
)
from sending.services.batches import send_one
from tenants.errors import SecretUnreadable
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person
from tests.lists.importing import imported
from tests.world import build

AddContact = Callable[..., Contact]
ANN = "ann@x.example"


@pytest.fixture
def ann(add_contact: AddContact) -> Contact:
    return add_contact(ANN, first_name="Ann")


def _erase(contact: Contact, person: Person) -> None:
    erase_contact(contact=contact, actor=person.user)


def test_nothing_that_names_the_person_stays_in_any_table(alice: Person, mallory: Person) -> None:
    world, other = build(alice.tenant, alice.user, "zanzibar"), mallory.tenant
    Contact.unscoped.create(tenant=other, email="z@z.example", email_norm=world.contact.email_norm)
    reason = Suppress(world.contact.email_norm, SuppressionReason.HARD_BOUNCE, Source.SES, "550 z")
    suppress(tenant=alice.tenant, addresses=[reason])
    MessageEvent.unscoped.update(contact_id=world.contact.pk)
    _erase(world.contact, alice)
    address = "zanzibar@zanzibar.example"
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            # What alice's workspace says of itself: its sender has the same made-up address here.
            if table in ("sending_batch", "lists_contact", "lists_searchblock"):
                continue
            query = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s'  # noqa: S608
            cursor.execute(query, [f"%{address}%"])
            assert cursor.fetchone() == (0,), table
    assert [one.tenant for one in Contact.unscoped.all()] == [other]
    assert not Subscription.unscoped.exists() and not ContactTag.unscoped.exists()
    mail = Message.unscoped.get(ses_message_id="0100-zanzibar")
    assert (mail.email, mail.contact, mail.status) == ("", None, Status.SENT)
    told_of = MessageEvent.unscoped.get()
    assert (told_of.diagnostic, told_of.contact_id) == ("", None)
    told = AuditEvent.unscoped.get(action="contact.erased")
    assert told.target == str(world.contact.public_id)


def test_what_still_waits_does_not_leave(
    alice: Person, ann: Contact, ses_account: SesAccount
) -> None:
    batch = Batch.unscoped.create(
        tenant=alice.tenant, lane=Lane.TRANSACTIONAL, ses_account=ses_account, subject="Receipt",
        from_header="a@a.example", state=BatchState.RUNNING,
    )  # fmt: skip
    made = {"tenant": alice.tenant, "batch": batch}
    to_contact = Message.unscoped.create(contact=ann, email=ANN, **made)
    to_address = Message.unscoped.create(email="Ann@X.example", **made)
    MessageData.unscoped.create(tenant=alice.tenant, message=to_address, data={"name": "Ann"})
    to_other = Message.unscoped.create(email="bob@x.example", **made)
    _erase(ann, alice)
    rows = dict(Message.unscoped.values_list("pk", "status"))
    assert rows == {
        to_contact.pk: Status.SKIPPED,
        to_address.pk: Status.SKIPPED,
        to_other.pk: Status.QUEUED,
    }
    assert MessageData.unscoped.get().data == {}
    assert BatchTally.unscoped.get().skipped == 2


def test_an_address_that_comes_back_is_suppressed_at_once(
    alice: Person, ann: Contact, news: List, evil: Tenant
) -> None:
    _erase(ann, alice)
    assert Suppression.unscoped.get().email_norm.startswith(PREFIX)
    again = upsert_contact(tenant=alice.tenant, email="ANN@X.EXAMPLE", source=Source.API)
    subscribe(contact=again, lists=[news], source=Source.API)
    assert count_sendable(tenant=alice.tenant, list_ids=[news.pk]) == 0
    assert Suppression.unscoped.get(email_norm=ANN).reason == SuppressionReason.ERASED
    with pytest.raises(ErasedForGood):
        unsuppress(tenant=alice.tenant, email_norm=ANN, actor=alice.user)
    upsert_contact(tenant=evil, email=ANN, source=Source.API)
    assert not Suppression.unscoped.filter(tenant=evil).exists()


def test_an_erased_address_gets_no_single_mail_and_no_sign_up(
    alice: Person, ann: Contact, ses_account: SesAccount, news: List
) -> None:
    _erase(ann, alice)
    assert suppressed_among(tenant=alice.tenant, email_norms=[ANN, "b@x.example"]) == {
        ANN: "erased"
    }
    batch = Batch.unscoped.create(
        tenant=alice.tenant, lane=Lane.TRANSACTIONAL, ses_account=ses_account,
        from_header="a@a.example", subject="x",
    )  # fmt: skip
    assert send_one(batch=batch, email=ANN).status == Status.SKIPPED
    form = SignupForm.unscoped.create(tenant=alice.tenant, name="f", title="f", consent_wording="y")
    form.lists.add(news)
    asked = request_subscription(
        form=form, email=ANN, lists=[news], values={}, ip="", user_agent=""
    )
    assert asked is None
    assert not Contact.unscoped.exists()


def test_an_import_brings_an_erased_person_back_as_suppressed(
    alice: Person, ann: Contact, news: List
) -> None:
    _erase(ann, alice)
    imported(alice, "email\nbob@x.example\nAnn@X.example\n", [news])
    assert Contact.unscoped.count() == 2
    assert dict(Suppression.unscoped.exclude(email_norm__startswith=PREFIX).values_list(
        "email_norm", "reason"
    )) == {ANN: "erased"}  # fmt: skip
    assert count_sendable(tenant=alice.tenant, list_ids=[news.pk]) == 1


def test_no_stronger_or_weaker_reason_takes_its_place(alice: Person, ann: Contact) -> None:
    _erase(ann, alice)
    upsert_contact(tenant=alice.tenant, email=ANN, source=Source.API)
    suppress(
        tenant=alice.tenant,
        addresses=[Suppress(ANN, SuppressionReason.COMPLAINT, Source.SES, "later")],
    )
    assert Suppression.unscoped.get(email_norm=ANN).reason == SuppressionReason.ERASED


def test_the_hash_survives_new_keys_and_says_nothing_without_them(
    alice: Person, ann: Contact, settings: Settings
) -> None:
    _erase(ann, alice)
    old, new = settings.FIELD_ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    settings.FIELD_ENCRYPTION_KEYS = new + list(old)
    settings.LINK_SIGNING_KEYS = ["another key of more than thirty-two letters"]
    settings.SECRET_KEY = "another secret key " * 4
    assert erased_among(alice.tenant.pk, [ANN]) == {ANN}
    ErasureKey.unscoped.get().save()  # written anew, as a rotation does
    settings.FIELD_ENCRYPTION_KEYS = new
    assert erased_among(alice.tenant.pk, [ANN]) == {ANN}
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(SecretUnreadable):
        erased_among(alice.tenant.pk, [ANN])


def test_two_workspaces_hash_one_address_differently(alice: Person, mallory: Person) -> None:
    for person in (alice, mallory):
        contact = upsert_contact(tenant=person.tenant, email=ANN, source=Source.API)
        _erase(contact, person)
    assert len(set(Suppression.unscoped.values_list("email_norm", flat=True))) == 2


def test_when_an_app_above_fails_nothing_is_erased(alice: Person, ann: Contact) -> None:
    def fails(**_: Any) -> None:
        raise RuntimeError

    contact_erased.connect(fails)
    try:
        with pytest.raises(RuntimeError):
            _erase(ann, alice)
    finally:
        contact_erased.disconnect(fails)
    assert Contact.unscoped.filter(pk=ann.pk).exists()
    assert not Suppression.unscoped.exists()


def test_the_page_asks_for_the_address_and_shows_no_hash(alice: Person, ann: Contact) -> None:
    page = f"/w/acme/contacts/{ann.public_id}/"
    alice.client.post(f"{page}erase/", {"confirmation": "ann"})
    assert Contact.unscoped.filter(pk=ann.pk).exists()
    assert alice.client.post(f"{page}erase/", {"confirmation": "Ann@x.example"}).status_code == 302
    assert alice.client.get(page).status_code == 404
    shown = alice.client.get("/w/acme/suppressions/").content.decode()
    assert "An erased address" in shown and PREFIX not in shown
    mark = Suppression.unscoped.get().email_norm
    told = alice.client.post("/w/acme/suppressions/remove/", {"address": mark}, follow=True)
    assert "stays suppressed for good" in told.content.decode()
    exported = b"".join(alice.client.post("/w/acme/suppressions/export/"))
    assert PREFIX.encode() not in exported


def test_the_file_of_a_person_holds_what_every_app_knows(alice: Person) -> None:
    world = build(alice.tenant, alice.user, "zanzibar")
    page = f"/w/acme/contacts/{world.contact.public_id}/export/"
    response = alice.client.post(page)
    assert response["Content-Disposition"].startswith("attachment")
    known = json.loads(response.content)
    assert known["contact"]["email"] == world.contact.email
    assert known["contact"]["tags"] == ["zanzibar"]
    assert [place["list"] for place in known["lists"]] == ["zanzibar"]
    assert [one["act"] for one in known["consents"]] == ["confirmed"]
    assert known["mails"][0]["events"][0]["diagnostic"] == "550 zanzibar"
    assert EventKind.BOUNCE.label == known["mails"][0]["events"][0]["event"]
    assert AuditEvent.unscoped.filter(action="contact.exported").exists()


def test_erasing_twice_is_told(alice: Person, ann: Contact) -> None:
    _erase(Contact.unscoped.get(pk=ann.pk), alice)
    with pytest.raises(Contact.DoesNotExist):
        _erase(ann, alice)
    assert timezone.now() >= Suppression.unscoped.get().created_at
    assert ANN not in serializers.serialize("json", Suppression.unscoped.all())
