"""Ten minutes of ordinary work: does anything grow?

One workspace sends 200 a second without events, another 30 a second whose events come back through
SNS, the webhook and the translator; both send one campaign after the other, and a program asks for
one mail a second by the API. All of the product's processes run, beat included. Each campaign is
a little smaller than what the rate allows until the next one, so the backlog has to stay flat.
"""

import time

from django.db import connection

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.developer import Developer
from bench.disk import bytes_of
from bench.memory import MemoryLog, watching
from bench.stage import Figures, Run
from bench.workers import workers
from sending.models import Status
from sending.services.batches import launch_batch
from sending.services.feedback import set_up_feedback

_SECONDS = 600.0
_WARM = 120.0  # seconds until everything has been loaded once
_SAMPLE = 10.0
_LATENCY_MS = 50
_WORKERS = 2
_EVERY = 15  # seconds from one campaign to the next
_QUIET_RATE, _TOLD_RATE = 200, 30
_USED = 0.9  # of the quota
_TOLD_ACCOUNT = "222222222222"

_BACKLOG = f"""
    SELECT (SELECT count(*) FROM sending_message WHERE status = {Status.QUEUED.value}),
           (SELECT count(*) FROM webhooks_snsmessage WHERE processed_at IS NULL)
"""  # noqa: S608 (a constant)
_EVENTS = "SELECT count(*) FROM webhooks_snsmessage WHERE processed_at IS NOT NULL"


def soak(run: Run) -> Figures:
    """Growth of memory between the end of the warm-up and the end, backlogs, refusals."""
    seconds = run.seconds or _SECONDS
    simulator = run.simulator
    simulator.settings(latency_ms=_LATENCY_MS)
    accounts = [
        people.make_world(simulator, rate=_QUIET_RATE),
        people.make_account(simulator, rate=_TOLD_RATE, aws_account=_TOLD_ACCOUNT),
    ]
    audiences = [
        people.make_audience(account, round(account.max_send_rate * _EVERY * _USED))
        for account in accounts
    ]
    developer = Developer(accounts[0].tenant)
    backlogs: list[tuple[int, ...]] = []
    with workers(_WORKERS, web=True, beat=True) as running:
        set_up_feedback(account=accounts[1], actor=None)
        nodes = {"senders": running.senders} | {k: [v] for k, v in running.others.items()}
        meter = Meter(nodes | server_groups())
        with watching(nodes, every=min(_SAMPLE, seconds / 30)) as memory:
            start = time.time()
            for second in range(round(seconds)):
                if second % _EVERY == 0:
                    backlogs.append(_one_row(_BACKLOG))
                    for account, audience in zip(accounts, audiences, strict=True):
                        launch_batch(batch=people.make_batch(account, audience))
                developer.ask()
                seen.let_pass(start + second + 1)
        cpu = meter.used()
        seen.let_pass(time.time() + _EVERY)
        backlogs.append(_one_row(_BACKLOG))
        waiting_at_sns = simulator.health()["notifications_queued"]
    accepted, (events,) = len(seen.times(simulator)), _one_row(_EVENTS)
    return {
        "seconds": seconds,
        "accepted": accepted,
        "per_second": round(accepted / seconds),
        "api_mails": len(developer.asked),
        "events": events,
        **_growth(memory, start, seconds),
        "most_queued": max(queued for queued, _ in backlogs),
        "queued_at_end": backlogs[-1][0],
        "most_events_waiting": max(waiting for _, waiting in backlogs),
        "events_waiting_at_end": backlogs[-1][1],
        "waiting_at_sns_at_end": waiting_at_sns,
        "throttled": seen.throttled(simulator),
        "web_cpu_ms_an_event": round(cpu["web"] / events * 1000, 2),
        **{f"{name}_cpu_seconds": round(used) for name, used in cpu.items()},
        "sns_bytes_an_event": round(bytes_of("webhooks_snsmessage") / events),
        "history_bytes_an_event": round(bytes_of("sending_messageevent") / events),
    }


def _growth(memory: MemoryLog, start: float, seconds: float) -> Figures:
    """MiB of each node when all is loaded, and how much more at the end: means of a minute."""
    warm, span = min(_WARM, seconds / 5), min(60.0, seconds / 5)
    early = memory.mean(start + warm, start + warm + span)
    late = memory.mean(start + seconds - span, start + seconds)
    figures: Figures = {}
    for name, size in early.items():
        figures[f"{name}_rss_mib"] = round(size, 1)
        figures[f"{name}_growth_mib"] = round(late[name] - size, 1)
    return figures


def _one_row(sql: str) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchone())
