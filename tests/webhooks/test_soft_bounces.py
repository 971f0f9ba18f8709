"""A mailbox that bounces softly on several days is suppressed: by days, in any order, and once."""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact, Source, Suppression, SuppressionReason
from lists.services.suppression import Suppress, suppress
from sending.models import Batch, Message, MessageEvent, SesAccount, Status
from tenants.models import Tenant
from tests.webhooks.conftest import make_message, payload
from webhooks import softbounces, translate
from webhooks.models import SnsMessage

FULL, DELIVERED = "event_bounce_transient_mailbox_full", "event_delivery"
NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
Event = dict[str, Any]
Report = Callable[..., Event]


@pytest.fixture
def report(account: SesAccount, batch: Batch, add_contact: Callable[..., Contact]) -> Report:
    """An event about a mail of its own to ada, so many days ago."""
    ada = add_contact("Ada@example.com")
    numbers = iter(range(1_000))

    def make(name: str, ago: int, *, hours: int = 0, bare: bool = False, **bounce: Any) -> Event:
        if bare:
            message = Message.unscoped.create(
                tenant=batch.tenant, batch=batch, email="Bob@example.com", status=Status.SENT
            )
        else:
            own = Batch.unscoped.get(pk=batch.pk)
            own.pk, own.public_id = None, f"00000000-0000-0000-0000-{next(numbers):012}"
            own.save(force_insert=True)
            message = make_message(own, ada)
        document: Event = payload(name)
        kind = "delivery" if name == DELIVERED else "bounce"
        at = (NOON - timedelta(days=ago, hours=-hours)).isoformat().replace("+00:00", "Z")
        document["mail"] |= {
            "messageId": f"ses-{message.pk}",
            "destination": [message.email],
            "tags": {"bf_msg": [str(message.pk)]},
        }
        document[kind] |= {"timestamp": at}
        if kind == "bounce":
            document[kind] |= {"feedbackId": f"f-{message.pk}"} | bounce
            document[kind]["bouncedRecipients"][0]["emailAddress"] = message.email
        return document

    return make


@pytest.fixture
def tell(account: SesAccount) -> Callable[..., dict[str, str]]:
    """Translates these events, each in a group of its own; what is suppressed then."""
    numbers = iter(range(1_000))

    def run(*events: Event, at_once: bool = False) -> dict[str, str]:
        for event in events:
            SnsMessage.unscoped.create(
                tenant=account.tenant,
                ses_account=account,
                sns_message_id=f"sns-{next(numbers)}",
                kind="Notification",
                body=json.dumps(event),
            )
            if not at_once:
                translate.translate_group()
        translate.translate_group()
        return dict(Suppression.unscoped.values_list("email_norm", "reason"))

    return run


Tell = Callable[..., dict[str, str]]
SOFT = {"ada@example.com": "soft_bounce"}


def test_four_days_within_two_weeks_suppress_and_say_which(report: Report, tell: Tell) -> None:
    assert tell(*(report(FULL, ago) for ago in (12, 9, 5))) == {}
    assert tell(report(FULL, 0)) == SOFT
    row = Suppression.unscoped.get()
    first = (NOON - timedelta(days=12)).date()
    assert f"Bounced softly on {first.day} {first:%B}, " in row.diagnostic
    assert row.diagnostic.endswith("452 4.2.2 Mailbox full")
    assert row.source == Source.SES


def test_a_burst_on_one_day_counts_once_and_old_days_not_at_all(report: Report, tell: Tell) -> None:
    burst = [report(FULL, 2, hours=hour) for hour in range(6)]
    assert tell(*burst, report(FULL, 1), report(FULL, 0), report(FULL, 20)) == {}


def test_the_day_is_the_workspaces(report: Report, tell: Tell, acme: Tenant) -> None:
    events = [report(FULL, 6), report(FULL, 4), report(FULL, 2), report(FULL, 2, hours=11)]
    assert tell(*events, at_once=True) == {}
    Tenant.objects.update(timezone="Asia/Tokyo")  # 12:00 and 23:00 UTC are two days there
    SnsMessage.unscoped.all().delete()
    assert tell(report(FULL, 2, hours=1)) == SOFT


