"""Confirms the subscriptions of our webhook that SNS has asked about."""

import re
from datetime import datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q

from sending.models import SesAccount
from sending.services.feedback import confirm_subscription, note_confirmed
from sending.ses.errors import UNREACHABLE, SesError
from webhooks import sns
from webhooks.certificates import opener
from webhooks.models import SnsMessage

_SUBSCRIPTION = re.compile(r"<SubscriptionArn>(arn:[^<\s]{10,240})</SubscriptionArn>")
_TIMEOUT, _MAX_BYTES = 5, 16 * 1024
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
            _confirm(row.ses_account, row.body)
            confirmed += 1
        except SesError as failure:
            if failure.may_pass and row.received_at > now - _TOKEN_LIVES:
                continue
            error = f"{failure.code}: {failure.message}"[:500]
        same.update(processed_at=now, retry_at=None, error=error)
    return confirmed


def _confirm(account: SesAccount, token: str) -> None:
    """With the tenant's credentials, so that only they may end it; else as a browser would.

    The second is for those who have not granted us the first. Raises SesError.
    """
    try:
        confirm_subscription(account=account, token=token)
    except SesError as error:
        if not account.feedback_manual or error.http_status != 403:
            raise
        note_confirmed(account=account, subscription_arn=_visit(account.topic_arn, token))


def _visit(topic_arn: str, token: str) -> str:
    """Opens the address that confirms, and returns the ARN of the subscription.

    The address in the message is never opened: this one is made of the topic that was pinned and
    of the token alone, and leads nowhere else. No redirects. Raises SesError.
    """
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token})
    origin = settings.AWS_SNS_ORIGIN or f"https://{sns.host_of(topic_arn)}"
    try:
        with opener().open(f"{origin}/?{query}", timeout=_TIMEOUT) as answer:
            text = answer.read(_MAX_BYTES).decode("utf-8", "replace")
    except HTTPError as error:
        words = "SNS refused the confirmation"
        raise SesError("InvalidParameter", words, error.code, "ConfirmSubscription") from error
    except OSError as error:
        raise SesError(UNREACHABLE, str(error), 0, "ConfirmSubscription") from error
    found = _SUBSCRIPTION.search(text)
    if found is None or not found[1].startswith(f"{topic_arn}:"):
        words = "SNS named no subscription of this topic"
        raise SesError("InvalidParameter", words, 400, "ConfirmSubscription")
    return found[1]
