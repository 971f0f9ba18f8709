"""When a member is mailed about what came back: decided from figures alone, without side effects.

Nobody is flooded: together, they come once in the time that was chosen; one by one, EACH_PER_HOUR
in any hour at most, and what is more comes together, then for an hour nothing.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from webhooks.models import AlertChoice, Cadence

EACH_PER_HOUR = 10
# The first of a storm waits a little, so that the first mail tells of more than one.
GATHER = timedelta(minutes=1)
HOUR = timedelta(hours=1)
_APART = {Cadence.QUARTER: timedelta(minutes=15), Cadence.HOUR: HOUR}


@dataclass(frozen=True)
class Waiting:
    """What the member has not been told of: how many, since when, the worst share (percent) of a
    sending's mails."""

    count: int
    oldest: datetime
    share: float = 0.0


@dataclass(frozen=True)
class Past:
    """The mails before: when the last one was written, how many within the hour, and whether the
    last one had to gather what was to come one by one."""

    last_at: datetime | None = None
    within_hour: int = 0
    gathered: bool = False


class Step(Enum):
    WAIT = 0
    EACH = 1  # a mail for each
    TOGETHER = 2
    GATHERED = 3  # together, though the member wants each


def decide(
    choice: AlertChoice, waiting: Waiting, past: Past, *, zone: ZoneInfo, now: datetime
) -> Step:
    """What is to be written for this member now; `zone` is where their clock stands."""
    if not waiting.count or not _enough(choice, waiting) or is_quiet(choice, zone=zone, now=now):
        return Step.WAIT
    match choice.cadence:
        case Cadence.NONE:
            return Step.WAIT
        case Cadence.EACH:
            return _each(waiting, past, now)
        case Cadence.DAY:
            struck = _struck(choice.daily_at or 0, zone, now)
            told = past.last_at is not None and past.last_at >= struck
            return Step.WAIT if told or waiting.oldest >= struck else Step.TOGETHER
        case _:
            apart = _APART[Cadence(choice.cadence)]
            early = past.last_at is not None and now - past.last_at < apart
            return Step.WAIT if early or now - waiting.oldest < GATHER else Step.TOGETHER


def is_quiet(choice: AlertChoice, *, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the member wants no mail at this hour. The hours may go over midnight."""
    start, end = choice.quiet_from, choice.quiet_until
    if start is None or end is None:
        return False
    hour = now.astimezone(zone).hour
    return start <= hour < end if start <= end else hour >= start or hour < end


def _enough(choice: AlertChoice, waiting: Waiting) -> bool:
    wanted = [
        waiting.count >= choice.at_least if choice.at_least is not None else None,
        waiting.share >= choice.at_share if choice.at_share is not None else None,
    ]
    asked = [one for one in wanted if one is not None]
    return any(asked) or not asked


def _each(waiting: Waiting, past: Past, now: datetime) -> Step:
    if past.gathered and past.last_at is not None and now - past.last_at < HOUR:
        return Step.WAIT
    room = EACH_PER_HOUR - past.within_hour
    if room <= 0:
        return Step.WAIT
    return Step.EACH if waiting.count <= room else Step.GATHERED


def _struck(hour: int, zone: ZoneInfo, now: datetime) -> datetime:
    """When the clock there last struck this hour."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), time(hour), zone)
    return (
        today
        if today <= local
        else datetime.combine(local.date() - timedelta(days=1), time(hour), zone)
    )
