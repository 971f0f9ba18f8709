"""The two quotas of an AWS account and region: told to the queue, and kept within the day."""

from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from sending import queue
from sending.decide import Decision
from sending.models import QUOTA_REACHED, Lane, SentMinute, SesAccount
from sending.pace import DAY, Budget, budget, bulk_limit, freed_at
from sending.parking import accounts_of, park_aws, unpark_aws
from sending.selectors.accounts import in_hand

_RECHECK = timedelta(minutes=10)


def refresh(pace_key: str) -> None:
    """Tells the queue rate and budget of a pace key, as last read and as we have used it since.

    Parks campaigns when only the reserve is left, everything when nothing is, with the time at
    which the oldest mails are a day old; and ends such a parking when there is room again.
    """
    now = timezone.now()
    account = accounts_of(pace_key).order_by("-quota_read_at").first()
    if account is None:
        queue.set_rate(pace_key, 0)
        return
    # In hand first: what is answered between the two questions counts twice, not never.
    claimed = in_hand(accounts_of(pace_key)).count()
    sent = _sent_since(pace_key, now - DAY)
    used = _used(account, sent) + claimed
    left = budget(account.max_24_hour_send, used)
    queue.set_rate(pace_key, account.max_send_rate)
    queue.set_budget(pace_key, left)
    lane = _first_without_budget(left)
    parked_by_quota = account.parked_reason == QUOTA_REACHED
    if lane is None:
        if parked_by_quota and _may_resume(account, now):
            unpark_aws(pace_key)
    elif not account.parked_reason or (parked_by_quota and account.parked_lane != lane):
        limit = bulk_limit(account.max_24_hour_send) if lane else int(account.max_24_hour_send)
        until = freed_at(sent, limit=limit, used=used, now=now) or now + _RECHECK
        park_quota(pace_key, until, from_lane=lane)


def refused(pace_key: str, decision: Decision) -> None:
    """SES says that the day's quota is used, whatever we counted: nothing leaves for a while."""
    park_quota(pace_key, timezone.now() + (decision.retry_after or _RECHECK), from_lane=0)


def park_quota(pace_key: str, until: datetime, *, from_lane: int) -> None:
    """Parks for the day's quota until a time."""
    park_aws(pace_key, QUOTA_REACHED, until=until, from_lane=from_lane)


def _sent_since(pace_key: str, start: datetime) -> list[tuple[datetime, int]]:
    minutes = (
        SentMinute.objects.filter(pace_key=pace_key, minute__gt=start)
        .values("minute")
        .annotate(total=Sum("sent"))
        .order_by("minute")
    )
    return [(row["minute"], row["total"]) for row in minutes]


def _used(account: SesAccount, sent: list[tuple[datetime, int]]) -> int:
    """What of the day's quota is used: our own count, or SES's with what we sent since it was read.

    SES's includes other programs that send through the account, and lags by minutes.
    """
    ours = sum(count for _, count in sent)
    if account.quota_read_at is None:
        return ours
    read = account.quota_read_at.replace(second=0, microsecond=0)
    since = sum(count for minute, count in sent if minute >= read)
    return max(ours, int(account.sent_last_24_hours) + since)


def _first_without_budget(left: Budget) -> int | None:
    if left.awaited == 0:
        return int(Lane.TRANSACTIONAL)
    return int(Lane.AUTOMATION) if left.bulk == 0 else None


def _may_resume(account: SesAccount, now: datetime) -> bool:
    """SES refused although our figures leave room: then its time counts."""
    return account.parked_until is None or account.parked_until <= now or bool(account.parked_lane)
