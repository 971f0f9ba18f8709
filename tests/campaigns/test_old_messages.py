"""What people and programs see of messages that went by their age."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.selectors.timeline import timeline_of
from sending import retention
from sending.models import Batch, BatchTally, Message, MessageData, MessageEvent, Status
from tests.conftest import Person
from tests.world import World, build

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def world(alice: Person) -> World:
    """A campaign of over a year ago, a bounce and one message of it unknown; a single mail."""
    made = build(alice.tenant, alice.user, "zanzibar")
    ended = timezone.now() - timedelta(days=400)
    assert made.sent.batch is not None
    Batch.unscoped.filter(pk=made.sent.batch.pk).update(launched_at=ended, finished_at=ended)
    Message.unscoped.update(sent_at=ended)
    Message.unscoped.create(
        tenant=made.tenant, batch=made.sent.batch, email="x@e.example", status=Status.UNKNOWN
    )
    BatchTally.unscoped.filter(batch=made.sent.batch).update(total=2, unknown=1, bounced=1)
    MessageData.unscoped.update(created_at=ended)
    return made


def address(world: World, page: str) -> str:
    return reverse(f"campaigns:{page}", args=["acme", world.sent.public_id])


def test_the_report_keeps_its_totals_and_says_who_is_gone(world: World, alice: Person) -> None:
    report, totals = address(world, "report"), address(world, "progress")
    before, figures = alice.client.get(report).content.decode(), alice.client.get(totals).content
    assert "zanzibar@zanzibar.example" in before
    assert "Send to them again" in before
    assert retention.forget(seconds=10) == 3
    assert alice.client.get(totals).content == figures
    after = alice.client.get(report).content.decode()
    assert "your workspace keeps single messages for 365 days" in after
    assert "Send to them again" not in after
    assert "zanzibar@zanzibar.example" not in after


def test_who_presses_an_old_button_sends_nothing(world: World, alice: Person) -> None:
    retention.forget(seconds=10)
    answer = alice.client.post(address(world, "resend_unknown"), follow=True)
    assert answer.status_code == 200
    assert "Sending again to 0" in answer.content.decode()
    assert Message.unscoped.count() == 0


def test_the_contact_stays_without_its_mails(world: World, alice: Person) -> None:
    assert len(timeline_of(world.contact)) == 2
    retention.forget(seconds=10)
    assert timeline_of(world.contact) == []
    url = f"/w/acme/contacts/{world.contact.public_id}/"
    assert alice.client.get(url).status_code == 200
    assert MessageEvent.unscoped.count() == 0


def test_a_program_gets_404_in_the_usual_shape(world: World) -> None:
    client = Client(headers={"authorization": f"Bearer {world.key.text}"})
    url = f"/api/v1/emails/{world.email.public_id}"
    assert client.get(url).status_code == 200
    retention.forget(seconds=10)
    answer = client.get(url)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert client.get("/api/v1/emails").json()["data"] == []


def test_the_page_of_bounces_still_opens(world: World, alice: Person) -> None:
    retention.forget(seconds=10)
    assert alice.client.get("/w/acme/feedback/").status_code == 200
