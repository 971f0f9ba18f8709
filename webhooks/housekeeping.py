"""Forgets SNS messages that have long been translated (their events stay), and old alerts."""

from datetime import datetime, timedelta

from webhooks.models import Feedback, FeedbackDigest, SnsMessage

# SNS repeats a message for an hour at most, then the dead-letter queue keeps it for 14 days: none
# that is deleted here can come again.
KEEP = timedelta(days=15)
# The links of an alert mail work so long.
KEEP_ALERTS = timedelta(days=90)
_CHUNK = 5_000


def forget_alerts(now: datetime) -> None:
    """Deletes alerts, and what they tell of, that are older than KEEP_ALERTS."""
    FeedbackDigest.unscoped.filter(window_end__lt=now - KEEP_ALERTS).delete()
    Feedback.unscoped.filter(noted_at__lt=now - KEEP_ALERTS).delete()


def forget_old(now: datetime) -> int:
    """Deletes what was received before KEEP and is done with; returns how many rows."""
    forgotten = 0
    while True:
        oldest = SnsMessage.unscoped.order_by("id")[:_CHUNK]
        ids = [
            row_id
            for row_id, received_at, processed_at in oldest.values_list(
                "id", "received_at", "processed_at"
            )
            if received_at < now - KEEP and processed_at is not None
        ]
        forgotten += SnsMessage.unscoped.filter(pk__in=ids).delete()[0]
        if len(ids) < _CHUNK:
            return forgotten
