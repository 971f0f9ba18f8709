"""Lists plus segments minus exclusions: who gets a campaign, who does not, and why."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from campaigns.checklist import checklist
from campaigns.errors import NotReady
from campaigns.models import Campaign
from campaigns.services.campaigns import create_campaign, save_draft, send_campaign
from campaigns.services.scheduling import launch_due, schedule_campaign
from lists.errors import InUse
from lists.models import (
    Contact,
    Engagement,
    List,
    Segment,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from lists.segments.reading import parse
from lists.services.fields import create_field
from lists.services.preferences import unsubscribe
from lists.services.segments import delete_segment, save_segment
from sending import launching, ledger
from sending.models import Batch, BatchState, Message, SesAccount, Status
from sending.services.batches import resume_batch
from tenants.models import Tenant, User
from tests.campaigns.test_campaigns import DRAFT
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def other(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="Offers")


@pytest.fixture
def oslo(acme: Tenant) -> Segment:
    create_field(tenant=acme, label="City")
    return segment(acme, "Oslo", ("string:city", "is", "Oslo"))


def segment(tenant: Tenant, name: str, *conditions: tuple[Any, ...]) -> Segment:
    group = [{"what": what, "op": op, "values": values} for what, op, *values in conditions]
    return save_segment(tenant=tenant, name=name, definition=parse({"groups": [group]}))


def add(tenant: Tenant, name: str, *places: List, city: str = "Oslo", **statuses: Any) -> Contact:
    email = f"{name}@example.com"
    contact: Contact = Contact.unscoped.create(
        tenant=tenant, email=email, email_norm=email, fields={"city": city}
    )
    for place in places:
        put(contact, place, **statuses)
    return contact


def put(
    contact: Contact,
    place: List,
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
    **fields: Any,
) -> None:
    Subscription.unscoped.create(
        tenant=contact.tenant,
        contact=contact,
        list=place,
        status=status,
        source=Source.MEMBER,
        **fields,
    )


@pytest.fixture
def draft(alice: Person, acme: Tenant, ses_account: SesAccount) -> Campaign:
    return create_campaign(tenant=acme, actor=alice.user, name="Spring")


def _author(campaign: Campaign) -> User:
    assert campaign.created_by is not None
    return campaign.created_by


def launch(campaign: Campaign, **audience: Any) -> Batch:
    """The batch with its rows, launched to this audience."""
    with patch("sending.services.batches.launch.delay"):
        lists = audience.pop("lists", [])
        saved = save_draft(campaign=campaign, lists=lists, **audience, **DRAFT)
        batch = send_campaign(campaign=saved, actor=_author(campaign)).batch
    assert batch is not None
    launching.launch(batch.pk)
    batch.refresh_from_db()
    return batch


def rows(batch: Batch) -> dict[str, str]:
    """Who has a row, and why it is skipped ("" where it is not)."""
    found = Message.unscoped.filter(batch=batch).values_list("email", "status", "reason")
    assert all((status == Status.SKIPPED) == bool(reason) for _, status, reason in found)
    return {email.partition("@")[0]: reason for email, _, reason in found}


def left_out(campaign: Campaign) -> dict[str, int]:
    return {why: count for count, why in checklist(campaign).left_out}


def test_lists_and_segments_are_joined_and_nobody_is_mailed_twice(
    acme: Tenant, news: List, other: List, oslo: Segment, draft: Campaign
) -> None:
    add(acme, "both", news, other)
    add(acme, "list", news, city="Bergen")
    add(acme, "segment", other)
    add(acme, "neither", other, city="Bergen")
    add(acme, "nowhere")
    add(acme, "unconfirmed", other, status=SubscriptionStatus.UNCONFIRMED)
    email = segment(acme, "Example", ("email", "contains", "both@"))
    batch = launch(draft, lists=[news], segments=[oslo, email])
    assert rows(batch) == {"both": "", "list": "", "segment": ""}
    assert checklist(draft).recipients == 3
    assert left_out(draft) == {"in a segment, but active on no list, or have left a chosen one": 2}


def test_whoever_has_left_a_chosen_list_is_not_reached_by_another(
    acme: Tenant, news: List, other: List, oslo: Segment, draft: Campaign
) -> None:
    left, paused = add(acme, "left", other), add(acme, "paused", other)
    put(left, news, SubscriptionStatus.UNSUBSCRIBED)
    put(paused, news, paused_until=timezone.now() + timedelta(days=1))
    waiting = add(acme, "waiting", other)
    put(waiting, news, SubscriptionStatus.UNCONFIRMED)
    batch = launch(draft, lists=[news], segments=[oslo])
    assert rows(batch) == {"paused": "Paused by the contact", "waiting": ""}


@pytest.mark.parametrize("segments_too", [False, True])
def test_unsubscribing_takes_effect_on_what_is_queued(
    news: List, other: List, oslo: Segment, draft: Campaign, segments_too: bool
) -> None:
    """From the chosen list; though the contact is in the segment and on another list."""
    contacts = [add(draft.tenant, name, news, other) for name in ("stays", "leaves", "all")]
    batch = launch(draft, lists=[news], segments=[oslo] if segments_too else [])
    unsubscribe(contact=contacts[1], lists=[news], source=Source.PREFERENCES)
    unsubscribe(contact=contacts[2], lists=None, source=Source.PREFERENCES)
    claimed = ledger.claim(list(Message.unscoped.values_list("pk", flat=True))).claimed
    assert [one.recipient.email for one in claimed.values()] == ["stays@example.com"]
    assert rows(batch) == {"stays": "", "leaves": "No longer on the list", "all": "Unsubscribed"}


def test_a_campaign_to_segments_only_asks_for_consent_too(
    acme: Tenant, news: List, other: List, oslo: Segment, draft: Campaign
) -> None:
    """It names no list, which for other mail means that nobody is asked for."""
    leaves = add(acme, "leaves", news)
    add(acme, "stays", other)
    batch = launch(draft, segments=[oslo])
    assert sorted(batch.list_ids) == sorted([news.pk, other.pk])
    assert rows(batch) == {"leaves": "", "stays": ""}
    Subscription.unscoped.filter(contact=leaves).delete()
    claimed = ledger.claim(list(Message.unscoped.values_list("pk", flat=True))).claimed
    assert [one.recipient.email for one in claimed.values()] == ["stays@example.com"]


def test_exclusions_beat_lists_and_segments(
    acme: Tenant, news: List, other: List, oslo: Segment, draft: Campaign
) -> None:
    add(acme, "kept", news, city="Bergen")
    add(acme, "city", news)
    add(acme, "offers", news, other, city="Bergen")
    was = add(acme, "was", news, city="Bergen")
    put(was, other, SubscriptionStatus.UNSUBSCRIBED)
    gone = add(acme, "suppressed", news, city="Bergen")
    Suppression.unscoped.create(
        tenant=acme, email_norm=gone.email_norm, reason="manual", source=Source.MEMBER
    )
    batch = launch(draft, lists=[news], excluded_lists=[other], excluded_segments=[oslo])
    assert rows(batch) == {"kept": "", "was": "", "suppressed": "Suppressed"}
    assert checklist(draft).recipients == 2
    assert left_out(draft) == {
        "on an excluded list or in an excluded segment": 2,
        "suppressed": 1,
    }


def test_the_unengaged_are_left_out_where_the_campaign_says_so(
    acme: Tenant, news: List, draft: Campaign
) -> None:
    days = timedelta(days=1)
    now = timezone.now()
    for name, age, opened, clicked in [
        ("new", 10, None, None),
        ("silent", 100, None, None),
        ("opens", 100, 80, None),
        ("clicks", 100, None, 20),
        ("lost", 200, 100, 95),
    ]:
        contact = add(acme, name, news)
        Contact.unscoped.filter(pk=contact.pk).update(created_at=now - age * days)
        Engagement.unscoped.create(
            tenant=acme,
            contact=contact,
            last_sent_at=now,
            last_opened_at=now - opened * days if opened else None,
            last_clicked_at=now - clicked * days if clicked else None,
        )
    everybody = {"new", "silent", "opens", "clicks", "lost"}
    save_draft(campaign=draft, lists=[news], leave_out_unengaged=True, **DRAFT)
    draft.refresh_from_db()
    assert any("does not say after how many days" in f.message for f in checklist(draft).findings)
    assert checklist(draft).recipients == len(everybody)
    Tenant.objects.filter(pk=acme.pk).update(unengaged_days=90)
    draft = Campaign.unscoped.select_related("tenant").get(pk=draft.pk)
    assert checklist(draft).recipients == 3
    batch = launch(draft, lists=[news], leave_out_unengaged=True)
    assert set(rows(batch)) == {"new", "opens", "clicks"}


def test_the_definition_is_kept_as_it_was_at_the_launch(
    acme: Tenant, news: List, oslo: Segment, draft: Campaign
) -> None:
    add(acme, "oslo", news)
    add(acme, "bergen", news, city="Bergen")
    with patch("sending.services.batches.launch.delay"):
        saved = save_draft(campaign=draft, lists=[], segments=[oslo], **DRAFT)
        batch = send_campaign(campaign=saved, actor=_author(draft)).batch
    assert batch is not None
    everybody = parse({"groups": [[{"what": "email", "op": "contains", "values": ["@"]}]]})
    save_segment(tenant=acme, name="Oslo", definition=everybody, segment=oslo)
    delete_segment(segment=oslo)
    launching.launch(batch.pk)
    assert rows(batch) == {"oslo": ""}


def test_a_scheduled_campaign_asks_at_its_time(
    acme: Tenant, news: List, oslo: Segment, draft: Campaign
) -> None:
    mover = add(acme, "mover", news)
    add(acme, "stays", news)
    save_draft(campaign=draft, lists=[], segments=[oslo], **DRAFT)
    at = timezone.now() + timedelta(minutes=10)
    schedule_campaign(campaign=draft, actor=_author(draft), at=at)
    with pytest.raises(InUse, match="Campaign Spring"):
        delete_segment(segment=oslo)
    Contact.unscoped.filter(pk=mover.pk).update(fields={"city": "Bergen"})
    add(acme, "arrives", news)
    with patch("sending.services.batches.launch.delay"):
        assert launch_due(at + timedelta(seconds=1)) == 1
    draft.refresh_from_db()
    assert draft.batch is not None
    launching.launch(draft.batch.pk)
    assert rows(draft.batch) == {"stays": "", "arrives": ""}


def test_a_broken_or_empty_audience_is_an_error(
    acme: Tenant, news: List, other: List, draft: Campaign
) -> None:
    add(acme, "ada", news)
    on_offers = segment(acme, "Offers", ("list", "on", str(other.public_id)))
    draft = save_draft(campaign=draft, lists=[], segments=[on_offers], **DRAFT)
    assert "Nobody on the chosen lists" in checklist(draft).findings[0].message
    draft = save_draft(campaign=draft, lists=[news], excluded_segments=[on_offers], **DRAFT)
    assert checklist(draft).recipients == 1
    other.delete()
    checked = checklist(draft)
    assert checked.recipients == 0
    assert "A segment cannot be answered any more: Its list was deleted" in (
        checked.findings[0].message
    )
    with pytest.raises(NotReady, match="cannot be answered"):
        send_campaign(campaign=draft, actor=_author(draft))


def test_a_segment_that_breaks_during_the_launch_holds_the_rest(
    acme: Tenant, news: List, other: List, draft: Campaign
) -> None:
    """Nobody knows any more who is excluded, so nobody is mailed."""
    add(acme, "ada", news)
    on_offers = segment(acme, "Offers", ("list", "on", str(other.public_id)))
    with patch("sending.services.batches.launch.delay"):
        saved = save_draft(campaign=draft, lists=[news], excluded_segments=[on_offers], **DRAFT)
        batch = send_campaign(campaign=saved, actor=_author(draft)).batch
    assert batch is not None
    other.delete()
    for _ in range(2):
        launching.launch(batch.pk)
        batch.refresh_from_db()
        assert (batch.state, rows(batch)) == (BatchState.PAUSED, {})
        assert "Its list was deleted" in batch.state_reason
        with patch("sending.services.batches.launch.delay"):
            resume_batch(batch=batch)


def test_a_launch_in_chunks_that_dies_goes_on(
    acme: Tenant,
    news: List,
    oslo: Segment,
    draft: Campaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launching, "_FIRST_CHUNK", 2)
    monkeypatch.setattr(launching, "_WALK", 3)
    for number in range(10):
        add(acme, f"p{number}", news, city="Oslo" if number % 4 else "Bergen")
    with patch("sending.services.batches.launch.delay"):
        saved = save_draft(campaign=draft, lists=[], segments=[oslo], **DRAFT)
        batch = send_campaign(campaign=saved, actor=_author(draft)).batch
    assert batch is not None
    assert launching._write_chunk(batch.pk)
    assert rows(batch) == {"p1": ""}
    launching.launch(batch.pk)
    assert set(rows(batch)) == {f"p{number}" for number in range(10) if number % 4}


def test_another_tenants_contacts_are_never_reached(
    acme: Tenant, evil: Tenant, news: List, draft: Campaign
) -> None:
    add(acme, "ada", news)
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    add(evil, "eve", theirs)
    everybody = segment(acme, "All", ("email", "contains", "@"))
    assert set(rows(launch(draft, segments=[everybody]))) == {"ada"}
