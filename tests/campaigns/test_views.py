"""The campaign pages."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from campaigns.models import Campaign, CampaignStatus
from campaigns.services.campaigns import create_campaign, save_draft, send_campaign
from lists.models import List
from sending.models import Batch, BatchState, Message, Outcome, SesAccount, Status
from tenants.models import Role
from tests.campaigns.test_campaigns import DRAFT
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def draft(alice: Person, news: List, ses_account: SesAccount, add_contact: Callable) -> Campaign:
    add_contact("ada@example.com")
    campaign = create_campaign(tenant=alice.tenant, actor=alice.user, name="Spring")
    return save_draft(campaign=campaign, lists=[news], **DRAFT)


def url(campaign: Campaign, page: str) -> str:
    return reverse(f"campaigns:{page}", args=["acme", campaign.public_id])


def test_from_a_name_to_a_launched_campaign(alice: Person, draft: Campaign, news: List) -> None:
    draft.delete()
    made = alice.client.post(reverse("campaigns:new", args=["acme"]), {"name": "May"})
    campaign = Campaign.objects.for_tenant(alice.tenant).get()
    assert made.headers["Location"] == url(campaign, "edit")
    posted = DRAFT | {"name": "May", "lists": [news.pk], "review": "1"}
    saved = alice.client.post(url(campaign, "edit"), posted)
    assert saved.headers["Location"] == url(campaign, "review")
    review = alice.client.get(url(campaign, "review")).content.decode()
    assert "<strong>1 person</strong>" in review
    sent = alice.client.post(url(campaign, "send"))
    assert sent.headers["Location"] == url(campaign, "report")
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.LAUNCHED
    assert alice.client.get(url(campaign, "report")).status_code == 200
    assert alice.client.get(url(campaign, "edit")).status_code == 302


def test_the_composer_names_what_is_wrong_and_keeps_what_was_typed(
    alice: Person, draft: Campaign
) -> None:
    posted = DRAFT | {"from_email": "a@other.example", "subject": "Kept", "lists": []}
    answer = alice.client.post(url(draft, "edit"), posted)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "No connected SES account may send from a@other.example" in page
    assert 'value="Kept"' in page
    injected = DRAFT | {"from_name": "Acme\r\nBcc: x@y.example", "lists": []}
    assert alice.client.post(url(draft, "edit"), injected).status_code == 422


def test_a_list_of_another_workspace_cannot_be_chosen(
    alice: Person, draft: Campaign, mallory: Person
) -> None:
    foreign = List.unscoped.create(tenant=mallory.tenant, name="Secret")
    answer = alice.client.post(url(draft, "edit"), DRAFT | {"lists": [foreign.pk]})
    assert answer.status_code == 422
    assert "Secret" not in answer.content.decode()


def test_the_preview_is_alone_in_a_sandbox(alice: Person, draft: Campaign) -> None:
    Campaign.unscoped.update(
        html='<script>alert(1)</script><p onclick="x()">Hi {{ contact.first_name }}</p>'
    )
    answer = alice.client.get(url(draft, "preview"))
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Hi Alice" in answer.content.decode()
    Campaign.unscoped.update(html="{% if %}")
    assert "cannot be read" in alice.client.get(url(draft, "preview")).content.decode()


def test_a_name_with_markup_is_escaped_everywhere(alice: Person, draft: Campaign) -> None:
    Campaign.unscoped.update(name="<script>alert(1)</script>", subject="<img src=x>")
    pages = [reverse("campaigns:index", args=["acme"]), url(draft, "edit"), url(draft, "review")]
    for page in pages:
        content = alice.client.get(page).content.decode()
        assert "<script>alert(1)" not in content
        assert "<img src=x>" not in content


def test_the_report_files_everybody_and_pages(alice: Person, draft: Campaign) -> None:
    campaign = send_campaign(campaign=draft, actor=alice.user)
    rows = [
        Message(
            tenant=alice.tenant,
            batch=campaign.batch,
            email=f"a{n:03}@example.com",
            status=Status.SENT,
            outcome=Outcome.HARD_BOUNCED if n == 7 else Outcome.DELIVERED,
        )
        for n in range(120)
    ]
    Message.unscoped.bulk_create(rows)
    report = url(campaign, "report")
    first = alice.client.get(report)
    assert len(first.context["rows"]) == 50
    second = alice.client.get(report, {"after": first.context["page"].next})
    assert second.context["rows"][0][0].email == "a069@example.com"
    back = alice.client.get(report, {"before": second.context["page"].previous})
    assert [m.email for m, _ in back.context["rows"]] == [m.email for m, _ in first.context["rows"]]
    bounced = alice.client.get(report, {"filed": "bounced"})
    assert [m.email for m, _ in bounced.context["rows"]] == ["a007@example.com"]
    found = alice.client.get(report, {"q": "a119"})
    assert [filed for _, filed in found.context["rows"]] == ["delivered"]


def test_progress_stops_asking_when_it_is_over(alice: Person, draft: Campaign) -> None:
    campaign = send_campaign(campaign=draft, actor=alice.user)
    assert alice.client.get(url(campaign, "progress")).status_code == 200
    Batch.unscoped.update(state=BatchState.DONE)
    assert alice.client.get(url(campaign, "progress")).status_code == 286


@pytest.mark.parametrize(
    "page", ["send", "test", "delete", "pause", "resume", "cancel", "resend_unknown"]
)
def test_acts_are_posts_by_those_who_may(alice: Person, draft: Campaign, page: str) -> None:
    assert alice.client.get(url(draft, page)).status_code == 405
    membership = alice.user.memberships.get()
    membership.role = Role.VIEWER
    membership.save()
    assert alice.client.post(url(draft, page)).status_code == 403
    draft.refresh_from_db()
    assert draft.batch is None
