"""The SQL of definitions: agrees with plain Python, holds nothing of the user's, fails closed."""
# ruff: noqa: S608 (what is asked here is that the SQL is harmless)

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, CampaignStatus
from lists.models import (
    Contact,
    ContactTag,
    Engagement,
    FieldKind,
    Import,
    List,
    Subscription,
    Tag,
)
from lists.segments.language import Definition
from lists.segments.names import names_for
from lists.segments.reading import parse
from lists.segments.sql import Clock, compile_definition
from lists.selectors import counting
from lists.selectors.counting import count_found
from lists.selectors.segments import count
from lists.services.fields import create_field
from sending.models import (
    Batch,
    BatchState,
    EventKind,
    Lane,
    Message,
    MessageEvent,
    Outcome,
    SesAccount,
    Status,
)
from tenants.models import Tenant
from tests.lists.segments.people import NOW, SOMEBODY, ZONE, Ids, Somebody, definitions, holds


def _batch(campaign: Campaign) -> Batch:
    assert campaign.batch is not None
    return campaign.batch


class World:
    """Acme with fields, two lists, two tags, a folded campaign and one that is under way."""

    def __init__(self, account: SesAccount) -> None:
        self.account, self.tenant = account, account.tenant
        Tenant.objects.filter(pk=self.tenant.pk).update(timezone=str(ZONE))
        self.tenant.timezone = str(ZONE)
        for key, kind in zip(("city", "age", "vip", "born"), FieldKind, strict=True):
            create_field(tenant=self.tenant, label=key, kind=kind)
        self.lists = [List.unscoped.create(tenant=self.tenant, name=name) for name in "AB"]
        self.tags = [Tag.unscoped.create(tenant=self.tenant, name=name) for name in "ab"]
        self.import_ = Import.unscoped.create(tenant=self.tenant, filename="x.csv")
        self.campaign = self._campaign("Spring", BatchState.DONE, folded_at=NOW)
        self.running = self._campaign("Summer", BatchState.RUNNING)
        self.ids = Ids(
            [str(one.public_id) for one in self.lists], [str(one.public_id) for one in self.tags]
        )

    def _campaign(self, name: str, state: BatchState, **fields: Any) -> Campaign:
        batch = Batch.unscoped.create(
            tenant=self.tenant,
            lane=Lane.CAMPAIGN,
            ses_account=self.account,
            state=state,
            launched_at=NOW,
            finished_at=NOW if state == BatchState.DONE else None,
            **fields,
        )
        made: Campaign = Campaign.unscoped.create(
            tenant=self.tenant, name=name, status=CampaignStatus.LAUNCHED, batch=batch
        )
        return made

    def definitions(self) -> st.SearchStrategy[Definition]:
        return definitions(
            lists=self.ids.lists, tags=self.ids.tags, campaigns=[str(self.campaign.public_id)]
        )

    def add(self, number: int, one: Somebody) -> Contact:
        contact: Contact = Contact.unscoped.create(
            tenant=self.tenant,
            email=one.email,
            email_norm=one.email,
            first_name=one.first_name,
            last_name=one.last_name,
            fields=one.fields,
        )
        Contact.unscoped.filter(pk=contact.pk).update(created_at=one.created_at)
        for tag in one.tags:
            ContactTag.unscoped.create(tenant=self.tenant, contact=contact, tag=self.tags[tag])
        for position, place in one.places.items():
            made = Subscription.unscoped.create(
                tenant=self.tenant,
                contact=contact,
                list=self.lists[position],
                status=place.status,
                paused_until=place.paused_until,
                confirmed_at=place.confirmed_at,
                imported=self.import_ if place.is_imported else None,
                source=place.source,
            )
            Subscription.unscoped.filter(pk=made.pk).update(created_at=place.created_at)
        if any(one.last.values()):
            moments = {f"last_{act}_at": at for act, at in one.last.items()}
            Engagement.unscoped.create(tenant=self.tenant, contact=contact, **moments)
        if "sent" in one.did:
            self._mail(self.campaign, contact, one)
        if one.unfolded_at is not None:
            Message.unscoped.create(
                tenant=self.tenant,
                batch=_batch(self.running),
                contact=contact,
                status=Status.SENT,
                sent_at=one.unfolded_at,
            )
        return contact

    def _mail(self, campaign: Campaign, contact: Contact, one: Somebody) -> None:
        message = Message.unscoped.create(
            tenant=self.tenant,
            batch=_batch(campaign),
            contact=contact,
            status=Status.SENT,
            sent_at=NOW,
            outcome=Outcome.DELIVERED if "delivered" in one.did else Outcome.NONE,
        )
        for kind, act in ((EventKind.OPEN, "opened"), (EventKind.CLICK, "clicked")):
            MessageEvent.unscoped.create(
                tenant=self.tenant,
                message=message,
                batch_id=message.batch_id,
                contact_id=contact.pk,
                kind=kind,
                subtype="person" if act in one.did else "machine",
                at=NOW,
            )

    def found(self, definition: Definition, *, now: datetime = NOW) -> set[int]:
        names = names_for(self.tenant, [definition])
        asked = compile_definition(definition, names, Clock.of(self.tenant, now))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT c.id FROM lists_contact c WHERE c.tenant_id = %(t)s AND {asked.sql}",
                asked.params | {"t": self.tenant.pk},
            )
            return {row[0] for row in cursor.fetchall()}

    def counted(self, definition: Definition) -> int:
        names = names_for(self.tenant, [definition])
        return count_found(
            self.tenant, compile_definition(definition, names, Clock.of(self.tenant, NOW))
        )

    def clear(self) -> None:
        for model in (MessageEvent, Message, Engagement, ContactTag, Subscription, Contact):
            model.unscoped.filter(tenant=self.tenant).delete()


