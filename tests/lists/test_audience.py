"""Who counts as sendable: every state alone and together."""

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
    Suppression,
    SuppressionReason,
)
from lists.selectors.audience import count_sendable, suppressed_among
from tenants.models import Tenant

AddContact = Callable[..., Contact]


def _suppress(tenant: Tenant, email_norm: str) -> None:
    Suppression.unscoped.create(
        tenant=tenant,
        email_norm=email_norm,
        reason=SuppressionReason.HARD_BOUNCE,
        source=Source.SES,
    )


def test_an_active_member_is_counted_once_over_several_lists(
    acme: Tenant, news: List, add_contact: AddContact
) -> None:
    contact = add_contact("a@example.com")
    other = List.unscoped.create(tenant=acme, name="Offers")
    Subscription.unscoped.create(
        tenant=acme,
        contact=contact,
        list=other,
        status=SubscriptionStatus.ACTIVE,
        source=Source.MEMBER,
    )
    assert count_sendable(tenant=acme, list_ids=[news.pk, other.pk]) == 1
    assert count_sendable(tenant=acme, list_ids=[]) == 0


@pytest.mark.parametrize(
    "status", [SubscriptionStatus.UNCONFIRMED, SubscriptionStatus.UNSUBSCRIBED]
)
def test_a_member_who_has_not_confirmed_or_has_left_is_not(
    acme: Tenant, news: List, add_contact: AddContact, status: SubscriptionStatus
) -> None:
    add_contact("a@example.com", status=status)
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0


@pytest.mark.parametrize(("days", "expected"), [(1, 0), (-1, 1)])
def test_a_pause_of_a_list_or_of_everything_ends_by_itself(
    acme: Tenant, news: List, add_contact: AddContact, days: int, expected: int
) -> None:
    until = timezone.now() + timedelta(days=days)
    contact = add_contact("a@example.com", paused_until=until)
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == expected
    Contact.unscoped.filter(pk=contact.pk).update(paused_until=None)
    Subscription.unscoped.filter(contact=contact).update(paused_until=until)
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == expected


def test_unsubscribed_from_everything_beats_an_active_place(
    acme: Tenant, news: List, add_contact: AddContact
) -> None:
    add_contact("a@example.com", unsubscribed_at=timezone.now())
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0


def test_suppression_beats_everything_in_its_own_tenant_only(
    acme: Tenant, evil: Tenant, news: List, add_contact: AddContact
) -> None:
    add_contact("a@example.com")
    _suppress(evil, "a@example.com")
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 1
    _suppress(acme, "a@example.com")
    assert count_sendable(tenant=acme, list_ids=[news.pk]) == 0
    assert suppressed_among(tenant=acme, email_norms=["a@example.com", "b@example.com"]) == {
        "a@example.com": "hard_bounce"
    }


def test_another_tenants_lists_reach_nobody(
    acme: Tenant, evil: Tenant, news: List, add_contact: AddContact
) -> None:
    add_contact("a@example.com")
    assert count_sendable(tenant=evil, list_ids=[news.pk]) == 0
