"""A campaign to a million: how soon its rows are there, what it takes, and whether size costs.

CPU is that of the sending processes. The small campaigns, of 10,000 each, run one after the other
in the same workers; the next is launched when the last has left, so that both sides keep their
connections. The 60,000 of the large one are counted once its last row is written.
"""

import time
from collections.abc import Sequence

from bench import people, seen
from bench.cpu import Meter
from bench.disk import bytes_of
from bench.memory import watching
from bench.stage import Figures, Run, wait_until
from bench.workers import Workers, workers
from sending.models import Batch
from sending.services.batches import launch_batch
from simulator.client import SimulatorClient

_RECIPIENTS = 1_000_000
_SMALL, _TIMES = 100, 6  # six campaigns of a hundredth of the large one
_UNLIMITED = 1_000_000.0
_PACED = 500.0  # a second, what a large account is allowed
_LATENCY_MS = 50
_WORKERS = 2


def launch(run: Run) -> Figures:
    """Seconds to the last row and to the first mail, peak memory, CPU against 10,000."""
    return _launch(run, whole=False)


def launch_whole(run: Run) -> Figures:
    """The same to the last mail."""
    return _launch(run, whole=True)


def launch_paced(run: Run) -> Figures:
    """Seconds to the last row and to the first mail where the account may send 500 a second.

    Senders that nothing holds back take what the rows would need of two cores; these do not.
    """
    simulator, count = run.simulator, run.recipients or _RECIPIENTS
    simulator.settings(latency_ms=_LATENCY_MS)
    batch = people.make_campaign(people.make_world(simulator, rate=_PACED), count)
    with workers(_WORKERS):
        pressed = time.time()
        launch_batch(batch=batch)
        first = seen.first_accept(simulator) - pressed
        wait_until(lambda: _written(batch), seconds=300)
        last_row = time.time() - pressed
    return {
        "recipients": count,
        "last_row_seconds": round(last_row, 1),
        "first_mail_seconds": round(first, 2),
    }


def _launch(run: Run, *, whole: bool) -> Figures:
    simulator, count = run.simulator, run.recipients or _RECIPIENTS
    simulator.settings(latency_ms=_LATENCY_MS)
    account = people.make_world(simulator, rate=_UNLIMITED)
    few = count // _SMALL
    audience = people.make_audience(account, few)
    small = [people.make_batch(account, audience) for _ in range(_TIMES)]
    batch = people.make_campaign(account, count)
    with workers(_WORKERS) as running:
        small_cpu = _small_campaigns(running, simulator, small, few)
        simulator.reset()
        nodes = {"senders": running.senders, "default": [running.others["default"]]}
        with watching(nodes, every=0.25) as memory:
            pressed = time.time()
            launch_batch(batch=batch)
            first = seen.first_accept(simulator) - pressed
            wait_until(lambda: _written(batch), seconds=300)
            last_row = time.time() - pressed
            row_bytes = bytes_of("sending_message") / (count + few * _TIMES)
            cpu = _cpu_of_next(running, simulator, few * _TIMES)
            if whole:
                seen.wait_for(simulator, count, seconds=3600)
    figures: Figures = {
        "recipients": count,
        "last_row_seconds": round(last_row, 1),
        "first_mail_seconds": round(first, 2),
        **{f"{name}_rss_mib": size for name, size in memory.peaks().items()},
        "sender_cpu_ms": round(cpu, 3),
        "small_sender_cpu_ms": round(small_cpu, 3),
        "cpu_ratio": round(cpu / small_cpu, 3),
        "row_bytes": round(row_bytes),
    }
    if whole:
        accepted = seen.times(simulator)
        figures |= {"per_second": round(seen.rate(accepted)), "accepted": len(accepted)}
    return figures


def _small_campaigns(
    running: Workers, simulator: SimulatorClient, batches: Sequence[Batch], size: int
) -> float:
    meter = Meter({"sender": running.senders})
    for number, batch in enumerate(batches, start=1):
        launch_batch(batch=batch)
        seen.wait_for(simulator, number * size)
    return meter.used()["sender"] / (size * len(batches)) * 1000


def _cpu_of_next(running: Workers, simulator: SimulatorClient, count: int) -> float:
    meter, start = Meter({"sender": running.senders}), int(simulator.health()["accepted"])
    seen.wait_for(simulator, start + count)
    return meter.used()["sender"] / (int(simulator.health()["accepted"]) - start) * 1000


def _written(batch: Batch) -> bool:
    return Batch.unscoped.filter(pk=batch.pk, audience_at__isnull=False).exists()
