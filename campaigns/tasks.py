"""What the campaigns app does by the clock."""

from celery import shared_task

from campaigns.services.transactional import forget_idempotency_keys


@shared_task
def forget_old_idempotency_keys() -> None:
    forget_idempotency_keys()
