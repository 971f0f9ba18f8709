"""Reads of the monthly reports."""

from uuid import UUID

from django.db.models import QuerySet

from readiness.models import MonthlyReport
from tenants.models import Tenant


def reports_of(tenant: Tenant) -> QuerySet[MonthlyReport]:
    """The workspace's reports, newest first."""
    rows: QuerySet[MonthlyReport] = MonthlyReport.objects.for_tenant(tenant)
    return rows.order_by("-month")


def report_of(tenant: Tenant, public_id: UUID) -> MonthlyReport:
    """One report. Raises MonthlyReport.DoesNotExist for another tenant's."""
    return reports_of(tenant).get(public_id=public_id)
