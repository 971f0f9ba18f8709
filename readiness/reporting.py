"""How a workspace kept AWS's rules in a month, written down and mailed on the first of the next."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.urls import reverse

from lists.models import Contact, Import, ImportStatus, List, ListDay
from lists.selectors.reach import Audience, headcount
from readiness.advice import read
from readiness.lines import judge, score, states
from readiness.models import MonthlyReport
from readiness.selectors.facts import facts_of
from readiness.selectors.rates import rates_between
from readiness.selectors.reports import bounds, last_month
from readiness.verdicts import State
from sending.selectors.accounts import accounts_of, default_account
from tenants.models import Tenant
from tenants.services.mails import mail_alike, mail_waiting

_GIVE_UP = timedelta(days=1)


def write(tenant_id: int, now: datetime) -> None:
    """Writes last month's report of a workspace; nothing where it is there already."""
    tenant = Tenant.objects.get(pk=tenant_id)
    month = last_month(tenant, now)
    begins, ends = bounds(month, tenant)
    report = MonthlyReport(
        tenant=tenant, month=month, figures=_figures(tenant, month, begins, ends)
    )
    # Two clocks may come here together: report_month_once keeps one.
    MonthlyReport.unscoped.bulk_create([report], ignore_conflicts=True)


def mail_written(now: datetime) -> int:
    """Mails the new reports, trying for a day; how many went out. Not where it is switched off."""
    rows = MonthlyReport.unscoped.filter(created_at__gt=now - _GIVE_UP, tenant__monthly_report=True)
    return mail_waiting(rows.select_related("tenant"), _mail, now=now)


def _figures(tenant: Tenant, month: date, begins: datetime, ends: datetime) -> dict[str, Any]:
    """What is kept; counts are of the month, lines and members of the moment of writing."""
    account = default_account(tenant) or accounts_of(tenant).first()
    lines = judge(facts_of(tenant, account))
    previous = (month - timedelta(days=1)).replace(day=1)
    earlier = MonthlyReport.objects.for_tenant(tenant).filter(month=previous).first()
    before = earlier.figures["lines"] if earlier else {}
    return {
        "rates": asdict(rates_between(tenant, begins, ends)),
        "rates_before": asdict(rates_between(tenant, bounds(previous, tenant)[0], begins)),
        "score": score(lines),
        "lines": states(lines),
        "worse": [
            line.key for line in lines if not line.is_good and before.get(line.key) == State.GOOD
        ],
        "lists": _growth(tenant, month, ends.date()),
        "hygiene": _hygiene(tenant, begins, ends),
    }


def _growth(tenant: Tenant, first: date, following: date) -> dict[str, int]:
    days = ListDay.objects.for_tenant(tenant).filter(day__gte=first, day__lt=following)
    sums = days.aggregate(joined=Sum("joined", default=0), left=Sum("left", default=0))
    latest = days.order_by("list", "-day").distinct("list")
    return {**sums, "active": sum(day.active for day in latest)}


def _hygiene(tenant: Tenant, begins: datetime, ends: datetime) -> dict[str, int | None]:
    """`unengaged` None where the workspace does not say after how many days somebody is."""
    files = Import.objects.for_tenant(tenant).filter(
        status=ImportStatus.DONE, dry_run=False, finished_at__gte=begins, finished_at__lt=ends
    )
    names = ("created", "role", "disposable")
    found = files.aggregate(**{name: Sum(name, default=0) for name in names})
    contacts = Contact.objects.for_tenant(tenant).count()
    return {
        "imported": found["created"],
        "role": found["role"],
        "disposable": found["disposable"],
        "contacts": contacts,
        "unengaged": _unengaged(tenant),
        "unengaged_days": tenant.unengaged_days,
    }


def _unengaged(tenant: Tenant) -> int | None:
    if tenant.unengaged_days is None:
        return None
    lists = tuple(List.objects.for_tenant(tenant).values_list("pk", flat=True))
    if not lists:
        return 0
    everyone = Audience(lists=lists, unengaged_days=tenant.unengaged_days)
    return headcount(tenant=tenant, audience=everyone).left_out["unengaged"]


def _mail(report: MonthlyReport) -> bool:
    tenant = report.tenant
    page = reverse("readiness:report", args=[tenant.slug, report.public_id])
    return mail_alike(
        tenant,
        "monthly_report",
        page,
        report=report,
        month=read(report.figures),
        settings_url=f"{settings.SITE_URL}{reverse('tenants:settings', args=[tenant.slug])}",
    )
