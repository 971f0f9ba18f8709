"""Unsubscribe, resubscribe, pause: idempotent, exact, proved."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from lists.models import (
    ConsentRecord,
    Contact,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.selectors.audience import count_sendable
from lists.services import preferences
from tenants.models import Tenant


@pytest.fixture
def offers(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="Offers")


@pytest.fixture
def ada(add_contact: Callable[..., Contact], offers: List) -> Contact:
    contact = add_contact("ada@person.example")
    Subscription.unscoped.create(
        tenant=contact.tenant, contact=contact, list=offers, status="active", source=Source.MEMBER
    )
    return contact


def sendable(*lists: List) -> int:
    return count_sendable(tenant=lists[0].tenant, list_ids=[one.pk for one in lists])


def records(contact: Contact) -> list[tuple[str, list[str]]]:
    rows = ConsentRecord.unscoped.filter(contact=contact).order_by("pk")
    return [(row.act, row.list_names) for row in rows]


def test_unsubscribe_from_one_list(ada: Contact, news: List, offers: List) -> None:
    assert preferences.unsubscribe(contact=ada, lists=[news], source=Source.ONE_CLICK)
    assert (sendable(news), sendable(offers)) == (0, 1)
    assert records(ada) == [("unsubscribed", ["News"])]


def test_a_second_unsubscribe_is_no_news(ada: Contact, news: List) -> None:
    preferences.unsubscribe(contact=ada, lists=[news], source=Source.ONE_CLICK)
    at = Subscription.unscoped.get(contact=ada, list=news).unsubscribed_at
    assert not preferences.unsubscribe(contact=ada, lists=[news], source=Source.ONE_CLICK)
    assert Subscription.unscoped.get(contact=ada, list=news).unsubscribed_at == at
    assert len(records(ada)) == 1


def test_unsubscribe_from_everything(ada: Contact, news: List, offers: List) -> None:
    assert preferences.unsubscribe(contact=ada, lists=None, source=Source.ONE_CLICK)
    ada.refresh_from_db()
    assert ada.unsubscribed_at is not None
    assert sendable(news, offers) == 0
    assert not preferences.unsubscribe(contact=ada, lists=None, source=Source.ONE_CLICK)
    assert not preferences.unsubscribe(contact=ada, lists=[news], source=Source.ONE_CLICK)
    assert records(ada) == [("unsubscribed", ["News", "Offers"])]


def test_unsubscribing_from_a_list_one_is_not_on_keeps_one_off_it(
    ada: Contact, acme: Tenant
) -> None:
    other = List.unscoped.create(tenant=acme, name="Other")
    assert preferences.unsubscribe(contact=ada, lists=[other], source=Source.ONE_CLICK)
    place = Subscription.unscoped.get(contact=ada, list=other)
    assert place.status == SubscriptionStatus.UNSUBSCRIBED


def test_resubscribe_after_everything_brings_back_one_list(
    ada: Contact, news: List, offers: List
) -> None:
    preferences.unsubscribe(contact=ada, lists=None, source=Source.PREFERENCES)
    preferences.resubscribe(contact=ada, lists=[offers])
    assert (sendable(news), sendable(offers)) == (0, 1)
    assert records(ada)[-1] == ("resubscribed", ["Offers"])


def test_a_pause_of_one_list_ends_by_itself(ada: Contact, news: List, offers: List) -> None:
    preferences.pause(contact=ada, only=news, until=timezone.now() + timedelta(days=30))
    assert (sendable(news), sendable(offers)) == (0, 1)
    assert records(ada) == [("paused", ["News"])]
    Subscription.unscoped.filter(contact=ada, list=news).update(paused_until=timezone.now())
    assert sendable(news) == 1


def test_a_pause_of_everything_and_its_end(ada: Contact, news: List, offers: List) -> None:
    preferences.pause(contact=ada, only=None, until=timezone.now() + timedelta(days=90))
    assert sendable(news, offers) == 0
    preferences.resume(contact=ada, only=None)
    assert sendable(news, offers) == 1
    assert [act for act, _ in records(ada)] == ["paused", "resumed"]


def test_resume_one_list(ada: Contact, news: List) -> None:
    preferences.pause(contact=ada, only=news, until=timezone.now() + timedelta(days=90))
    preferences.resume(contact=ada, only=news)
    assert sendable(news) == 1


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_pause_has_a_sensible_end(ada: Contact, news: List, days: int) -> None:
    with pytest.raises(preferences.BadPause, match="between tomorrow and a year"):
        preferences.pause(contact=ada, only=news, until=timezone.now() + timedelta(days=days))
    assert sendable(news) == 1
    assert records(ada) == []


def test_a_pause_does_not_subscribe(add_contact: Callable[..., Contact], news: List) -> None:
    contact = add_contact("bea@person.example", status=SubscriptionStatus.UNSUBSCRIBED)
    preferences.pause(contact=contact, only=news, until=timezone.now() + timedelta(days=1))
    preferences.resume(contact=contact, only=news)
    assert sendable(news) == 0
