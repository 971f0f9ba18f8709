"""What beat mends: nothing that a dead worker, an empty Valkey or a passed hour left behind stays.

Each function may run at any time, twice, and beside itself.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections import defaultdict
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from sending import brakes, ledger, pulse, queue, quota
from sending.feed import feed_again
from sending.models import Batch, BatchState, Lane, Message, SentMinute, SesAccount, Status
from sending.pace import DAY
from sending.parking import unpark_aws
from sending.selectors.pace import windows

# A claim whose worker lives is answered within its read timeout, a slice's end and a slow commit.
_CLAIM_AGE = timedelta(minutes=2)
# SES publishes Send and Delivery events within seconds; what has none by then will have none.
_UNKNOWN_AGE = timedelta(minutes=15)
_ENDED_LATELY = timedelta(days=1)
_CHUNK = 10_000
# A push follows its commit, and a claim its take, within a second.
_FORGOTTEN_AGE = timedelta(seconds=5)
_FORGOTTEN_MOST = 1_000
_LOST_CLAIM = "The worker ended before Amazon SES answered"


def sweep() -> list[int]:
    """Mends everything, and returns the batches whose launch must go on."""
    expire_claims()
    send_unknown_again()
    end_parkings()
    refresh_quotas()
    brakes.look_at_all()
    brakes.look_at_accounts()
    skip_cancelled()
    finish_batches()
    reopen()
    feed_lost()
    push_forgotten()
    if queue.work_is_due():
        queue.ring()
    return unfinished_launches()


def expire_claims() -> int:
    """Claims that no worker answered for become unknown: SES may have them."""
    return ledger.expire(timezone.now() - _CLAIM_AGE, _LOST_CLAIM)


def send_unknown_again() -> int:
    """Awaited mail of which no event told is sent once more, where events are known to flow.

    Campaign mail stays unknown: to mail somebody twice is worse than to leave one out, and a
    person can decide to send it again.
    """
    now = timezone.now()
    ids = Message.unscoped.filter(
        status=Status.UNKNOWN,
        claimed_at__lt=now - _UNKNOWN_AGE,
        attempts__lt=2,
        batch__lane__lt=Lane.AUTOMATION,
        batch__ses_account__last_event_at__gt=F("claimed_at"),
    ).filter(batch__ses_account__last_event_at__gt=now - pulse.EVENTS_FLOW)
    return ledger.requeue_unknown(list(ids.values_list("pk", flat=True)[:_CHUNK]))


def end_parkings() -> None:
    """Accounts whose time has come go on."""
    over = SesAccount.unscoped.exclude(parked_reason="").filter(parked_until__lte=timezone.now())
    for pace_key in {account.pace_key for account in over}:
        unpark_aws(pace_key)


def refresh_quotas() -> None:
    """Tells the queue what the rolling day allows, for accounts with something to send."""
    open_batches = Batch.unscoped.filter(state=BatchState.RUNNING).select_related("ses_account")
    for pace_key in {*queue.pace_keys(), *(batch.ses_account.pace_key for batch in open_batches)}:
        quota.refresh(pace_key)
    SentMinute.objects.filter(minute__lt=timezone.now() - DAY - timedelta(hours=1)).delete()


_HAS_QUEUED = (
    "EXISTS (SELECT 1 FROM sending_message m "
    f"WHERE m.batch_id = sending_batch.id AND m.status = {Status.QUEUED.value})"
)


def feed_lost() -> None:
    """Batches with queued messages of which Valkey knows none are fed again."""
    for batch in _with_queued():
        _, waiting = queue.window(batch.pk)
        if not waiting:
            feed_again(batch)


def _with_queued() -> list[Batch]:
    return list(_awake().extra(where=[_HAS_QUEUED]))  # noqa: S610 (a constant)


def _awake() -> QuerySet[Batch]:
    """Running batches whose lane is not parked."""
    held = ~Q(ses_account__parked_reason="") & Q(lane__gte=F("ses_account__parked_lane"))
    running = Batch.unscoped.filter(state=BatchState.RUNNING).exclude(held)
    return running.select_related("ses_account")


# The oldest of each batch, in the order of its index; their data says since when they wait.
_LONG_QUEUED = f"""
    SELECT m.batch_id, m.id
    FROM unnest(%s::bigint[]) AS b (id)
    CROSS JOIN LATERAL (
        SELECT id, batch_id FROM sending_message
        WHERE batch_id = b.id AND status = {Status.QUEUED.value} ORDER BY id LIMIT %s
    ) m
    JOIN sending_messagedata d ON d.message_id = m.id
    WHERE d.created_at < %s ORDER BY m.id
