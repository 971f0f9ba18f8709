"""A hundred workspaces at 14 mails a second each, on two sending processes.

Each has an AWS account, a list and a campaign of its own; all are launched at once. The window
opens fifteen seconds after the first mail: who has not started by then, or never does, counts.
"""

import statistics

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.stage import Figures, Run
from bench.workers import workers
from sending.services.batches import launch_batch

_TENANTS = 100
_RATE = 14
_SECONDS = 40.0
_LATENCY_MS = 50
_WORKERS = 2
_RAMP = 15.0


def tenants(run: Run) -> Figures:
    """The share of its quota that each workspace got: least and median."""
    seconds = run.seconds or _SECONDS
    simulator = run.simulator
    simulator.settings(latency_ms=_LATENCY_MS)
    people.empty()
    simulator.reset()
    batches = [
        people.make_campaign(
            people.make_account(simulator, rate=_RATE, aws_account=f"{number:012d}"),
            round(_RATE * (_RAMP + seconds + 10)),
        )
        for number in range(1, _TENANTS + 1)
    ]
    with workers(_WORKERS) as running:
        for batch in batches:
            launch_batch(batch=batch)
        start = seen.first_accept(simulator) + _RAMP
        seen.let_pass(start)
        before = simulator.health()["accepted"]
        meter = Meter({"sender": running.senders, **server_groups()})
        seen.let_pass(start + seconds)
        cpu = meter.for_each_of(simulator.health()["accepted"] - before)
    accepted: dict[str, list[float]] = {batch.ses_account.aws_account_id: [] for batch in batches}
    for one in simulator.ledger():
        accepted[one["account"]].append(one["time"])
    counts = [len(seen.within(each, start, seconds)) for each in accepted.values()]
    shares = [count / (_RATE * seconds) for count in counts]
    return {
        "tenants": len(counts),
        "workers": _WORKERS,
        "seconds": seconds,
        "least": round(min(shares), 4),
        "median": round(statistics.median(shares), 4),
        "per_second": round(sum(counts) / seconds),
        **cpu,
        "throttled": seen.throttled(simulator),
        "most_in_a_second": max(seen.busiest(each) for each in accepted.values()),
    }
