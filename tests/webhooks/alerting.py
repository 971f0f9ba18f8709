"""What the tests of alerts share: the clock, choices, and bounces to tell of."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact
from sending.models import Batch, EventKind, Message, MessageEvent
from tenants.models import Membership, Tenant, User
from tests.webhooks.conftest import make_message
from webhooks import alerts
from webhooks.models import AlertChoice

MINUTE = timedelta(minutes=1)
START = datetime.fromisoformat("2026-11-20T10:00:00+00:00")


@pytest.fixture
def tell(batch: Batch, add_contact: Callable[..., Contact]) -> Callable[..., list[Message]]:
    """Puts bounces and complaints of new contacts into the open digest."""
    numbers = iter(range(1_000))

    def note(bounces: int, complaints: int = 0, at: datetime = START) -> list[Message]:
        messages, news = [], []
        for position in range(bounces + complaints):
            contact = add_contact(f"person{next(numbers)}@example.com")
            message = make_message(batch, contact)
            is_complaint = position >= bounces
            event = MessageEvent.unscoped.create(
                tenant=batch.tenant,
                message=message,
                kind=EventKind.COMPLAINT if is_complaint else EventKind.BOUNCE,
                subtype="abuse" if is_complaint else "Permanent/General",
                recipient=contact.email,
                diagnostic="" if is_complaint else "smtp; 550 5.1.1 <unknown>",
                dedupe="1",
                at=at,
            )
            messages.append(message)
            news.append(alerts.News(event.pk, contact.pk, is_complaint))
        alerts.note(tenant=batch.tenant, news=news, now=at)
        return messages

    return note


def clock(at: datetime) -> int:
    """What the beat does each minute; returns how many alerts were mailed."""
    write(at)
    return alerts.mail_written(at)


def write(at: datetime) -> None:
    """Writes what is due; whoever was made by a fixture has long been a member."""
    new = Membership.unscoped.filter(created_at__gt=timezone.now() - timedelta(hours=1))
    new.update(created_at=START - timedelta(days=30))
    alerts.write_due(at)


def choose(tenant: Tenant, user: User | None = None, **values: Any) -> None:
    AlertChoice.unscoped.update_or_create(tenant=tenant, user=user, defaults=values)
