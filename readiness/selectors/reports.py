"""Reads of the monthly reports, and whose is due."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from readiness.models import MonthlyReport
from sending.models import SesAccount
from tenants.models import Tenant

# A server that was down on the first writes it when it is back, but no old months later on.
_UNTIL_DAY = 3


def reports_of(tenant: Tenant) -> QuerySet[MonthlyReport]:
    """The workspace's reports, newest first."""
    rows: QuerySet[MonthlyReport] = MonthlyReport.objects.for_tenant(tenant)
    return rows.order_by("-month")


def report_of(tenant: Tenant, public_id: UUID) -> MonthlyReport:
    """One report. Raises MonthlyReport.DoesNotExist for another tenant's."""
    return reports_of(tenant).get(public_id=public_id)


def last_month(tenant: Tenant, now: datetime) -> date:
    """The first day of the month before this one, in the workspace's zone."""
    today = now.astimezone(ZoneInfo(tenant.timezone)).date()
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def bounds(month: date, tenant: Tenant) -> tuple[datetime, datetime]:
    """The month's first moment and the next one's, in the workspace's zone."""
    zone = ZoneInfo(tenant.timezone)
    following = (month + timedelta(days=31)).replace(day=1)
    midnight = datetime.min.time()
    return (
        datetime.combine(month, midnight, tzinfo=zone),
        datetime.combine(following, midnight, tzinfo=zone),
    )


def due_for_report(now: datetime) -> list[int]:
    """Ids of the workspaces in whose zone a month has just begun and whose report is not written.

    Only of those whose Amazon SES was connected before the old month was over.
    """
    read = SesAccount.unscoped.filter(quota_read_at__isnull=False)
    tenants = Tenant.objects.filter(pk__in=read.values("tenant")).order_by("pk")
    return [tenant.pk for tenant in tenants if _is_due(tenant, read, now)]


def _is_due(tenant: Tenant, read: QuerySet[SesAccount], now: datetime) -> bool:
    if now.astimezone(ZoneInfo(tenant.timezone)).day > _UNTIL_DAY:
        return False
    month = last_month(tenant, now)
    _, ends = bounds(month, tenant)
    written = reports_of(tenant).filter(month=month)
    return read.filter(tenant=tenant, created_at__lt=ends).exists() and not written.exists()
