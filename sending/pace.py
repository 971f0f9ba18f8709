"""How fast and how much: the arithmetic of SES's two quotas, without any state.

SES counts recipients a second and recipients in a rolling 24 hours
(https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html). Each of our messages has
one recipient.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(hours=24)

# What a worker takes at a time: 50 ms of mail, of a slow account four messages, for a lease costs
# the same whatever it holds; of a very slow one, one.
_LEASES_PER_SECOND = 20
_LARGEST_LEASE = 200
_VERY_SLOW, _SMALLEST_LEASE = 10, 4
# So much mail is taken and claimed before it has a slot, by all workers together: while one of
# them stands still with its share, the others have enough to go on. It is not more, for what a
# worker that dies has claimed must be settled.
_AHEAD, _MESSAGES_AHEAD, _LONGEST_AHEAD = 0.2, 4, 0.3
# Recipients a second: below SLOW slots are far apart, above FAST they are no limit.
SLOW, FAST = 50, 5000
# A slot is given shortly before it comes, for those of a worker that stands still are lost. Slots
# that nobody asks for in time are lost as well: a worker of many accounts asks for each of them
# less often, and for more of its slots.
_SOON, _LATEST_SOON, _ASKS_A_SECOND = 0.025, 0.3, 300
# A schedule at exactly the quota puts one message too many into a window when a send comes late.
# At share s of the quota, sends may be late by up to 1/s - 1 seconds before a sliding second holds
# one too many: 20 ms, of which sending.lateness spends 6 and the network has the rest.
_SHARE = 0.98
# Awaited mail (transactional, double opt-in) may use the whole day's quota, the rest 90 % of it.
_RESERVE = 0.1


def effective_rate(max_send_rate: float) -> float:
    """Recipients a second that we schedule for a quota of max_send_rate; 0 for a quota of 0."""
    return max_send_rate * _SHARE


def lease_size(rate: float) -> int:
    """How many messages one worker takes at a time at `rate` a second."""
    least = 1 if rate < _VERY_SLOW else _SMALLEST_LEASE
    return min(_LARGEST_LEASE, max(least, math.ceil(rate / _LEASES_PER_SECOND)))


def ahead(rate: float) -> float:
    """How many seconds of mail may be taken that has no slot yet, at `rate` a second."""
    if rate <= 0:
        return 0.0
    return min(_LONGEST_AHEAD, max(_AHEAD, _MESSAGES_AHEAD / rate))


def soon(accounts: int) -> float:
    """How many seconds before it comes a worker that serves so many accounts asks for a slot."""
    return min(_LATEST_SOON, max(_SOON, accounts / _ASKS_A_SECOND))


@dataclass(frozen=True)
class Budget:
    """What may still leave in the rolling 24 hours; None means no limit."""

    awaited: int | None
    bulk: int | None


def budget(max_24_hour_send: float, used: int) -> Budget:
    """What is left of the day's quota (-1: unlimited) after `used` recipients, never below 0."""
    if max_24_hour_send < 0:
        return Budget(None, None)
    return Budget(
        awaited=max(0, int(max_24_hour_send) - used),
        bulk=max(0, bulk_limit(max_24_hour_send) - used),
    )


def bulk_limit(max_24_hour_send: float) -> int:
    """The part of the day's quota that campaigns and automations may use."""
    return int(max_24_hour_send) - math.ceil(max_24_hour_send * _RESERVE)


def freed_at(
    sent: Iterable[tuple[datetime, int]], *, limit: int, used: int, now: datetime
) -> datetime | None:
    """When `used` has fallen below `limit` because the oldest minutes left the 24 hours.

    `sent` are (start of a minute, recipients) of the last 24 hours, oldest first. None when they
    do not explain it: something else in the AWS account used the quota, at times unknown to us.
    """
    for minute, count in sent:
        used -= count
        if used < limit:
            return max(now, minute + timedelta(minutes=1) + DAY)
    return None
