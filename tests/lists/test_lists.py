"""Lists: counts, growth, deletion."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, CampaignStatus
from lists import growth
from lists.errors import ListInUse
from lists.models import (
    Contact,
    List,
    ListDay,
    ListTally,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.selectors import lists as selectors
from lists.selectors.lists import growth_of, lists_to_count, lists_with_counts, sendable_of
from lists.services import consent, preferences
from lists.services.contacts import subscribe
from lists.services.lists import delete_list, uses_of
from lists.tokens import Kind, make
from sending.models import Batch, BatchState, Lane, SesAccount
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person

AddContact = Callable[..., Contact]


def counted(list_: List) -> List:
    [found] = lists_with_counts(tenant=list_.tenant, public_id=list_.public_id)
    return found


def fill(add_contact: AddContact) -> None:
    """Three active, one of them paused; two unconfirmed; one unsubscribed."""
    for n in range(3):
        add_contact(f"a{n}@x.example")
    for n in range(2):
        add_contact(f"u{n}@x.example", status=SubscriptionStatus.UNCONFIRMED)
    add_contact("gone@x.example", status=SubscriptionStatus.UNSUBSCRIBED)
    Contact.unscoped.filter(email="a0@x.example").update(
        paused_until=timezone.now() + timedelta(days=1)
    )


def figures(list_: List) -> tuple[int | None, ...]:
    one = counted(list_)
    return (one.active, one.unconfirmed, one.unsubscribed, sendable_of(one))  # type: ignore[attr-defined]


def test_a_small_list_is_counted_when_somebody_looks(news: List, add_contact: AddContact) -> None:
    assert figures(news) == (0, 0, 0, 0)
    fill(add_contact)
    assert figures(news) == (3, 2, 1, 2)
    assert growth.count_large() == 0


def test_a_large_list_is_counted_by_the_clock(
    news: List, add_contact: AddContact, evil: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(add_contact)
    small = List.unscoped.create(tenant=news.tenant, name="Small")
    monkeypatch.setattr(selectors, "LIVE_UP_TO", 2)
    assert figures(news) == (None, None, None, None)
    assert growth.count_large() == 1
    assert figures(news) == (3, 2, 1, 2)
    add_contact("late@x.example")
    assert figures(news) == (3, 2, 1, 2)
    assert counted(news).counted_at is not None  # type: ignore[attr-defined]
    assert figures(small) == (0, 0, 0, 0)
    assert lists_with_counts(tenant=evil) == []


def test_a_count_waits_a_hundred_times_as_long_as_it_took(
    news: List, add_contact: AddContact, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(add_contact)
    monkeypatch.setattr(selectors, "LIVE_UP_TO", 2)
    growth.count_large()
    now = timezone.now()
    assert lists_to_count(now=now + timedelta(seconds=50)) == []
    assert lists_to_count(now=now + timedelta(seconds=70)) == [news.pk]
    ListTally.unscoped.update(took=2.0)
    assert lists_to_count(now=now + timedelta(seconds=190)) == []
    assert lists_to_count(now=now + timedelta(seconds=210)) == [news.pk]


# --- growth -----------------------------------------------------------------------------------


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def place(
    add_contact: AddContact, email: str, source: Source = Source.MEMBER, **times: datetime | str
) -> None:
    contact = add_contact(email)
    Subscription.unscoped.filter(contact=contact).update(source=source, **times)


def days(list_: List) -> dict[date, tuple[int, int, int]]:
    return {row.day: (row.joined, row.left, row.active) for row in list_.days.all()}


def test_the_days_of_a_list_are_reckoned_from_its_places(
    news: List, add_contact: AddContact
) -> None:
    gone = SubscriptionStatus.UNSUBSCRIBED.value
    place(add_contact, "a@x.example", created_at=at(1))
    place(add_contact, "b@x.example", Source.IMPORT, created_at=at(1))
    place(add_contact, "c@x.example", Source.FORM, created_at=at(1), confirmed_at=at(2))
    place(add_contact, "d@x.example", created_at=at(2), status=gone, unsubscribed_at=at(4))
    # Neither joined nor left: never confirmed, gone before that, or kept off by a link.
    place(add_contact, "e@x.example", Source.FORM, created_at=at(1), status="unconfirmed")
    place(
        add_contact, "f@x.example", Source.FORM, created_at=at(1), status=gone,
        unsubscribed_at=at(3),
    )  # fmt: skip
    place(
        add_contact, "g@x.example", Source.ONE_CLICK, created_at=at(3), status=gone,
        unsubscribed_at=at(3),
    )  # fmt: skip
    growth.write_days()
    today = timezone.localdate()
    assert days(news) == {
        date(2026, 3, 1): (2, 0, 2),
        date(2026, 3, 2): (2, 0, 4),
        date(2026, 3, 4): (0, 1, 3),
        today: (0, 0, 3),
    }
    assert ListDay.unscoped.get(day=date(2026, 3, 1)).sources == {"member": 1, "import": 1}
    growth.write_days()
    assert len(days(news)) == 4


def test_old_days_stay_whatever_becomes_of_the_places(news: List, add_contact: AddContact) -> None:
    place(add_contact, "a@x.example", created_at=at(1))
    growth.write_days()
    contact = Contact.unscoped.get()
    preferences.unsubscribe(contact=contact, lists=[news], source=Source.PREFERENCES)
    preferences.resubscribe(contact=contact, lists=[news])
    growth.write_days()
    today = timezone.localdate()
    assert days(news) == {date(2026, 3, 1): (1, 0, 1), today: (1, 0, 1)}


def test_a_day_is_one_of_the_workspaces_zone(news: List, add_contact: AddContact) -> None:
    Tenant.objects.update(timezone="Pacific/Auckland")
    place(add_contact, "a@x.example", created_at=at(1, hour=22))
    growth.write_days()
    assert date(2026, 3, 2) in days(news)
    assert date(2026, 3, 1) not in days(news)


def test_growth_of_the_last_weeks(news: List) -> None:
    assert growth_of(news) is None
    sunday = date(2026, 3, 15)
    for day, joined, left, active in [
        (date(2025, 3, 1), 50, 0, 50),
        (date(2026, 3, 2), 3, 1, 52),
        (date(2026, 3, 8), 4, 0, 56),
        (sunday, 0, 6, 50),
    ]:
        ListDay.unscoped.create(
            tenant=news.tenant, list=news, day=day, joined=joined, left=left, active=active,
            sources={"form": joined} if joined else {},
        )  # fmt: skip
    found = growth_of(news, today=sunday)
    assert found is not None
    assert (found.days[0], found.days[-1]) == (date(2025, 12, 22), sunday)
    assert found.active[0] == 50
    assert found.active[-14:] == [50 + 2] * 6 + [56] * 7 + [50]
    assert len(found.weeks) == selectors.WEEKS
    assert (found.joined[-2:], found.left[-2:]) == ([7, 0], [1, 6])
    assert found.sources == [("Sign-up form", 7)]


def test_the_lists_page_shows_the_growth(
    alice: Person, news: List, add_contact: AddContact
) -> None:
    place(add_contact, "a@x.example", Source.FORM, confirmed_at=timezone.now())
    page = alice.client.get(f"/w/acme/lists/{news.public_id}/").content.decode()
    assert "Its chart begins within 15 minutes." in page
    growth.write_days()
    page = alice.client.get(f"/w/acme/lists/{news.public_id}/").content.decode()
    assert "Active members, by day" in page and "begins within" not in page
    assert "How they joined" in page


# --- deletion ---------------------------------------------------------------------------------


def test_a_list_is_deleted_when_its_name_is_typed(
    bob: Person, news: List, add_contact: AddContact, client: Client
) -> None:
    ada = add_contact("ada@x.example")
    other = List.unscoped.create(tenant=news.tenant, name="Other")
    subscribe(contact=ada, lists=[other], source=Source.MEMBER, consent_wording="x")
    url = f"/w/acme/lists/{news.public_id}/delete/"
    bob.client.post(url, {"confirmation": "news"})
    assert List.unscoped.filter(pk=news.pk).exists()
    bob.client.post(url, {"confirmation": "News"})
    assert not List.unscoped.filter(pk=news.pk).exists()
    assert list(ada.subscriptions.values_list("list__name", flat=True)) == ["Other"]
    assert ada.consents.exists()
    event = AuditEvent.unscoped.get(action="list.deleted")
    assert (event.target, event.detail) == ("News", {"places": 1})
    unsubscribe = reverse("public:unsubscribe", args=[make(Kind.RECIPIENT, 0, ada.pk)])
    assert client.post(unsubscribe, {"List-Unsubscribe": "One-Click"}).status_code == 200


def campaign(list_: List, name: str, **fields: object) -> Campaign:
    made = Campaign.unscoped.create(tenant=list_.tenant, name=name, **fields)
    made.lists.set([list_])
    return made


def test_what_uses_a_list_is_named_and_planned_mail_keeps_it(
    alice: Person, news: List, ses_account: SesAccount
) -> None:
    form = SignupForm.unscoped.create(
        tenant=news.tenant, name="Footer", title="x", consent_wording="x"
    )
    form.lists.set([news])
    campaign(news, "Draft")
    batch = Batch.unscoped.create(
        tenant=news.tenant, lane=Lane.CAMPAIGN, ses_account=ses_account, text="x", subject="x",
        from_header="x@acme.example", list_ids=[news.pk], state=BatchState.DONE,
    )  # fmt: skip
    campaign(news, "Sent", status=CampaignStatus.LAUNCHED, batch=batch)
    named = {(use.kind, use.name, use.blocks) for use in uses_of(news)}
    assert named == {("Form", "Footer", False), ("Campaign", "Draft", False)}
    campaign(news, "Planned", status=CampaignStatus.SCHEDULED, scheduled_at=timezone.now())
    page = alice.client.get(f"/w/acme/lists/{news.public_id}/").content.decode()
    assert "Planned" in page
    with pytest.raises(ListInUse, match="Campaign Planned"):
        delete_list(list_=news, actor=alice.user)
    Campaign.unscoped.filter(name="Planned").delete()
    Batch.unscoped.update(state=BatchState.RUNNING)
    with pytest.raises(ListInUse, match="Campaign Sent"):
        delete_list(list_=news, actor=alice.user)
    Batch.unscoped.update(state=BatchState.CANCELLED)
    delete_list(list_=news, actor=alice.user)
    assert not form.lists.exists()


def test_nobody_is_put_on_a_list_that_is_gone(news: List, add_contact: AddContact) -> None:
    ada = add_contact("ada@x.example")
    stale = List.unscoped.get(pk=news.pk)
    delete_list_rows = List.unscoped.filter(pk=news.pk)
    Subscription.unscoped.all().delete()
    delete_list_rows.delete()
    assert subscribe(contact=ada, lists=[stale], source=Source.API) == []
    consent.activate(contact=ada, lists=[stale], source=Source.PREFERENCES)
    assert not Subscription.unscoped.exists()
