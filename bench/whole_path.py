"""From pressing send to the last mail at SES, against the obvious build in the same run.

Both have two cores with PostgreSQL, Valkey and the simulator, TLS, 50 ms of service latency, a
20 KB body, and no events coming back. The rate counts from the first to the last mail that the
simulator accepted; CPU is that of the worker processes, Celery included, and of each server.
"""

import os

from bench import obvious, people, seen
from bench.cpu import Meter, server_groups
from bench.disk import bytes_of, wal_bytes
from bench.stage import Figures, Run, processes
from bench.workers import wait_for_nodes
from bluefox.celery import app as bluefox
from sending.services.batches import launch_batch
from simulator.client import SimulatorClient

_COUNT = 20_000
_OBVIOUS_COUNT = 2_000  # its rate is the same from the first second to the last
_LATENCY_MS = 50
_UNLIMITED = 1_000_000.0
_OURS = ["-m celery -q -A bluefox worker -Q send,default,long -c 2 -l WARNING"]
_OBVIOUS = [
    f"-m celery -q -A bench.obvious worker -P threads -c {obvious.THREADS} -l WARNING -n o{i}@bench"
    for i in range(2)
]


def whole_path(run: Run) -> Figures:
    """Messages a second and CPU milliseconds a message, ours and the obvious build's."""
    count = run.recipients or _COUNT
    run.simulator.settings(latency_ms=_LATENCY_MS)
    theirs = _obvious(run.simulator)
    ours = _ours(run.simulator, count)
    return {
        "recipients": count,
        **ours,
        **{f"obvious_{key}": value for key, value in theirs.items()},
        "ratio": round(float(ours["per_second"]) / float(theirs["per_second"]), 2),
        "events": "off",
    }


def _ours(simulator: SimulatorClient, count: int) -> Figures:
    batch = people.make_campaign(people.make_world(simulator, rate=_UNLIMITED), count)
    with processes(_OURS) as nodes:
        wait_for_nodes(bluefox, 1)
        meter = Meter({"sender": nodes, **server_groups()})
        wal = wal_bytes()
        launch_batch(batch=batch)
        seen.wait_for(simulator, count)
        cpu = meter.for_each_of(count)
        wal = wal_bytes() - wal
    return {
        "per_second": round(seen.rate(seen.times(simulator))),
        **cpu,
        "row_bytes": round(bytes_of("sending_message") / count),
        "wal_bytes": round(wal / count),
        "mail_bytes": round(simulator.summary()["bytes"] / count),
    }


def _obvious(simulator: SimulatorClient) -> Figures:
    account = people.make_world(simulator, rate=_UNLIMITED)
    key = account.credentials
    os.environ |= {"OBVIOUS_KEY": key["access_key_id"], "OBVIOUS_SECRET": key["secret_access_key"]}
    ids = people.make_messages(people.make_campaign(account, _OBVIOUS_COUNT))
    with processes(_OBVIOUS) as nodes:
        wait_for_nodes(obvious.app, len(_OBVIOUS))
        meter = Meter({"sender": nodes})
        for message_id in ids:
            obvious.send.delay(message_id)
        seen.wait_for(simulator, _OBVIOUS_COUNT)
        cpu = meter.for_each_of(_OBVIOUS_COUNT)
    return {"per_second": round(seen.rate(seen.times(simulator))), **cpu}
