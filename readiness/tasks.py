"""What readiness does by the clock."""

from celery import shared_task
from django.utils import timezone

from readiness import following, reporting


@shared_task
def mail_decisions() -> None:
    following.mail_decisions(timezone.now())


@shared_task
def write_reports() -> None:
    reporting.write_due(timezone.now())


@shared_task
def mail_reports() -> None:
    reporting.mail_written(timezone.now())
