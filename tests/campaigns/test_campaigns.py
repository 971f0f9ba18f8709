"""A campaign from draft to launch."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.checklist import checklist
from campaigns.errors import NoSender, NotReady
from campaigns.models import Campaign, CampaignStatus
from campaigns.selectors.campaigns import campaigns_of
from campaigns.services.campaigns import (
    cancel_campaign,
    create_campaign,
    delete_draft,
    pause_campaign,
    resend_unknown_of,
    resume_campaign,
    save_draft,
    send_campaign,
    send_test,
)
from lists.models import Contact, List, SubscriptionStatus
from sending.errors import BatchEnded
from sending.models import (
    Batch,
    BatchState,
    EventKind,
    Lane,
    Message,
    MessageEvent,
    SenderIdentity,
    SesAccount,
    Status,
)
from tenants.models import AuditEvent, Tenant
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

DRAFT = {
    "name": "Spring",
    "from_name": "Acme, Inc",
    "from_email": "news@acme.example",
    "reply_to": "",
    "subject": "Hello {{ contact.first_name }}",
    "preheader": "What is new",
    "html": "<html><body><p>Hi</p></body></html>",
}


@pytest.fixture
def draft(
    alice: Person, acme: Tenant, news: List, ses_account: SesAccount, add_contact: Callable
) -> Campaign:
    add_contact("ada@example.com")
    add_contact("bea@example.com")
    campaign = create_campaign(tenant=acme, actor=alice.user, name="Spring")
    return save_draft(campaign=campaign, lists=[news], **DRAFT)


def errors(campaign: Campaign) -> list[str]:
    return [f.message for f in checklist(campaign).findings if f.level == "error"]


def test_sending_makes_one_complete_batch(draft: Campaign, alice: Person, news: List) -> None:
    sent = send_campaign(campaign=draft, actor=alice.user)
    assert sent.status == CampaignStatus.LAUNCHED
    batch = sent.batch
    assert batch is not None
    assert batch.lane == Lane.CAMPAIGN
    assert batch.from_header == '"Acme, Inc" <news@acme.example>'
    assert batch.list_ids == [news.pk]
    assert "{{ unsubscribe_url }}" in batch.html
    assert batch.html.index("What is new") < batch.html.index("<p>Hi</p>")
    assert "{{ unsubscribe_url }}" in batch.text
    event = AuditEvent.objects.for_tenant(draft.tenant).get(action="campaign.sent")
    assert event.detail == {"recipients": 2}


def test_pressing_send_twice_sends_once(draft: Campaign, alice: Person) -> None:
    send_campaign(campaign=draft, actor=alice.user)
    with pytest.raises(NotReady, match="already"):
        send_campaign(campaign=draft, actor=alice.user)
    with pytest.raises(NotReady, match="already"):
        save_draft(campaign=draft, lists=[], **DRAFT)
    with pytest.raises(NotReady, match="already"):
        delete_draft(campaign=draft)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"from_email": ""}, "Nobody is named"),
        ({"from_email": "news@other.example"}, "No connected SES account"),
        ({"subject": " "}, "subject is empty"),
        ({"html": ""}, "mail is empty"),
        ({"html": "{% if %}"}, "cannot be read, line 1"),
        ({"html": '<a href="javascript:x">x</a>'}, "script"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_sent(
    draft: Campaign, alice: Person, change: dict[str, str], says: str
) -> None:
    save_draft(campaign=draft, lists=draft.lists.all(), **(DRAFT | change))
    draft.refresh_from_db()
    assert any(says in message for message in errors(draft))
    with pytest.raises(NotReady):
        send_campaign(campaign=draft, actor=alice.user)
    draft.refresh_from_db()
    assert draft.batch is None


def test_nobody_to_mail_and_no_address_are_errors(draft: Campaign, acme: Tenant) -> None:
    Contact.unscoped.all().delete()
    acme.postal_address = ""
    acme.save()
    draft.refresh_from_db()
    found = errors(Campaign.unscoped.get(pk=draft.pk))
    assert any("Nobody on the chosen lists" in message for message in found)
    assert any("postal address" in message for message in found)


def test_sandbox_and_daily_quota_are_warnings(draft: Campaign, ses_account: SesAccount) -> None:
    SesAccount.unscoped.update(production_access=False, max_24_hour_send=1)
    checked = checklist(Campaign.unscoped.get(pk=draft.pk))
    warnings = [f.message for f in checked.findings if f.level == "warning"]
    assert any("sandbox" in message for message in warnings)
    assert any("about 2 days" in message for message in warnings)
    assert checked.ready
    assert checked.recipients == 2


def test_only_active_members_are_counted(draft: Campaign, add_contact: Callable) -> None:
    add_contact("carl@example.com", status=SubscriptionStatus.UNCONFIRMED)
    add_contact("dora@example.com", status=SubscriptionStatus.UNSUBSCRIBED)
    assert checklist(draft).recipients == 2


def test_an_unverified_domain_cannot_send(draft: Campaign) -> None:
    SenderIdentity.unscoped.update(verified=False)
    assert any("No connected SES account" in message for message in errors(draft))


def test_a_verified_domain_sends_for_its_subdomains(draft: Campaign) -> None:
    save_draft(
        campaign=draft,
        lists=draft.lists.all(),
        **(DRAFT | {"from_email": "a@mail.acme.example"}),
    )
    draft.refresh_from_db()
    assert errors(draft) == []


def test_a_test_goes_ahead_of_campaigns_to_five_at_most(draft: Campaign, alice: Person) -> None:
    sent = send_test(
        campaign=draft,
        actor=alice.user,
        addresses=["Ada@Example.com", "ada@example.com", "b@c.example"],
    )
    assert [message.contact for message in sent] == [None] * len(sent)
    batch = sent[0].batch
    assert batch.lane == Lane.SYSTEM
    assert batch.subject.startswith("[Test] Hello")
    with pytest.raises(NotReady, match="one to 5"):
        send_test(campaign=draft, actor=alice.user, addresses=[f"a{n}@c.example" for n in range(6)])
    save_draft(campaign=draft, lists=[], **(DRAFT | {"from_email": ""}))
    draft.refresh_from_db()
    with pytest.raises(NoSender, match="nobody"):
        send_test(campaign=draft, actor=alice.user, addresses=["a@c.example"])
    draft.refresh_from_db()
    assert draft.status == CampaignStatus.DRAFT


def test_brakes_are_audited(draft: Campaign, alice: Person) -> None:
    with pytest.raises(NotReady, match="not been sent"):
        pause_campaign(campaign=draft, actor=alice.user)
    campaign = send_campaign(campaign=draft, actor=alice.user)
    for act, state in (
        (pause_campaign, BatchState.PAUSED),
        (resume_campaign, BatchState.RUNNING),
        (cancel_campaign, BatchState.CANCELLED),
    ):
        act(campaign=campaign, actor=alice.user)
        assert Batch.unscoped.get().state == state
    actions = AuditEvent.objects.for_tenant(campaign.tenant).values_list("action", flat=True)
    assert {"campaign.paused", "campaign.resumed", "campaign.cancelled"} <= set(actions)


def test_a_new_campaign_takes_over_sender_and_lists(draft: Campaign, alice: Person) -> None:
    copy = create_campaign(tenant=draft.tenant, actor=alice.user, name="Summer")
    assert copy.from_email == "news@acme.example"
    assert list(copy.lists.all()) == list(draft.lists.all())
    assert copy.html == ""
    assert not Message.unscoped.exists()


def test_the_contact_page_tells_what_was_sent(draft: Campaign, alice: Person) -> None:
    campaign = send_campaign(campaign=draft, actor=alice.user)
    contact = Contact.unscoped.get(email="ada@example.com")
    assert campaign.batch
    message = Message.unscoped.create(
        tenant=draft.tenant,
        batch=campaign.batch,
        contact=contact,
        email=contact.email,
        status=Status.SENT,
        sent_at=timezone.now(),
    )
    MessageEvent.unscoped.create(
        tenant=draft.tenant,
        message=message,
        kind=EventKind.BOUNCE,
        subtype="Permanent/General",
        diagnostic="smtp; 550 5.1.1 user unknown",
        recipient=contact.email,
        dedupe="1",
        at=timezone.now(),
    )
    page = alice.client.get(
        reverse("lists:contact", args=["acme", contact.public_id])
    ).content.decode()
    assert "Sent “Spring”" in page
    assert "550 5.1.1 user unknown" in page


def test_the_unknown_are_sent_to_again_only_when_asked(draft: Campaign, alice: Person) -> None:
    campaign = send_campaign(campaign=draft, actor=alice.user)
    batch = Batch.unscoped.get()
    Batch.unscoped.update(state=BatchState.DONE)
    for email, status in (("a@example.com", Status.UNKNOWN), ("b@example.com", Status.SENT)):
        Message.unscoped.create(tenant=draft.tenant, batch=batch, email=email, status=status)
    assert resend_unknown_of(campaign=campaign, actor=alice.user) == 1
    assert Message.unscoped.get(email="a@example.com").status == Status.QUEUED
    assert Message.unscoped.get(email="b@example.com").status == Status.SENT
    assert Batch.unscoped.get().state == BatchState.RUNNING
    Batch.unscoped.update(state=BatchState.CANCELLED)
    with pytest.raises(BatchEnded):
        resend_unknown_of(campaign=campaign, actor=alice.user)


def test_the_newest_campaign_is_first(draft: Campaign, alice: Person) -> None:
    newer = create_campaign(tenant=draft.tenant, actor=alice.user, name="Summer")
    Campaign.unscoped.filter(pk=draft.pk).update(name="Spring, changed last")
    assert list(campaigns_of(draft.tenant)) == [newer, draft]
