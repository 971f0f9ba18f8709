"""Celery's way into the engines."""

from celery import shared_task
from django.utils import timezone

from webhooks import alerts, bell, replaying, watching
from webhooks.confirming import confirm_pending
from webhooks.housekeeping import forget_alerts, forget_old
from webhooks.translate import translate_pending

# Short: what the clock puts into the same queue, the sweep among it, is dropped after ten seconds.
_SLICE_SECONDS = 4


@shared_task
def translate() -> None:
    """Rung once a burst; what is left is for the next one, of whom one waits and no more."""
    bell.silence()
    if translate_pending(seconds=_SLICE_SECONDS):
        ring_for_lost_events()


@shared_task
def ring_for_lost_events() -> None:
    """By the clock too: events may wait whose ring was lost."""
    if bell.ring():
        translate.delay()


@shared_task
def confirm_subscriptions() -> None:
    confirm_pending(timezone.now())


@shared_task
def fetch_dead_letters() -> None:
    """Has each queue that is due looked into; one slow answer holds back none."""
    for account_id in replaying.due(timezone.now()):
        fetch_dead_letters_of.delay(account_id)


@shared_task
def fetch_dead_letters_of(account_id: int) -> None:
    if replaying.replay_of(account_id, timezone.now()):
        translate.delay()


@shared_task
def mail_digests() -> None:
    alerts.write_due(timezone.now())
    alerts.mail_written(timezone.now())


@shared_task
def watch_events() -> None:
    watching.watch(timezone.now())
    watching.mail_alarms(timezone.now())


@shared_task
def forget_old_messages() -> None:
    forget_old(timezone.now())
    forget_alerts(timezone.now())
