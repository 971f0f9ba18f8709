"""Celery's shells around the send engine."""

import mmap
import os
import socket
import threading
import time
from functools import cache
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.utils import timezone

from sending import (
    connection,
    delivery,
    domain_alerts,
    domainwatch,
    engagement,
    launching,
    mirroring,
    permitted,
    retention,
    selftest,
    signs,
    standing,
    sweeping,
)
from sending.models import SesAccount
from sending.selectors.accounts import due_for_quota

_SLICE_SECONDS = 120.0
_SAY_ALIVE_SECONDS = 10.0
# Short: the sweep waits in the same queue.
_LAUNCH_SECONDS = 4.0
_FORGET_SECONDS = 20.0  # of each minute: other work of the queue gets its turn
_FOLD_SECONDS = 20.0
_WATCH_SECONDS = 20.0
_MIRROR_SECONDS = 12.0

# Worker processes are forked and do not hear the signal that ends their parent; they share a byte.
_shutting_down = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _tell_drains(**_: object) -> None:
    _shutting_down[0] = 1


@worker_ready.connect
def _be_heard(sender: Any, **_: object) -> None:
    _keep_saying_so(sender.hostname)


@cache  # a worker that has found its broker again is ready once more
def _keep_saying_so(name: str) -> None:
    threading.Thread(target=_say_alive, args=[name], name="alive", daemon=True).start()


def _say_alive(name: str) -> None:
    while not _shutting_down[0]:
        signs.heard(signs.WORKERS, name)
        time.sleep(_SAY_ALIVE_SECONDS)


@worker_shutdown.connect
def _say_gone(sender: Any, **_: object) -> None:
    signs.gone(sender.hostname)


@cache
def _engine() -> delivery.Engine:
    return delivery.Engine()


@shared_task
def drain() -> None:
    """Sends what is due, for a while. At shutdown: ends what is in flight, gives back the rest."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    signs.heard(signs.DRAINS, name)
    _engine().run(seconds=_SLICE_SECONDS, stopping=lambda: _shutting_down[0] == 1)
    signs.heard(signs.DRAINS, name)


@shared_task
def launch(batch_id: int) -> None:
    """Writes rows of a batch for a while; what is left is for the next one."""
    if launching.launch(batch_id, seconds=_LAUNCH_SECONDS):
        launch.delay(batch_id)


@shared_task
def cancel_rest(batch_id: int) -> None:
    """Skips what a cancelled batch had queued."""
    sweeping.cancel_rest(batch_id)


@shared_task(bind=True, max_retries=60)
def run_self_test(self: Any, test_id: int) -> None:
    if not selftest.run(test_id):
        raise self.retry(countdown=3)


@shared_task
def look_at_permissions(account_id: int, name: str) -> None:
    account = SesAccount.unscoped.filter(pk=account_id).first()
    if account is not None:
        permitted.look(account, name)


@shared_task
def sweep() -> None:
    """Mends what crashes left; goes on with half launches."""
    for batch_id in sweeping.sweep():
        launch.delay(batch_id)


@shared_task
def forget_old_messages() -> None:
    """Deletes for a while what is older than its workspace keeps."""
    retention.forget(seconds=_FORGET_SECONDS)


@shared_task
def fold_engagement() -> None:
    """Counts for a while what ended batches sent as engagement of their contacts."""
    engagement.fold(seconds=_FOLD_SECONDS)


@shared_task
def mirror_suppressions() -> None:
    """Reads and changes the suppression lists of SES accounts for a while."""
    mirroring.run(seconds=_MIRROR_SECONDS)


@shared_task
def gather_standing() -> None:
    """Tidies the counts of days gone by."""
    standing.gather(timezone.now())


@shared_task
def read_quotas() -> None:
    """Has AWS asked for the quota of each account that is due; one slow answer holds back none."""
    for account_id in due_for_quota(timezone.now()):
        read_quota_of.delay(account_id)


@shared_task
def read_quota_of(account_id: int) -> None:
    connection.watch_quota(account_id)


@shared_task
def watch_domains() -> None:
    """Looks for a while at the DNS of the domains whose time has come."""
    domainwatch.watch_due(seconds=_WATCH_SECONDS)


@shared_task
def mail_domain_alerts() -> None:
    domain_alerts.mail_noted(timezone.now())
