"""Which list and which import brought the bounces: counted by the clock, honestly."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lists.models import Contact, List, SignupForm, Source, Subscription
from lists.services import consent
from reputation.counting import count_sources
from reputation.models import BatchSource, SourceCount
from reputation.selectors.sources import Origin, Origins, origins
from sending.models import Batch, Outcome, SesAccount
from tenants.models import Tenant
from tests.reputation.scenes import join, mail, make_campaign, make_import

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]


def counted() -> int:
    """Counts, as if every wait were over."""
    SourceCount.unscoped.update(counted_at=timezone.now() - timedelta(days=1))
    return count_sources(seconds=30)


def seen(tenant: Tenant, days: int = 30) -> Origins:
    accounts = SesAccount.objects.for_tenant(tenant).values_list("pk", flat=True)
    return origins(tenant, days=days, account_ids=accounts)


def rows(found: list[Origin]) -> list[tuple[Any, ...]]:
    return [
        (one.name, one.mailed, one.bounces.count, one.complaints.count, round(one.share, 2))
        for one in found
    ]


@pytest.fixture
def offers(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="Offers")


@pytest.fixture
def batch(ses_account: SesAccount, news: List, offers: List) -> Batch:
    campaign = make_campaign(ses_account, "Spring", [news, offers])
    assert campaign.batch is not None
    return campaign.batch


@pytest.fixture
def told(batch: Batch, acme: Tenant, news: List, offers: List) -> Batch:
    """Six are mailed: three by an import, two by a form, one by both lists; three bounce."""
    bought = make_import(acme, "bought.csv")
    outcomes = [Outcome.HARD_BOUNCED, Outcome.HARD_BOUNCED, Outcome.DELIVERED]
    for n, outcome in enumerate(outcomes):
        contact = Contact.unscoped.create(tenant=acme, email=f"i{n}@x.example", email_norm=f"i{n}")
        join(contact, news, Source.IMPORT, bought)
        mail(batch, contact, outcome)
    for n, outcome in enumerate([Outcome.COMPLAINED, Outcome.DELIVERED]):
        contact = Contact.unscoped.create(tenant=acme, email=f"f{n}@x.example", email_norm=f"f{n}")
        join(contact, offers, Source.FORM)
        mail(batch, contact, outcome)
    both = Contact.unscoped.create(tenant=acme, email="b@x.example", email_norm="b")
    join(both, news, Source.API)
    join(both, offers, Source.FORM)
    mail(batch, both, Outcome.HARD_BOUNCED)
    return batch


def test_lists_and_sources_with_their_bounces(told: Batch, acme: Tenant) -> None:
    assert counted() == 1
    found = seen(acme)
    assert rows(found.lists) == [("News", 4, 3, 0, 1.0), ("Offers", 3, 1, 1, 0.33)]
    assert rows(found.sources) == [
        ("Import: bought.csv", 3, 2, 0, 0.67),
        ("Sign-up form", 3, 1, 1, 0.33),
        ("API", 1, 1, 0, 0.33),
    ]
    assert found.counted_at is not None
    assert [one.imported.filename for one in found.sources if one.imported] == ["bought.csv"]


def test_forms_are_told_apart_and_whoever_came_back_by_one_is_no_imports(
    told: Batch, acme: Tenant, offers: List
) -> None:
    footer, popup = (SignupForm.unscoped.create(tenant=acme, name=n) for n in ("Footer", "Popup"))
    places = Subscription.unscoped.filter(list=offers)
    places.filter(contact__email="f0@x.example").update(form=footer)
    places.filter(contact__email="f1@x.example").update(form=popup)
    back = Contact.unscoped.get(email="i0@x.example")
    consent.activate(contact=back, lists=[offers], source=Source.FORM, form=footer)
    counted()
    found = seen(acme).sources
    assert set(rows(found)) == {
        ("Import: bought.csv", 3, 2, 0, 0.67),
        ("Sign-up form: Footer", 2, 1, 1, 0.33),
        ("Sign-up form", 1, 1, 0, 0.33),  # it was never written down which one
        ("API", 1, 1, 0, 0.33),
        ("Sign-up form: Popup", 1, 0, 0, 0.0),
    }
    assert {one.form for one in found} == {footer, popup, None}


def test_a_place_that_an_import_made_and_a_form_confirmed_counts_for_the_form(
    told: Batch, acme: Tenant, news: List
) -> None:
    form = SignupForm.unscoped.create(tenant=acme, name="Footer")
    for contact in Contact.unscoped.filter(email__startswith="i"):
        consent.activate(contact=contact, lists=[news], source=Source.FORM, form=form)
    counted()
    assert rows(seen(acme).sources)[0] == ("Sign-up form: Footer", 3, 2, 0, 0.67)
    for contact in Contact.unscoped.filter(email__startswith="i"):
        consent.activate(contact=contact, lists=[news], source=Source.PREFERENCES)
    assert not Subscription.unscoped.filter(form=form).exists()


def test_what_has_not_moved_is_not_counted_again(told: Batch, acme: Tenant) -> None:
    assert (counted(), counted()) == (1, 0)
    contact = Contact.unscoped.create(tenant=acme, email="l@x.example", email_norm="l")
    mail(told, contact, Outcome.HARD_BOUNCED)
    assert counted() == 1
    assert ("On none of these lists any more", 1, 1, 0, 0.25) in rows(seen(acme).lists)
    assert BatchSource.unscoped.filter(batch=told).count() == 4


def test_a_count_waits_a_hundred_times_as_long_as_the_last_one_took(
    told: Batch, add_contact: AddContact
) -> None:
    assert count_sources(seconds=30) == 1
    mail(told, add_contact("new@x.example"))
    for took, minutes_ago, counts in [(0.01, 0.9, 0), (6, 9, 0), (6, 11, 1)]:
        counted_at = timezone.now() - timedelta(minutes=minutes_ago)
        SourceCount.unscoped.update(took=took, counted_at=counted_at)
        assert count_sources(seconds=30) == counts


def test_a_campaign_that_still_leaves_has_its_mails_so_far(told: Batch, acme: Tenant) -> None:
    Batch.unscoped.update(state="paused")
    assert counted() == 1
    assert seen(acme).lists[0].mailed == 4


def test_what_is_not_counted(told: Batch, acme: Tenant, news: List) -> None:
    for fields in (
        {"launched_at": timezone.now() - timedelta(days=32)},
        {"launched_at": timezone.now(), "list_ids": []},
        # Its messages are gone, and a count would find nobody.
        {"list_ids": [news.pk], "messages_deleted_at": timezone.now()},
    ):
        Batch.unscoped.update(**fields)
        assert counted() == 0
    assert seen(acme).counted_at is None


def test_a_window_has_the_campaigns_launched_in_it(told: Batch, acme: Tenant) -> None:
    counted()
    Batch.unscoped.update(launched_at=timezone.now() - timedelta(days=8))
    assert seen(acme, days=7).lists == []
    assert len(seen(acme, days=30).lists) == 2


def test_a_list_that_goes_stays_in_the_sums(told: Batch, acme: Tenant, offers: List) -> None:
    counted()
    Subscription.unscoped.filter(list=offers).delete()
    offers.delete()
    assert rows(seen(acme).lists) == [
        ("News", 4, 3, 0, 1.0),
        ("On none of these lists any more", 3, 1, 1, 0.33),
    ]


def test_nobody_sees_anothers(told: Batch, acme: Tenant, evil: Tenant) -> None:
    counted()
    assert seen(evil) == Origins([], [], None)
    accounts = SesAccount.objects.for_tenant(acme).values_list("pk", flat=True)
    assert origins(evil, days=30, account_ids=accounts) == Origins([], [], None)


def test_the_page_reads_counts_and_no_messages(told: Batch, acme: Tenant) -> None:
    counted()
    with CaptureQueriesContext(connection) as asked:
        seen(acme)
    assert len(asked) <= 6
    assert not any("sending_message" in query["sql"] for query in asked.captured_queries)