@pytest.mark.parametrize(
    ("subtype", "status", "words", "counts"),
    [
        ("MailboxFull", "4.2.2", "smtp; 452 4.2.2 full", True),
        ("General", "4.2.1", "smtp; 450 4.2.1 disabled for now", True),
        ("General", "4.4.1", "smtp; 421 4.4.1 no answer from host", True),
        ("General", "", "", False),  # an out-of-office answer
        ("General", "5.7.1", "smtp; 451 4.7.1 greylisted", False),
        ("General", "5.2.3", "smtp; 552 5.2.3 too long for this mailbox", False),
        ("ContentRejected", "5.7.1", "smtp; 550 4.2.1 we do not like it", False),
        ("MessageTooLarge", "5.3.4", "smtp; 552 5.3.4 too large", False),
        ("CustomTimeoutExceeded", "4.4.7", "smtp; 550 4.4.7 expired", False),
    ],
)
def test_what_counts(  # noqa: PLR0917
    report: Report, tell: Tell, subtype: str, status: str, words: str, counts: bool
) -> None:
    recipient = {"emailAddress": "ada@example.com", "status": status, "diagnosticCode": words}
    events = [
        report(FULL, ago, bounceSubType=subtype, bouncedRecipients=[recipient | {}])
        for ago in range(4)
    ]
    assert tell(*events, at_once=True) == (SOFT if counts else {})


def test_a_delivery_begins_the_count_anew(report: Report, tell: Tell) -> None:
    days = [report(FULL, ago) for ago in (8, 7, 6)]
    assert tell(*days, report(DELIVERED, 5), report(FULL, 4), report(FULL, 3)) == {}
    assert tell(report(FULL, 2)) == {}
    assert tell(report(FULL, 1)) == SOFT


def test_any_order_and_any_copies_lead_to_the_same_end(report: Report, tell: Tell) -> None:
    counted = [report(FULL, ago) for ago in (9, 8, 4, 3, 2)]
    before, between = report(DELIVERED, 12), report(DELIVERED, 6)
    for seed in range(6):
        events = [*counted, before, between, *random.Random(seed).sample(counted, 3)]
        random.Random(seed).shuffle(events)
        assert tell(*events) == {}, seed
        assert tell(report(FULL, 1)) == SOFT, seed
        Suppression.unscoped.all().delete()
        Message.unscoped.filter(events__isnull=False).update(outcome=0)
        MessageEvent.unscoped.all().delete()


def test_a_delivery_that_comes_in_late_lets_go_but_of_nothing_stronger(
    report: Report, tell: Tell, acme: Tenant
) -> None:
    assert tell(*(report(FULL, ago) for ago in (7, 5, 3, 1))) == SOFT
    assert tell(report(DELIVERED, 9)) == SOFT  # before all of them
    assert tell(report(DELIVERED, 4)) == {}
    by_hand = Suppress("ada@example.com", SuppressionReason.MANUAL, Source.MEMBER)
    suppress(tenant=acme, addresses=[by_hand])
    assert tell(report(FULL, 0), report(FULL, 2), report(FULL, 3)) == {"ada@example.com": "manual"}
    assert tell(report(DELIVERED, -1)) == {"ada@example.com": "manual"}


def test_an_address_without_a_contact_counts_too(report: Report, tell: Tell) -> None:
    days = [report(FULL, ago, bare=True) for ago in (6, 4, 2)]
    assert tell(*days, report(DELIVERED, 3)) == {}
    assert tell(report(FULL, 0, bare=True)) == {"bob@example.com": "soft_bounce"}
    assert tell(report(DELIVERED, 1, bare=True)) == {}


def test_the_workspace_sets_the_days_or_switches_it_off(
    report: Report, tell: Tell, account: SesAccount
) -> None:
    days = [report(FULL, ago) for ago in (8, 1)]
    Tenant.objects.update(soft_bounce_days=2, soft_bounce_window=5)
    assert tell(*days) == {}
    Tenant.objects.update(soft_bounce_days=None)
    assert tell(*(report(FULL, ago) for ago in range(5))) == {}
    Tenant.objects.update(soft_bounce_days=2)
    assert tell(report(FULL, 0, hours=1)) == SOFT


def test_one_workspaces_bounces_do_not_count_for_another(
    report: Report, tell: Tell, evil: Tenant
) -> None:
    tell(*(report(FULL, ago) for ago in (3, 2, 1)))
    Tenant.objects.update(soft_bounce_days=3)
    softbounces.look_again(
        tenant=Tenant.objects.get(pk=evil.pk),
        bounced=["ada@example.com"],
        delivered=[],
        now=timezone.now(),
    )
    assert not Suppression.unscoped.exists()
