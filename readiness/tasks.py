"""What readiness does by the clock."""

from celery import shared_task
from django.utils import timezone

from readiness import following, reporting
from readiness.selectors.reports import due_for_report


@shared_task
def mail_decisions() -> None:
    following.mail_decisions(timezone.now())


@shared_task
def write_reports() -> None:
    """Has each report that is due written; one that is slow or fails holds back none."""
    for tenant_id in due_for_report(timezone.now()):
        write_report_of.delay(tenant_id)


@shared_task
def write_report_of(tenant_id: int) -> None:
    reporting.write(tenant_id, timezone.now())


@shared_task
def mail_reports() -> None:
    reporting.mail_written(timezone.now())