@pytest.fixture
def world(ses_account: SesAccount) -> World:
    return World(ses_account)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), people=st.lists(SOMEBODY, min_size=1, max_size=4))
def test_the_sql_agrees_with_plain_python(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    data: st.DataObject,
    people: list[Somebody],
) -> None:
    """Contact by contact, and counted as of a million, in windows."""
    monkeypatch.setattr(counting, "_FEW", 1)
    monkeypatch.setattr(counting, "_MOST_WINDOWS", 2)
    people = [replace(one, email=f"{n}{one.email}") for n, one in enumerate(people)]
    added = {world.add(n, one).pk: one for n, one in enumerate(people)}
    try:
        for _ in range(5):
            definition = data.draw(world.definitions())
            expected = {pk for pk, one in added.items() if holds(definition, one, world.ids)}
            assert world.found(definition) == expected
            assert world.counted(definition) == len(expected)
    finally:
        world.clear()


def test_many_are_counted_in_windows_and_the_transaction_goes_on_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Contact.unscoped.bulk_create(
        Contact(tenant=world.tenant, email=f"{n}@x.com", email_norm=f"{n}@x.com", first_name="Al")
        for n in range(40)
    )
    named = {"what": "first_name", "op": "is", "values": ["al"]}
    definition = parse({"groups": [[named], [{"what": "first_name", "op": "set", "values": []}]]})
    few = world.counted(definition)
    monkeypatch.setattr(counting, "_FEW", 10)
    with CaptureQueriesContext(connection) as asked:
        assert world.counted(definition) == few == 40
    windows = [one["sql"].count("c.id <= ") for one in asked if "UNION ALL" in one["sql"]]
    assert windows == [24], "two groups, in each of twelve windows"
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == ("on",)


HOSTILE = "') OR 1=1; DROP TABLE lists_contact; -- %s %(x)s {0} \\"


def test_nothing_of_the_users_text_is_in_the_sql(world: World) -> None:
    definition = parse(
        {
            "groups": [
                [
                    {"what": "email", "op": "is", "values": [HOSTILE]},
                    {"what": f"string:{HOSTILE}", "op": "contains", "values": [HOSTILE]},
                ]
            ]
        }
    )
    names = names_for(world.tenant, [definition])
    names.fields["string", HOSTILE] = "x"
    asked = compile_definition(definition, names, Clock.of(world.tenant, NOW))
    assert "DROP" not in asked.sql
    assert list(asked.params.values()).count(HOSTILE) == 3
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM lists_contact c WHERE {asked.sql}", asked.params)
        assert cursor.fetchone() == (0,)


def test_what_another_tenant_has_cannot_be_asked_for(world: World, evil: Tenant) -> None:
    """Not its list, tag, field or campaign: the definition is broken there and matches nobody."""
    victim: Contact = Contact.unscoped.create(tenant=evil, email="e@x.com", email_norm="e@x.com")
    mine = [
        ("list", "not_on", world.ids.lists[0]),
        ("tag", "has_not", world.ids.tags[0]),
        ("sent", "not_campaign", str(world.campaign.public_id)),
        ("string:city", "not_set", None),
        ("list", "not_on", str(uuid4())),
    ]
    other = {"what": "email", "op": "is", "values": ["e@x.com"]}
    for what, op, value in mine:
        condition = {"what": what, "op": op, "values": [value] if value else []}
        definition = parse({"groups": [[condition], [other]]})
        names = names_for(evil, [definition])
        asked = compile_definition(definition, names, Clock.of(evil, NOW))
        assert len(asked.broken) == 1, what
        assert count(evil, definition) == 0
    anybody = parse({"groups": [[{"what": "email", "op": "contains", "values": ["@"]}]]})
    assert count(evil, anybody) == 1
    assert victim.pk not in world.found(anybody)


def test_a_value_of_another_kind_is_none(world: World) -> None:
    """Values that were there before their field, or came from elsewhere."""
    Contact.unscoped.create(
        tenant=world.tenant,
        email="a@x.com",
        email_norm="a@x.com",
        fields={"age": "old", "vip": "maybe", "born": "long ago"},
    )
    for what, op, values in [
        ("number:age", "gt", [0]),
        ("boolean:vip", "yes", []),
        ("date:born", "on", ["2000-01-01"]),
        ("date:born", "anniversary", [366]),
    ]:
        condition = {"what": what, "op": op, "values": values}
        assert world.found(parse({"groups": [[condition]]}), now=timezone.now()) == set(), what
