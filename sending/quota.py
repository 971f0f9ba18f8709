"""The two quotas of an AWS account and region: told to the queue, and kept within the day."""

from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from sending import queue
from sending.decide import Decision
from sending.models import QUOTA_REACHED, QUOTA_REFUSED, Lane, SentMinute
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
    ours, sent = _ours(pace_key, now)
    used = ours + account.sent_by_others
    left = budget(account.max_24_hour_send, used)
    queue.set_rate(pace_key, account.max_send_rate)
    queue.set_budget(pace_key, left)
    lane = _first_without_budget(left)
    parked_by_quota = account.parked_reason == QUOTA_REACHED
    # What SES itself has refused waits for SES's time, whatever our figures say.
    if lane is None:
        if parked_by_quota:
            unpark_aws(pace_key)
    elif not account.parked_reason or (parked_by_quota and account.parked_lane != lane):
        limit = bulk_limit(account.max_24_hour_send) if lane else int(account.max_24_hour_send)
        until = freed_at(sent, limit=limit, used=used, now=now) or now + _RECHECK
        park_aws(pace_key, QUOTA_REACHED, until=until, from_lane=lane)


def by_others(pace_key: str, sent_last_24_hours: int) -> int:
    """How many of the mails that SES has counted other programs have sent, at least 0.

    It is what SES counts beyond what we did. SES lags by minutes, so just after we have sent many
    it is too low. Added to our own count later, it counts none of our mails twice.
    """
    ours, _ = _ours(pace_key, timezone.now())
    return max(0, sent_last_24_hours - ours)


def refused(pace_key: str, decision: Decision) -> None:
    """SES says that the day's quota is used, whatever we counted: nothing leaves for a while."""
    until = timezone.now() + (decision.retry_after or _RECHECK)
    park_aws(pace_key, QUOTA_REFUSED, until=until)


def _ours(pace_key: str, now: datetime) -> tuple[int, list[tuple[datetime, int]]]:
    """What we have sent in the last 24 hours and have in hand, and the sent ones by minute."""
    # In hand first: what is answered between the two questions counts twice, not never.
    claimed = in_hand(accounts_of(pace_key)).count()
    sent = _sent_since(pace_key, now - DAY)
    return claimed + sum(count for _, count in sent), sent


def _sent_since(pace_key: str, start: datetime) -> list[tuple[datetime, int]]:
    minutes = (
        SentMinute.objects.filter(pace_key=pace_key, minute__gt=start)
        .values("minute")
        .annotate(total=Sum("sent"))
        .order_by("minute")
    )
    return [(row["minute"], row["total"]) for row in minutes]


def _first_without_budget(left: Budget) -> int | None:
    if left.awaited == 0:
        return int(Lane.TRANSACTIONAL)
    return int(Lane.AUTOMATION) if left.bulk == 0 else None
