"""What goes wrong in a run, and when: the same for the same seed."""

import random
from dataclasses import dataclass
from enum import Enum


class Act(Enum):
    """One thing that happens to a running campaign."""

    KILL_NODE = "kill -9 of a worker node with all its processes"
    KILL_CHILD = "kill -9 of one process of a worker's pool"
    FLUSH = "FLUSHALL in Valkey, the broker's queues included"
    RESTART = "immediate shutdown of PostgreSQL and a start with recovery"
    STORM = "SES answers 429 to everything"
    BAR = "some who still wait are suppressed, some unsubscribe"


@dataclass(frozen=True)
class Scale:
    """How much goes wrong; `storm` is in seconds."""

    kills: int
    flushes: int
    restarts: int
    bars: int
    storm: float


LONG = Scale(kills=10, flushes=2, restarts=1, bars=3, storm=30)
SHORT = Scale(kills=4, flushes=1, restarts=1, bars=2, storm=4)

_FIRST, _LAST = 0.05, 0.6


def plan(seed: int, scale: Scale) -> list[tuple[float, Act]]:
    """When each act happens, as the share of recipients that SES has accepted by then."""
    chance = random.Random(seed)
    acts = [chance.choice((Act.KILL_NODE, Act.KILL_CHILD)) for _ in range(scale.kills)]
    acts += [Act.FLUSH] * scale.flushes + [Act.RESTART] * scale.restarts
    acts += [Act.BAR] * scale.bars + [Act.STORM]
    return sorted(((chance.uniform(_FIRST, _LAST), act) for act in acts), key=lambda one: one[0])
