"""What workers do for the reputation page; safe to run twice."""

from celery import shared_task

from reputation import counting

_COUNT_SECONDS = 20.0


@shared_task
def count_sources() -> None:
    """Counts for a while where the mails of campaigns went."""
    counting.count_sources(seconds=_COUNT_SECONDS)
