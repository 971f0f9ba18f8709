"""What another worker process adds: the same campaign with one, two and three of them.

Each is a Celery node with connections of its own, and they share nothing but PostgreSQL and Valkey.
With 50 ms of latency a process is limited by its core, and this machine has few; with 800 ms it is
limited by how many mails it may have in flight, so that one more adds its rate whatever the cores.
"""

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.stage import Figures, Run
from bench.workers import workers
from sending import queue
from sending.services.batches import launch_batch

_UNLIMITED = 1_000_000.0
_SECONDS = 40.0  # two slices of a drain
_RAMP = 10.0
_WORKERS = (1, 2, 3)
_LATENCIES_MS = (50, 800)
_MOST_PER_SECOND = 3_000  # more than this machine can send: the campaign must outlast the window


def scaling(run: Run) -> Figures:
    """Messages a second by latency and number of processes, and the CPU behind them."""
    seconds = run.seconds or _SECONDS
    figures: Figures = {"seconds": seconds}
    for latency in _LATENCIES_MS:
        run.simulator.settings(latency_ms=latency)
        for senders in _WORKERS:
            found = _one(run, senders, seconds)
            figures |= {f"{key}_{latency}ms_{senders}": value for key, value in found.items()}
    return figures


def _one(run: Run, senders: int, seconds: float) -> Figures:
    account = people.make_world(run.simulator, rate=_UNLIMITED)
    batch = people.make_campaign(account, round(_MOST_PER_SECOND * (_RAMP + seconds)))
    with workers(senders) as running:
        launch_batch(batch=batch)
        start = seen.first_accept(run.simulator) + _RAMP
        seen.let_pass(start, meanwhile=queue.ring_for_company)
        before = run.simulator.health()["accepted"]
        meter = Meter({"sender": running.senders, **server_groups()})
        seen.let_pass(start + seconds, meanwhile=queue.ring_for_company)
        cpu = meter.for_each_of(run.simulator.health()["accepted"] - before)
    count = len(seen.within(seen.times(run.simulator), start, seconds))
    return {"per_second": round(count / seconds), **cpu}
