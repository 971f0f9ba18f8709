"""How far a batch is, and in plain words what holds it."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from sending.models import Batch, BatchState, BatchTally, Message, SesState, Status

_PULSE = timedelta(seconds=10)
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
        word = "Paused" if batch.state == BatchState.PAUSED else "Cancelled"
        return f"{word}: {batch.state_reason}" if batch.state_reason else word
    if batch.state != BatchState.RUNNING or not waiting:
        return ""
    if account.state != SesState.CONNECTED:
        return "Amazon SES is not connected"
    if account.parked_reason and batch.lane >= account.parked_lane:
        return account.parked_reason
    if rate >= 0.7 * account.max_send_rate:
        return f"AWS allows {account.max_send_rate:g} a second"
    return ""
