"""What the campaigns app does by the clock."""

from celery import shared_task
from django.utils import timezone

from campaigns.alerts import mail_noted, note_refused
from campaigns.services.scheduling import launch_due
from campaigns.services.transactional import forget_idempotency_keys


@shared_task
def forget_old_idempotency_keys() -> None:
    forget_idempotency_keys()


@shared_task
def launch_scheduled() -> None:
    launch_due(timezone.now())


@shared_task
def mail_alerts() -> None:
    note_refused(timezone.now())
    mail_noted(timezone.now())
