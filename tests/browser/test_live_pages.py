"""Pages that refresh themselves: what is under way on the home page, and the operator's page."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, CampaignStatus
from lists.models import List
from sending import queue, signs
from sending.models import QUOTA_REACHED, Batch, BatchTally, Lane, SesAccount
from sending.parking import park_aws
from tenants.models import User
from tests.browser.axe import findings
from tests.conftest import Person
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
KEY = "111122223333:eu-west-1"


@pytest.fixture
def batch(ses_account: SesAccount, news: List, alice: Person) -> Batch:
    made = make_batch(ses_account, [news])
    messages = make_messages(made, make_contacts(news, 50))
    BatchTally.unscoped.update(sent=10)
    queue.set_rate(KEY, 500)
    queue.push(KEY, Lane.CAMPAIGN, made.pk, [one.pk for one in messages])
    signs.heard(signs.WORKERS, "send@worker-1.bluefox.example")
    signs.heard(signs.DRAINS, "worker-1.bluefox.example:4711")
    fault = {"at": time.time(), "pace_key": KEY, "source": "sending", "text": "Amazon SES: no"}
    queue.valkey().lpush(signs.FAULTS, orjson.dumps(fault))
    Campaign.unscoped.create(
        tenant=alice.tenant, name="Autumn", batch=made, status=CampaignStatus.LAUNCHED
    )
    return made


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_home_follows_what_is_under_way(
    batch: Batch, login: Callable[..., Page], alice: Person, live_server: Any
) -> None:
    page = login(alice)
    page.goto(f"{live_server.url}/w/acme/")
    expect(page.get_by_text("10 sent, 40 left")).to_be_visible()
    BatchTally.unscoped.update(sent=30)
    park_aws(KEY, QUOTA_REACHED, until=None, from_lane=2)
    expect(page.get_by_text("30 sent, 20 left")).to_be_visible()
    expect(page.get_by_text("Daily quota reached", exact=True)).to_be_visible()
    Batch.unscoped.update(state="done")
    expect(page.get_by_text("Nothing is being sent any more.")).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("width", [1440, 375])
def test_the_report_follows_its_campaign(
    batch: Batch, login: Callable[..., Page], alice: Person, live_server: Any, width: int
) -> None:
    campaign = Campaign.unscoped.get()
    page = login(alice)
    page.set_viewport_size({"width": width, "height": 812})
    page.goto(f"{live_server.url}/w/acme/campaigns/{campaign.public_id}/")
    expect(page.get_by_text("10 of 50 (20%)")).to_be_visible()
    BatchTally.unscoped.update(sent=30)
    park_aws(KEY, QUOTA_REACHED, until=timezone.now() + timedelta(hours=1), from_lane=2)
    expect(page.get_by_text("30 of 50 (60%)")).to_be_visible()
    expect(page.get_by_text("Daily quota reached, resumes about ")).to_be_visible()
    expect(page.get_by_role("heading", name="Autumn")).to_have_count(1)
    assert fits(page)
    assert findings(page) == []


def test_a_page_left_open_asks_less_often(
    batch: Batch, login: Callable[..., Page], alice: Person, live_server: Any
) -> None:
    page = login(alice)
    page.clock.install()
    page.goto(f"{live_server.url}/w/acme/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def asked_in(seconds: int) -> int:
        before = len(asked)
        for _ in range(seconds):
            page.clock.run_for(1000)
            page.wait_for_timeout(100)  # for the answer: who waits for one does not ask again
        return len(asked) - before

    assert asked_in(20) >= 8
    page.clock.fast_forward(120_000)
    assert 2 <= asked_in(40) <= 5


@pytest.mark.parametrize("width", [1440, 375])
def test_the_operators_page(
    batch: Batch, login: Callable[..., Page], alice: Person, live_server: Any, width: int
) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_superuser=True)
    page = login(alice)
    page.set_viewport_size({"width": width, "height": 812})
    page.goto(f"{live_server.url}/operator/")
    expect(page.get_by_role("rowheader", name=KEY)).to_be_visible()
    expect(page.get_by_role("rowheader", name="send@worker-1.bluefox.example")).to_be_visible()
    assert fits(page)
    assert findings(page) == []
    BatchTally.unscoped.update(sent=43)
    expect(page.get_by_role("cell", name="7", exact=True)).to_be_visible(timeout=10_000)
