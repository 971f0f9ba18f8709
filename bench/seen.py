"""What the simulator saw: the times of accepted mails, and figures made of them."""

import math
import time
from collections.abc import Callable, Sequence

from bench.stage import wait_until
from simulator.client import SimulatorClient
from simulator.ledger import busiest_second

_THROTTLED = "TooManyRequestsException"


def wait_for(simulator: SimulatorClient, count: int, *, seconds: float = 600) -> None:
    """Until so many mails are accepted. Raises TimeoutError."""
    wait_until(lambda: simulator.health()["accepted"] >= count, seconds=seconds)


def first_accept(simulator: SimulatorClient, *, seconds: float = 120) -> float:
    """Waits for the first mail; when it was accepted, in seconds since 1970."""
    wait_for(simulator, 1, seconds=seconds)
    first: float = next(simulator.ledger())["time"]
    return first


def let_pass(until: float, *, meanwhile: Callable[[], None] | None = None) -> None:
    """Waits until a time in seconds since 1970, calling `meanwhile` twice a second."""
    while (left := until - time.time()) > 0:
        if meanwhile:
            meanwhile()
        time.sleep(min(0.5, left))


def times(simulator: SimulatorClient) -> list[float]:
    """When each accepted mail was accepted, in order."""
    return [one["time"] for one in simulator.ledger()]


def within(accepted: Sequence[float], start: float, seconds: float) -> list[float]:
    """The times from `start` on, shorter than `seconds` after it."""
    return [one for one in accepted if start <= one < start + seconds]


def rate(accepted: Sequence[float]) -> float:
    """Accepted mails a second between the first and the last."""
    return (len(accepted) - 1) / (accepted[-1] - accepted[0])


def busiest(accepted: Sequence[float]) -> int:
    """The most mails in any sliding second."""
    return busiest_second((round(one * 1e9), 1) for one in accepted)


def throttled(simulator: SimulatorClient) -> int:
    """How many sends were refused for the rate."""
    return len(simulator.refused().get(_THROTTLED, ()))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
