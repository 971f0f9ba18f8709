"""From pressing send to the last mail at SES, against the obvious build in the same run.

Both have two cores with PostgreSQL, Valkey and the simulator, TLS, 50 ms of service latency, a
20 KB body, and no events coming back. The rate counts from the first to the last mail that the
simulator accepted; CPU is that of the worker processes, Celery included.
"""

import os

from celery import Celery

from bench import obvious, people
from bench.stage import Figures, cpu_seconds, processes, wait_until
from bluefox.celery import app as bluefox
from sending.models import Batch, Lane
from sending.queue import set_rate
from sending.services.batches import create_batch, launch_batch
from simulator.client import SimulatorClient

_COUNT = int(os.environ.get("BENCH_RECIPIENTS", "20000"))
_OBVIOUS_COUNT = 2_000  # its rate is the same from the first second to the last
_LATENCY_MS = 50
_UNLIMITED = 1_000_000.0
_OURS = ["-m celery -A bluefox worker -Q send,default -c 2 -l WARNING"]
_OBVIOUS = [
    f"-m celery -A bench.obvious worker -P threads -c {obvious.THREADS} -l WARNING -n o{i}@bench"
    for i in range(2)
]


def whole_path(simulator: SimulatorClient) -> Figures:
    """Messages a second and CPU milliseconds a message, ours and the obvious build's."""
    simulator.settings(latency_ms=_LATENCY_MS)
    theirs, their_cpu = _obvious(simulator)
    ours, our_cpu = _ours(simulator)
    return {
        "recipients": _COUNT,
        "per_second": round(ours),
        "obvious_per_second": round(theirs),
        "ratio": round(ours / theirs, 2),
        "cpu_ms": round(our_cpu, 3),
        "obvious_cpu_ms": round(their_cpu, 3),
        "events": "off",
    }


def _ours(simulator: SimulatorClient) -> tuple[float, float]:
    batch = _batch(simulator, _COUNT)
    with processes(_OURS) as workers:
        _wait_for_workers(bluefox, 1)
        before = cpu_seconds(workers)
        launch_batch(batch=batch)
        rate = _rate(simulator, _COUNT)
        return rate, (cpu_seconds(workers) - before) / _COUNT * 1000


def _obvious(simulator: SimulatorClient) -> tuple[float, float]:
    batch = _batch(simulator, _OBVIOUS_COUNT)
    key = batch.ses_account.credentials
    os.environ |= {"OBVIOUS_KEY": key["access_key_id"], "OBVIOUS_SECRET": key["secret_access_key"]}
    ids = people.make_messages(batch)
    with processes(_OBVIOUS) as workers:
        _wait_for_workers(obvious.app, len(_OBVIOUS))
        before = cpu_seconds(workers)
        for message_id in ids:
            obvious.send.delay(message_id)
        rate = _rate(simulator, _OBVIOUS_COUNT)
        return rate, (cpu_seconds(workers) - before) / _OBVIOUS_COUNT * 1000


def _batch(simulator: SimulatorClient, count: int) -> Batch:
    people.empty()
    simulator.reset()
    account = people.make_account(simulator, rate=_UNLIMITED)
    audience = people.make_audience(account, count)
    set_rate(account.pace_key, account.max_send_rate)
    return create_batch(
        tenant=account.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=account,
        from_header=people.FROM,
        subject=people.SUBJECT,
        html=people.html(),
        text=people.TEXT,
        list_ids=[audience.pk],
    )


def _wait_for_workers(app: Celery, count: int) -> None:
    wait_until(lambda: len(app.control.ping(timeout=0.5) or []) == count, seconds=60)


def _rate(simulator: SimulatorClient, count: int) -> float:
    """Waits for the last mail; accepted mails a second between the first and the last."""
    wait_until(lambda: simulator.health()["accepted"] >= count, seconds=600)
    times: list[float] = [one["time"] for one in simulator.ledger()]
    return (len(times) - 1) / (times[-1] - times[0])
