"""How far a batch is, and in plain words what holds it."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from redis.exceptions import RedisError

from sending.models import Batch, BatchState, BatchTally, Message, SesState, Status
from sending.selectors.accounts import parked_words
from sending.selectors.pace import Pace, pace_of

_PULSE = timedelta(seconds=10)
_UNHEARD = 60.0  # seconds after which nobody is thought to work
_NOBODY = "No worker is running. Ask the operator."
_NEAR = 0.7  # of what AWS allows: the rate is of the last seconds, and jumps
_COUNTS = "total sent unknown skipped failed delivered bounced complained unsubscribed".split()


@dataclass(frozen=True)
class Progress:
    """Counts of messages; `holding` says why nothing leaves or what limits it, "" if nothing."""

    total: int
    queued: int
    sending: int
    sent: int
    unknown: int
    skipped: int
    failed: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    rate_per_second: float
    seconds_left: int | None
    holding: str

    @property
    def left(self) -> int:
        """How many are still to be sent."""
        return self.queued + self.sending

    @property
    def settled(self) -> int:
        """How many will not be tried again by themselves."""
        return self.sent + self.unknown + self.skipped + self.failed


def progress(batch: Batch) -> Progress:
    """The state of a batch at this moment, from counts that are kept as it goes."""
    tallies = list(BatchTally.unscoped.filter(batch=batch))
    counts = {name: sum(getattr(tally, name) for tally in tallies) for name in _COUNTS}
    sending = Message.unscoped.filter(batch=batch, status=Status.SENDING).count()
    ended = sum(counts[name] for name in ("sent", "unknown", "skipped", "failed"))
    queued = max(0, counts["total"] - ended - sending)
    rate = _rate(tallies) if batch.state == BatchState.RUNNING else 0.0
    return Progress(
        **counts,
        queued=queued,
        sending=sending,
        rate_per_second=rate,
        seconds_left=round((queued + sending) / rate) if rate and queued + sending else None,
        holding=_holding(batch, rate=rate, waiting=queued),
    )


def _rate(tallies: list[BatchTally]) -> float:
    """Mails a second over this ten seconds and the ten before."""
    now = timezone.now()
    fresh = [t for t in tallies if t.pulse_at is not None and now - t.pulse_at < 2 * _PULSE]
    starts = [t.pulse_at - (_PULSE if t.pulse_before else timedelta()) for t in fresh if t.pulse_at]
    if not starts:
        return 0.0
    seconds = max(1.0, (now - min(starts)).total_seconds())
    return sum(t.pulse + t.pulse_before for t in fresh) / seconds


def _holding(batch: Batch, *, rate: float, waiting: int) -> str:
    account = batch.ses_account
    if batch.state in (BatchState.PAUSED, BatchState.CANCELLED):
        return batch.state_reason or batch.get_state_display()
    launching = batch.launched_at is not None and batch.audience_at is None
    if batch.state != BatchState.RUNNING or not (waiting or launching):
        return ""
    if account.state != SesState.CONNECTED:
        return "Amazon SES is not connected"
    if account.parked_reason and batch.lane >= account.parked_lane:
        return parked_words(account)
    try:
        pace = pace_of(account.pace_key)
    except RedisError:
        return "The queue does not answer. Nothing is lost, and it goes on by itself."
    return _standstill(batch, pace, rate) or _limit(batch, pace, rate)


def _standstill(batch: Batch, pace: Pace, rate: float) -> str:
    """Why nothing moves: nobody works, or the queue in Valkey is new or was lost."""
    if pace.overdue is not None:
        return _NOBODY if pace.overdue > _UNHEARD and not _lately(pace.drained) else ""
    launched = batch.launched_at or batch.created_at
    waits = timezone.now() - launched > timedelta(seconds=_UNHEARD)
    if waits and pace.heard is not None and not _lately(pace.heard):
        return _NOBODY
    return "" if rate else "Waiting for a worker to fill the queue"


def _lately(seconds_ago: float | None) -> bool:
    return seconds_ago is not None and seconds_ago < _UNHEARD


def _limit(batch: Batch, pace: Pace, rate: float) -> str:
    """What AWS lets through."""
    allowed = batch.ses_account.max_send_rate
    if pace.cut < 1:
        now = _figure(allowed * pace.cut)
        return f"AWS asked us to slow down: {now} of {allowed:g} a second for now"
    if rate >= _NEAR * allowed:
        return f"AWS allows {allowed:g} a second"
    running = Batch.unscoped.filter(
        ses_account=batch.ses_account, lane=batch.lane, state=BatchState.RUNNING
    ).count()
    if running > 1 and rate * running >= _NEAR * allowed:
        return f"AWS allows {allowed:g} a second, which {running} sendings share"
    return ""


def _figure(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
