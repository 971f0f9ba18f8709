"""The reputation page, its CSV, its API and the line at home say the same figures."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign
from lists.models import List
from reputation.selectors.shares import MOST, by_campaign, by_day, by_provider
from sending.models import Count, SesAccount
from tenants.models import Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person
from tests.reputation.scenes import make_campaign, tell
from tests.sending.factory import make_batch

pytestmark = pytest.mark.django_db
PAGE = "/w/acme/reputation/"


def page(person: Person, query: str = "") -> str:
    answer = person.client.get(PAGE + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def campaign(ses_account: SesAccount, news: List) -> Campaign:
    """300 mails today, 9 of them bounced; 1,000 mails three weeks ago, 1 complaint."""
    made = make_campaign(ses_account, "Spring", [news])
    now = timezone.now()
    assert made.batch is not None
    tell(made.batch, now, sent=200, bounced=9, held_back=2, delivered=190)
    tell(made.batch, now, domain="gmail.com", sent=100)
    older = make_campaign(ses_account, "Winter", [news], days_ago=20)
    assert older.batch is not None
    tell(older.batch, now - timedelta(days=20), sent=1_000, complained=1)
    tell(make_batch(ses_account), now, sent=7)
    return made


def test_without_an_account_it_says_what_to_do(alice: Person) -> None:
    assert "Connect Amazon SES" in page(alice)


def test_without_mail_it_says_so_and_what_aws_says(alice: Person, ses_account: SesAccount) -> None:
    SesAccount.unscoped.update(quota_read_at=timezone.now(), enforcement_status="HEALTHY")
    text = page(alice)
    assert "Nothing that counts has left through this account in 30 days" in text
    assert "AWS has nothing against this account" in text
    assert "data-chart" not in text


def test_the_figures_of_the_windows_stand_beside_the_lines(
    alice: Person, campaign: Campaign
) -> None:
    text = page(alice)
    assert "9 of 307 mails: over half of where AWS begins a review" in text
    assert "2.93%" in text
    assert "1 of 1,207 mails: too few to say" in text
    assert "0 of 207 mails: far from AWS&#x27;s lines" in text
    for words in ("AWS reviews", "AWS may pause", "Your limit"):
        assert text.count(words) >= 2
    assert '"value": 0.05' in text
    assert '"value": 0.0008' in text
    assert f"/w/acme/campaigns/{campaign.public_id}/" in text
    assert "Transactional mail" in text


def test_a_shorter_window_leaves_out_what_is_older(alice: Person, campaign: Campaign) -> None:
    assert "Winter" in page(alice)
    assert "Winter" not in page(alice, "?days=7")
    for nonsense in ("?days=9", "?days=x", "?days=", "?account=x", "?days=%F0%9F%A6%8A"):
        assert "Winter" in page(alice, nonsense)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"enforcement_status": "PROBATION"}, "Under review at AWS"),
        ({"enforcement_status": "SHUTDOWN", "sending_enabled": False}, "AWS has paused sending"),
        ({"sending_enabled": False}, "Sending is switched off"),
        (
            {"production_access": False},
            '<a href="/w/acme/readiness/">Ask AWS for production access',
        ),
        ({"quota_read_at": None}, "Not read yet"),
    ],
)
def test_what_aws_says_of_the_account(
    alice: Person, ses_account: SesAccount, fields: dict[str, Any], words: str
) -> None:
    values = {"quota_read_at": timezone.now(), "enforcement_status": "HEALTHY"} | fields
    SesAccount.unscoped.update(**values)
    text = page(alice)
    assert words in text
    assert "AWS has nothing against" not in text


def test_two_accounts_each_have_their_own_page(
    alice: Person, campaign: Campaign, acme: Tenant, evil: Tenant
) -> None:
    other = SesAccount.unscoped.create(tenant=acme, name="Other", region="us-east-1", auth="key")
    theirs = SesAccount.unscoped.create(tenant=evil, name="Evil", region="eu-west-1", auth="key")
    tell(make_batch(other), timezone.now(), sent=100, complained=2)
    text = page(alice, f"?account={other.public_id}")
    assert "0 of 100 mails: far from AWS&#x27;s lines" in text
    assert "2 of 100 mails: where AWS may pause an account" in text
    assert "Spring" not in text
    assert "Spring" in page(alice, f"?account={theirs.public_id}")
    assert by_provider([other.pk], days=30)[0].rates.sent == 100


def test_the_worst_campaigns_come_first_and_the_rest_together(
    ses_account: SesAccount, acme: Tenant, evil: Tenant
) -> None:
    now = timezone.now()
    for n in range(MOST + 3):
        made = make_campaign(ses_account, f"C{n}", [])
        assert made.batch is not None
        type(made.batch).unscoped.filter(pk=made.batch.pk).update(lane=3)
        for days_ago in range(2):
            tell(made.batch, now - timedelta(days=days_ago), sent=25, bounced=n)
    parts = by_campaign(acme, [ses_account.pk], days=30)
    assert [one.name for one in parts[:2]] == [f"C{MOST + 2}", f"C{MOST + 1}"]
    assert (parts[-1].name, parts[-1].rates.sent, parts[-1].rates.bounced) == (
        "3 other campaigns",
        150,
        6,
    )
    assert (parts[0].rates.sent, parts[0].rates.bounced) == (50, 2 * (MOST + 2))
    assert by_campaign(evil, [ses_account.pk], days=30) == []


def test_every_day_of_the_chart_is_there(ses_account: SesAccount) -> None:
    now = timezone.now()
    batch = make_batch(ses_account)
    for days_ago in (0, 29, 30):
        tell(batch, now - timedelta(days=days_ago), sent=days_ago + 1)
    days = by_day([ses_account.pk])
    assert len(days) == 30
    assert [days[0].rates.sent, days[1].rates.sent, days[-1].rates.sent] == [30, 0, 1]


def test_the_csv_holds_every_count(alice: Person, campaign: Campaign) -> None:
    answer = alice.client.get(f"{PAGE}figures.csv")
    text = answer.getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["provider"] for row in rows] == ["Other domains", "Gmail", "Other domains"]
    assert [row["sent"] for row in rows] == ["1000", "100", "207"]
    assert rows[2]["bounced"] == "9"
    assert rows[2]["held_back"] == "2"
    assert set(rows[0]) == {"day", "account", "provider", *Count.values}


def test_the_api_says_the_same(alice: Person, campaign: Campaign, client: Client) -> None:
    key = create_key(tenant=alice.tenant, actor=alice.user, name="k", scopes=[Scope.EMAILS_READ])
    answer = client.get(
        "/api/v1/account/reputation", headers={"Authorization": f"Bearer {key.text}"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["bounces"] == {"aws_review": 0.05, "aws_pause": 0.1, "limit": 0.04}
    [account] = body["accounts"]
    day, week, month = account["windows"]
    assert (day["days"], day["sent"], day["bounced"], day["enough"]) == (1, 307, 9, True)
    assert day["bounce_rate"] == 9 / 307
    assert (month["sent"], month["complaint_rate"]) == (1_307, 1 / 1_207)
    assert week["sent"] == 307
    assert [one["provider"] for one in account["providers"]] == ["Gmail", "Other domains"]


def test_home_has_one_line_for_a_high_rate(alice: Person, campaign: Campaign) -> None:
    text = alice.client.get("/w/acme/").content.decode()
    assert "2.9 % of the mails through Main bounced in the last 24 hours" in text
    assert text.count("AWS reviews an account from") == 1
