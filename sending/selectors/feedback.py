"""Whether what SES tells of our mail comes back to us."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, Sum, TextChoices
from django.utils import timezone
from django.utils.timesince import timesince

from sending.models import BatchTally, SesAccount, SesState
from sending.selectors.accounts import feedback_ready, may_test_feedback


class HealthState(TextChoices):
    OFF = "off", "Not set up"
    WAITING = "waiting", "Waiting for SNS"
    QUIET = "quiet", "No event yet"
    GOOD = "good", "Events arrive"
    STOPPED = "stopped", "Events have stopped"


@dataclass(frozen=True)
class Health:
    """How the way back stands; `words` is a sentence or two for a person."""

    state: HealthState
    words: str
    last_event_at: datetime | None


def feedback_health(account: SesAccount) -> Health:
    """How the way back of an account stands, from its row alone."""
    state, words = _health(account)
    return Health(state, words, account.last_event_at)


def _health(account: SesAccount) -> tuple[HealthState, str]:
    if account.events_stopped_at:
        return HealthState.STOPPED, (
            f"SNS ended the subscription of our webhook {ago(account.events_stopped_at)}, so "
            "bounces and complaints do not reach us. Set up feedback again."
        )
    if account.subscription_requested_at and not account.feedback_failed_step:
        return HealthState.WAITING, "SNS has been asked to confirm our webhook."
    if not feedback_ready(account):
        if may_test_feedback(account):
            return HealthState.QUIET, "SNS has confirmed our webhook. Run the self-test."
        return HealthState.OFF, "Bounces and complaints do not reach us yet. Set up feedback."
    if account.events_missing_since:
        last = account.last_event_at
        return HealthState.STOPPED, (
            "Mail leaves, but what becomes of it has not reached us for "
            f"{_age(account.events_missing_since)}. "
            + (f"The last event came {ago(last)}. " if last else "No event has ever come. ")
            + "Run the self-test: it says what to check."
        )
    if account.last_event_at is None:
        return HealthState.QUIET, "No event has come yet. The self-test brings the first."
    return HealthState.GOOD, f"Last event {ago(account.last_event_at)}."


def ago(moment: datetime) -> str:
    """About how long ago, in one unit: "2 minutes ago"."""
    return f"{_age(moment)} ago"


def _age(moment: datetime) -> str:
    now = timezone.now()
    if now - moment < timedelta(minutes=1):
        return "less than a minute"
    return timesince(moment, now, depth=1).replace("\xa0", " ")


def watched() -> list[SesAccount]:
    """The connected accounts of all tenants that have, or had, a way back."""
    has_way = Q(subscription_arn__gt="", events_published=True) | Q(events_stopped_at__isnull=False)
    connected = SesAccount.unscoped.filter(has_way, state=SesState.CONNECTED)
    return list(connected.select_related("tenant").order_by("id"))


@dataclass(frozen=True)
class Reported:
    """Mails of ended campaigns, and of how many of them we were told that they arrived or not."""

    sent: int
    heard: int


def reported(now: datetime) -> dict[int, Reported]:
    """What we were told of the campaigns that ended between an hour and a day ago, by account."""
    # The index batch_kept finds them; nobody's messages go within a day.
    rows = BatchTally.unscoped.filter(
        batch__launched_at__isnull=False,
        batch__messages_deleted_at=None,
        batch__finished_at__range=(now - timedelta(days=1), now - timedelta(hours=1)),
    )
    sums = rows.values("batch__ses_account").annotate(
        all_sent=Sum("sent"), all_heard=Sum(F("delivered") + F("bounced"))
    )
    return {row["batch__ses_account"]: Reported(row["all_sent"], row["all_heard"]) for row in sums}
