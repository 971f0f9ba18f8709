"""The home page: the way to the first campaign, and what needs a person."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from bluefox.home import checklist, concerns, quotas
from campaigns.models import Campaign, CampaignStatus
from lists.models import Contact, Source, SuppressionReason
from lists.services.suppression import Suppress, remove_from_all_lists, suppress
from sending.models import Batch, BatchState, BatchTally, Lane, SesAccount, SesState
from tenants.models import Membership, Role, Tenant, User
from tests.conftest import Person
from webhooks import alerts


def states(tenant: Tenant) -> list[str]:
    return [step.state for step in checklist(tenant)]


def test_an_empty_workspace_begins_with_the_first_step(evil: Tenant) -> None:
    assert states(evil) == ["current"] + ["todo"] * 5


def test_steps_are_done_by_what_is_there_and_not_in_order(
    acme: Tenant, ses_account: SesAccount, add_contact: Callable[..., Contact]
) -> None:
    assert states(acme) == ["done", "current", "done", "done", "todo", "todo"]
    add_contact("ann@example.com")
    Campaign.unscoped.create(tenant=acme, name="Draft")
    assert states(acme) == ["done", "current", "done", "done", "done", "todo"]
    Campaign.unscoped.update(status=CampaignStatus.LAUNCHED)
    assert states(acme) == ["done", "current", "done", "done", "done", "done"]


def test_a_refusal_is_shown_in_the_words_of_aws(alice: Person, ses_account: SesAccount) -> None:
    words = "The security token included in the request is invalid <b>"
    SesAccount.unscoped.update(state=SesState.FAILED, last_error=words)
    assert states(alice.tenant)[0] == "failed"
    page = alice.client.get("/w/acme/").content.decode()
    assert "security token included in the request is invalid &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("change", "words", "tone"),
    [
        ({"state": SesState.FAILED, "last_error": "no"}, "AWS refuses Main: no", "error"),
        ({"sending_enabled": False}, "AWS has paused sending for Main", "error"),
        ({"enforcement_status": "SHUTDOWN"}, "AWS has paused sending for Main", "error"),
        ({"enforcement_status": "PROBATION"}, "under review", "warning"),
        ({"production_access": False}, "in the sandbox", "warning"),
        ({"parked_reason": "the daily quota is used up"}, "the daily quota is used up", "warning"),
    ],
)
def test_what_holds_up_mail_is_named(
    acme: Tenant, ses_account: SesAccount, change: dict[str, object], words: str, tone: str
) -> None:
    assert concerns(acme) == []
    SesAccount.unscoped.update(**change)
    (concern,) = concerns(acme)
    assert words in concern.text
    assert concern.tone == tone


def test_a_missing_postal_address_comes_after_what_stops_mail(
    acme: Tenant, ses_account: SesAccount
) -> None:
    acme.postal_address = ""
    SesAccount.unscoped.update(sending_enabled=False)
    assert [concern.tone for concern in concerns(acme)] == ["error", "warning"]


def test_who_bounced_stays_a_concern_until_taken_off_the_lists(
    acme: Tenant, ses_account: SesAccount, add_contact: Callable[..., Contact]
) -> None:
    gone = [add_contact(f"gone{number}@example.com") for number in range(2)]
    news = [alerts.News(number, one.pk, False) for number, one in enumerate(gone)]
    alerts.note(tenant=acme, news=[*news, alerts.News(9, None, True)], now=timezone.now())
    assert concerns(acme) == []  # nobody of them is suppressed any more
    bounced = [Suppress(one.email, SuppressionReason.HARD_BOUNCE, Source.SES) for one in gone]
    suppress(tenant=acme, addresses=bounced)
    (concern,) = concerns(acme)
    assert concern.text.startswith("2 contacts bounced or complained of late")
    remove_from_all_lists(tenant=acme, contact_ids=[one.pk for one in gone], source=Source.MEMBER)
    assert concerns(acme) == []


def test_quota_is_what_aws_says(acme: Tenant, ses_account: SesAccount) -> None:
    SesAccount.unscoped.update(max_24_hour_send=50_000, sent_last_24_hours=50_010)
    (quota,) = quotas(acme)
    assert (quota.allowed, quota.used, quota.left, quota.rate) == (50_000, 50_010, 0, 500)
    SesAccount.unscoped.update(max_24_hour_send=-1)
    (quota,) = quotas(acme)
    assert (quota.allowed, quota.left) == (None, None)


def test_what_is_being_sent_is_shown_with_its_figures(
    alice: Person, ses_account: SesAccount
) -> None:
    batch = Batch.unscoped.create(
        tenant=alice.tenant, lane=Lane.CAMPAIGN, ses_account=ses_account, subject="x",
        state=BatchState.RUNNING, from_header="a@acme.example",
    )  # fmt: skip
    BatchTally.unscoped.create(tenant=alice.tenant, batch=batch, shard=0, total=5000, sent=1250)
    Campaign.unscoped.create(
        tenant=alice.tenant, name="Autumn", batch=batch, status=CampaignStatus.LAUNCHED
    )
    page = alice.client.get("/w/acme/").content.decode()
    assert "1,250 of 5,000 (25%)" in page


def test_a_viewer_sees_the_page_without_acts(acme: Tenant, ses_account: SesAccount) -> None:
    user = User.objects.create_user("viewer@acme.example")
    Membership.unscoped.create(tenant=acme, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    assert client.get("/w/acme/").status_code == 200
