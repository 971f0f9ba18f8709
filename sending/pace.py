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

# Slots that were reserved and not used are lost, so a lease covers 50 ms. That of a slow account
# holds four messages, for a lease costs the same whatever it holds; of a very slow one, one.
_LEASES_PER_SECOND = 20
_LARGEST_LEASE = 200
_VERY_SLOW, _SMALLEST_LEASE = 10, 4
# A message is taken this long before its slot, so that claiming it is done in time. Awaited mail
# gets a slot behind those that are taken, so it waits as long. Slow accounts share a claim, and a
# busy machine makes it late, so they have the time of four messages.
_LOOKAHEAD, _LONGEST_LOOKAHEAD = 0.06, 0.3
_MESSAGES_AHEAD = 4
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
    """How many slots one worker reserves at a time at `rate` a second."""
    least = 1 if rate < _VERY_SLOW else _SMALLEST_LEASE
    return min(_LARGEST_LEASE, max(least, math.ceil(rate / _LEASES_PER_SECOND)))


def lookahead(rate: float) -> float:
    """How many seconds before its slot a message may be taken at `rate` a second."""
    if rate <= 0:
        return 0.0
    return min(_LONGEST_LOOKAHEAD, max(_LOOKAHEAD, _MESSAGES_AHEAD / rate))


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
