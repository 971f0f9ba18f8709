"""Confirms the subscriptions of our webhook that SNS has asked about."""

from datetime import datetime, timedelta

from django.db.models import Q

from sending.services.feedback import confirm_subscription
from sending.ses.errors import SesError
from webhooks import sns
from webhooks.models import SnsMessage

_TRY_AGAIN = timedelta(minutes=1)
_TOKEN_LIVES = timedelta(days=2)


def confirm_pending(now: datetime) -> int:
    """Confirms what waits; returns how many subscriptions are confirmed now.

    A row is claimed by moving its retry_at, committed before AWS is called, so two workers do
    not confirm one token, and a worker that dies leaves it to the next.
    """
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    waiting = SnsMessage.unscoped.filter(due, processed_at=None, kind=sns.SUBSCRIPTION_CONFIRMATION)
    confirmed = 0
    for row in waiting.select_related("ses_account").order_by("id"):
        same = SnsMessage.unscoped.filter(pk=row.pk)
        if not same.filter(due, processed_at=None).update(retry_at=now + _TRY_AGAIN):
            continue
        error = ""
        try:
            confirm_subscription(account=row.ses_account, token=row.body)
            confirmed += 1
        except SesError as failure:
            if failure.may_pass and row.received_at > now - _TOKEN_LIVES:
                continue
            error = f"{failure.code}: {failure.message}"[:500]
        same.update(processed_at=now, retry_at=None, error=error)
    return confirmed
