"""The monthly report: written once, in each workspace's own calendar, and mailed where wanted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from lists.models import Import, ImportStatus, List, ListDay
from readiness.advice import read
from readiness.models import MonthlyReport
from readiness.reporting import mail_written, write
from readiness.selectors.reports import due_for_report
from sending.models import AccountHour, Provider, SesAccount
from tenants.models import Tenant
from tests.conftest import Person
from tests.world import report_figures

FIRST = datetime(2026, 12, 1, 6, tzinfo=UTC)


def write_due(now: datetime) -> int:
    """What the clock's tasks do at this moment; how many reports were due."""
    due = due_for_report(now)
    for tenant_id in due:
        write(tenant_id, now)
    return len(due)


@pytest.fixture
def account(ses_account: SesAccount) -> SesAccount:
    """Connected since summer."""
    SesAccount.unscoped.update(quota_read_at=FIRST, created_at=datetime(2026, 7, 1, tzinfo=UTC))
    ses_account.refresh_from_db()
    return ses_account


def sent(account: SesAccount, hour: datetime, **counts: int) -> None:
    AccountHour.unscoped.create(
        tenant=account.tenant, ses_account=account, hour=hour, provider=Provider.OTHER, shard=0,
        **counts,
    )  # fmt: skip


def test_it_tells_of_the_month_that_is_over(account: SesAccount, news: List) -> None:
    tenant = account.tenant
    sent(account, datetime(2026, 11, 30, 23, tzinfo=UTC), sent=1000, bounced=30, complained=1)
    sent(account, datetime(2026, 12, 1, 0, tzinfo=UTC), sent=7)
    sent(account, datetime(2026, 10, 31, 23, tzinfo=UTC), sent=500, bounced=1)
    for day, joined, left, active in ((3, 10, 1, 90), (20, 5, 2, 93)):
        ListDay.unscoped.create(
            tenant=tenant, list=news, day=date(2026, 11, day), joined=joined, left=left,
            active=active,
        )  # fmt: skip
    Import.unscoped.create(
        tenant=tenant, filename="old.csv", status=ImportStatus.DONE, created=100, role=4,
        disposable=3, finished_at=datetime(2026, 11, 5, tzinfo=UTC),
    )  # fmt: skip
    assert write_due(FIRST) == 1
    report = MonthlyReport.unscoped.get()
    month = read(report.figures)
    assert report.month == date(2026, 11, 1)
    assert (month.rates.sent, month.before.sent) == (1000, 500)
    assert month.rates.bounce_rate == pytest.approx(0.03)
    assert month.lists == {"joined": 15, "left": 3, "active": 93}
    assert month.grown == 12
    advice = " ".join(month.advice)
    assert "3.0% of your mails bounced" in advice
    assert "0.10% of those who got your mail marked it as spam" in advice
    assert "7 of 100 imported addresses" in advice
    assert "after how many days somebody counts as unengaged" in advice


def test_it_is_written_once_and_only_when_a_month_has_begun(account: SesAccount) -> None:
    assert write_due(FIRST - timedelta(days=1)) == 0
    assert write_due(FIRST) == 1
    assert write_due(FIRST + timedelta(hours=1)) == 0
    assert write_due(FIRST + timedelta(days=20)) == 0
    MonthlyReport.unscoped.all().delete()
    assert write_due(FIRST + timedelta(days=1)) == 1


def test_the_month_is_that_of_the_workspaces_zone(account: SesAccount, acme: Tenant) -> None:
    Tenant.objects.update(timezone="Pacific/Auckland")
    assert write_due(datetime(2026, 11, 30, 10, 59, tzinfo=UTC)) == 0
    assert write_due(datetime(2026, 11, 30, 11, 0, tzinfo=UTC)) == 1
    MonthlyReport.unscoped.all().delete()
    Tenant.objects.update(timezone="America/Los_Angeles")
    assert write_due(datetime(2026, 12, 1, 7, 59, tzinfo=UTC)) == 0
    assert write_due(datetime(2026, 12, 1, 8, 0, tzinfo=UTC)) == 1


def test_a_workspace_that_was_not_connected_gets_none(ses_account: SesAccount) -> None:
    assert write_due(FIRST) == 0
    SesAccount.unscoped.update(quota_read_at=FIRST, created_at=FIRST)
    assert write_due(FIRST) == 0


def test_what_was_green_the_month_before_is_named(account: SesAccount) -> None:
    MonthlyReport.unscoped.create(
        tenant=account.tenant,
        month=date(2026, 10, 1),
        figures=report_figures(lines={"feedback": "good", "company": "bad"}),
    )
    write_due(FIRST)
    month = read(MonthlyReport.unscoped.get(month=date(2026, 11, 1)).figures)
    assert [line.key for line in month.worse] == ["feedback"]


def test_it_is_mailed_to_the_members_and_kept_in_the_dashboard(
    alice: Person, bob: Person, account: SesAccount
) -> None:
    write_due(FIRST)
    now = MonthlyReport.unscoped.get().created_at
    assert mail_written(now) == 1
    assert sorted(to for one in mail.outbox for to in one.to) == [
        alice.user.email,
        bob.user.email,
    ]
    assert mail.outbox[0].subject == "Acme: how you kept AWS's rules in November"
    report = MonthlyReport.unscoped.get()
    page = f"/w/acme/readiness/reports/{report.public_id}/"
    assert page in str(mail.outbox[0].body)
    assert "November 2026" in bob.client.get(page).content.decode()
    assert "November 2026" in bob.client.get("/w/acme/readiness/reports/").content.decode()
    assert mail_written(now) == 0


def test_it_can_be_asked_off(alice: Person, account: SesAccount) -> None:
    form = {"name": "Acme", "timezone": "UTC", "postal_address": "1 Acme Street"}
    alice.client.post("/w/acme/settings/save/", form)
    write_due(FIRST)
    assert mail_written(MonthlyReport.unscoped.get().created_at) == 0
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, None),
        ({"rates": {"sent": 100, "bounced": 6}}, "AWS reviews an account at 5 %"),
        ({"rates": {"sent": 10_000, "complained": 6, "heard": 10_000}}, "close to AWS's line"),
        ({"hygiene": {"unengaged": 200}}, "40% of your contacts"),
        ({"hygiene": {"unengaged": None}}, "Say in Settings"),
        ({"lists": {"joined": 3, "left": 30}}, "More people left your lists (30) than joined (3)"),
    ],
)
def test_advice_fits_the_figures(changed: dict[str, dict[str, Any]], words: str | None) -> None:
    figures = report_figures()
    for name, values in changed.items():
        figures[name] = figures[name] | values
    advice = read(figures).advice
    assert (words in " ".join(advice)) if words else advice == []
