"""How long an awaited mail takes while a campaign uses the whole rate of the same account.

From the start of the HTTP request, connection included, to SES's acceptance as the simulator noted
it: web server, PostgreSQL, queue, sender, TLS. The clock is the same machine's.
"""

import time

from bench import people, seen
from bench.developer import Developer
from bench.stage import Figures, Run
from bench.workers import workers
from sending.services.batches import launch_batch

_MAILS = 300
_EVERY = 0.2
_RATE = 200
_LATENCY_MS = 50
_WORKERS = 2
_RAMP = 3.0  # seconds of the campaign before the first mail is asked for


def transactional(run: Run) -> Figures:
    """Percentiles of the time from request to acceptance, and how much of it was the API's."""
    mails = round(run.seconds / _EVERY) if run.seconds else _MAILS
    simulator = run.simulator
    simulator.settings(latency_ms=_LATENCY_MS)
    account = people.make_world(simulator, rate=_RATE)
    batch = people.make_campaign(account, round(_RATE * (mails * _EVERY * 2 + 30)))
    developer = Developer(account.tenant)
    with workers(_WORKERS, web=True):
        launch_batch(batch=batch)
        start = seen.first_accept(simulator) + _RAMP
        for number in range(mails):
            time.sleep(max(0.0, start + number * _EVERY - time.time()))
            developer.ask()
        asked_for = time.time() - start
        time.sleep(2)
    ledger = list(simulator.ledger())
    arrived = {one["recipients"][0]: one["time"] for one in ledger}
    took = [arrived[to] - one.started for to, one in developer.asked.items() if to in arrived]
    api = [one.answered - one.started for one in developer.asked.values()]
    campaign = [one["time"] for one in ledger if one["recipients"][0] not in developer.asked]
    return {
        "mails": mails,
        "missing": mails - len(took),
        "p50_ms": round(seen.percentile(took, 0.5) * 1000),
        "p99_ms": round(seen.percentile(took, 0.99) * 1000),
        "api_p50_ms": round(seen.percentile(api, 0.5) * 1000),
        "api_p99_ms": round(seen.percentile(api, 0.99) * 1000),
        "campaign_per_second": round(len(seen.within(campaign, start, asked_for)) / asked_for, 1),
        "quota": _RATE,
        "throttled": seen.throttled(simulator),
    }
