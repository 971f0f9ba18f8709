"""How much of a quota three worker processes use together, and whether they break it.

The simulator counts strictly: it refuses whatever would put more than the quota into any sliding
second. 50 ms of latency, TLS, 20 KB. The window opens three seconds after the first mail that is
accepted, when all workers have connections; refusals and the busiest second count from the first.
"""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench import people, seen
from bench.cpu import Meter
from bench.stage import Figures, Run
from bench.workers import workers
from sending import queue
from sending.services.batches import launch_batch

_RATES = (14, 200, 500)
_SECONDS = 60.0
_STARTED = 3.0
_LATENCY_MS = 50
_WORKERS = 3
_STALL = 0.15
_BETWEEN_STALLS = (1.0, 3.0)


def pace(run: Run) -> Figures:
    """For each rate: share of the quota used, refusals, the most mails in any second."""
    return _measure(run, stalls=False)


def pace_stalls(run: Run) -> Figures:
    """The same with one of the workers stopped for 150 ms about every two seconds."""
    return _measure(run, stalls=True)


def _measure(run: Run, *, stalls: bool) -> Figures:
    seconds = run.seconds or _SECONDS
    figures: Figures = {"workers": _WORKERS, "seconds": seconds}
    for rate in _RATES:
        figures |= {f"{key}_{rate}": value for key, value in _one(run, rate, seconds, stalls)}
    return figures


def _one(
    run: Run, rate: int, seconds: float, stalls: bool
) -> Iterator[tuple[str, float | int | str]]:
    simulator = run.simulator
    simulator.settings(latency_ms=_LATENCY_MS)
    account = people.make_world(simulator, rate=rate)
    batch = people.make_campaign(account, round(rate * (seconds + 15)))
    with workers(_WORKERS) as running, _stalling(running.sending_process(0), stalls) as count:
        meter = Meter({str(number): [node] for number, node in enumerate(running.senders)})
        launch_batch(batch=batch)
        first = seen.first_accept(simulator) + _STARTED
        # One drain could serve one account alone. Other accounts' mail would keep the other
        # workers at the wheel; here they are rung for.
        seen.let_pass(first + seconds, meanwhile=queue.ring_for_company)
        used = meter.used().values()
    accepted = seen.times(simulator)
    yield "used", round(len(seen.within(accepted, first, seconds)) / (rate * seconds), 4)
    yield "throttled", seen.throttled(simulator)
    yield "most_in_a_second", seen.busiest(accepted)
    yield "least_busy_worker", round(min(used) / sum(used), 2)
    if stalls:
        yield "stalls", len(count)


@contextmanager
def _stalling(process: psutil.Process, wanted: bool) -> Iterator[list[float]]:
    """Stops the process now and then for the block; the list holds the pauses before each."""
    over, done = threading.Event(), list[float]()

    def stall() -> None:
        pauses = random.Random(1)
        while not over.wait(pause := pauses.uniform(*_BETWEEN_STALLS)):
            process.send_signal(signal.SIGSTOP)
            over.wait(_STALL)
            process.send_signal(signal.SIGCONT)
            done.append(pause)

    thread = threading.Thread(target=stall)
    if wanted:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        if wanted:
            thread.join()