"""


def push_forgotten() -> None:
    """Awaited mail that Valkey does not know waits in front again, though its window is not empty.

    A worker took it and was killed before its claim, or it is to be sent once more. Campaign mail
    can wait until its window is empty and feed_lost() looks; behind the cursor feed() looks.
    """
    batches = {batch.pk: batch for batch in _awake().filter(lane__lt=Lane.AUTOMATION)}
    queued: dict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        age = timezone.now() - _FORGOTTEN_AGE
        cursor.execute(_LONG_QUEUED, [list(batches), _FORGOTTEN_MOST, age])
        for batch_id, message_id in cursor.fetchall():
            queued[batch_id].append(message_id)
    for batch_id, window in windows(list(queued)).items():
        batch = batches[batch_id]
        lost = [one for one in queued[batch_id] if not window.knows(one)]
        queue.put_back(batch.ses_account.pace_key, batch.lane, batch_id, lost)


def unfinished_launches() -> list[int]:
    """Running batches whose audience is not written to its end."""
    batches = Batch.unscoped.filter(
        state=BatchState.RUNNING, launched_at__isnull=False, audience_at=None
    )
    return list(batches.values_list("pk", flat=True))


_UNFINISHED = f"""
    SELECT 1 FROM sending_message
    WHERE batch_id = %s AND status IN ({Status.QUEUED.value}, {Status.SENDING.value}) LIMIT 1
"""


def finish_batches() -> None:
    """Running batches with nothing left to send are done."""
    candidates = Batch.unscoped.filter(state=BatchState.RUNNING).filter(
        Q(launched_at=None) | Q(audience_at__isnull=False)
    )
    for batch_id in candidates.values_list("pk", flat=True):
        finish(batch_id)


def finish(batch_id: int) -> bool:
    """Calls a batch done if nothing of it is left.

    The lock comes first and the question after it, in a statement of its own: a message that
    send_one() wrote meanwhile is seen, or send_one() finds the batch done and opens it again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        batch = Batch.unscoped.select_for_update(skip_locked=True).filter(
            pk=batch_id, state=BatchState.RUNNING
        )
        if not batch.exists():
            return False
        cursor.execute(_UNFINISHED, [batch_id])
        if cursor.fetchone():
            return False
        batch.update(state=BatchState.DONE, finished_at=timezone.now())
    return True


def cancel_rest(batch_id: int) -> None:
    """Makes skipped, in chunks, what a cancelled batch had queued."""
    batch = Batch.unscoped.get(pk=batch_id)
    while batch.state == BatchState.CANCELLED and _skip_chunk(batch):
        pass


def skip_cancelled() -> None:
    """Skips what a cancelled batch still has queued, a chunk of each: its task may have died, and
    what a worker had in hand comes back after the task is through."""
    lately = timezone.now() - _ENDED_LATELY
    cancelled = Batch.unscoped.filter(state=BatchState.CANCELLED, finished_at__gt=lately)
    for batch in cancelled.extra(where=[_HAS_QUEUED]):  # noqa: S610 (a constant)
        _skip_chunk(batch)


def _skip_chunk(batch: Batch) -> int:
    return ledger.skip_queued(batch.pk, batch.state_reason or "Cancelled", _CHUNK)


def reopen() -> None:
    """Goes on with batches that were done and have something queued again.

    Awaited mail that is sent once more; or a slow worker says that SES refused what was called
    unknown meanwhile.
    """
    lately = timezone.now() - _ENDED_LATELY
    done = Batch.unscoped.filter(state=BatchState.DONE, finished_at__gt=lately)
    for batch in done.extra(where=[_HAS_QUEUED]):  # noqa: S610 (a constant)
        Batch.unscoped.filter(pk=batch.pk, state=BatchState.DONE).update(
            state=BatchState.RUNNING, finished_at=None
        )
