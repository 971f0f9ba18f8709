"""How often something may happen: one atomic question to Valkey (GCRA).

The generic cell rate algorithm keeps one number for a key, the time at which its allowance is
whole again: `limit` hits at once, then one every seconds/limit. There is no window whose edge
lets twice as many through in a moment.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from tenants.valkey import valkey

logger = logging.getLogger(__name__)

# The server's clock, in microseconds: web processes on several machines agree on it.
# Times go in and out as strings because a Lua number printed by tostring loses digits.
# Several keys are asked in turn, up to the first that refuses.
_GCRA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answer
for i, key in ipairs(KEYS) do
  local period, limit = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local interval = period / limit
  local whole_at = math.max(tonumber(redis.call('GET', key) or 0), now)
  local next_at = whole_at + interval
  if next_at - now > period then
    return {0, 0, math.ceil(next_at - period - now), math.ceil(whole_at - now)}
  end
  redis.call('SET', key, string.format('%.0f', next_at),
             'PX', math.max(1, math.ceil((next_at - now) / 1000)))
  answer = {1, math.floor((period - (next_at - now)) / interval), 0, math.ceil(next_at - now)}
end
return answer
"""


@dataclass(frozen=True)
class Limit:
    """At most `most` hits of a key per `seconds`."""

    key: str
    most: int
    seconds: int


@dataclass(frozen=True)
class Allowance:
    """The answer to one hit. Times are seconds from now, rounded up."""

    allowed: bool
    limit: int
    remaining: int
    retry_after: int  # until the next hit may succeed; 0 when this one did
    reset: int  # until the allowance is whole again


def take(key: str, *, limit: int, seconds: int) -> Allowance:
    """Counts one hit against `limit` hits per `seconds`; a refused hit costs nothing.

    Raises redis.exceptions.RedisError when Valkey does not answer: the caller decides whether
    that opens or shuts its door.
    """
    allowed, remaining, retry_after, reset = _ask([Limit(key, limit, seconds)])
    return Allowance(
        allowed=bool(allowed),
        limit=limit,
        remaining=remaining,
        retry_after=math.ceil(retry_after / 1_000_000),
        reset=math.ceil(reset / 1_000_000),
    )


def hit(key: str, *, limit: int, seconds: int) -> bool:
    """Whether this may happen once more: at most `limit` times per `seconds`.

    Fails closed: False when Valkey does not answer, for doors that anybody may knock at.
    """
    return hit_all([Limit(key, limit, seconds)])


def hit_all(limits: Sequence[Limit]) -> bool:
    """As hit(), of several limits in one question: those behind the first that refuses are not
    counted."""
    try:
        return bool(_ask(limits)[0])
    except RedisError:
        logger.exception("Valkey does not answer, so nothing that is limited is let through")
        return False


def _ask(limits: Sequence[Limit]) -> list[int]:
    arguments = [number for one in limits for number in (one.seconds * 1_000_000, one.most)]
    keys = [f"limit:{one.key}" for one in limits]
    answer: list[int] = valkey().eval(_GCRA, len(keys), *keys, *arguments)
    return answer
