"""Making a batch, sending it, and taking the brakes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict, Unpack

import orjson
from django.db import connection, transaction
from django.utils import timezone

from lists.addresses import Address, normalise
from lists.models import Contact
from lists.selectors.audience import suppressed_among
from lists.selectors.reach import Audience
from sending import brakes, ledger, pulse, queue, tally
from sending.errors import BatchEnded, EventsAwaited
from sending.feed import feed_again
from sending.models import (
    Batch,
    BatchState,
    Lane,
    Message,
    MessageData,
    SesAccount,
    Status,
)
from sending.outbound import check
from sending.tasks import cancel_rest, launch
from tenants.models import Tenant
from tenants.prepared import Prepared

_ENDED = (BatchState.CANCELLED, BatchState.DONE)
_CHUNK = 10_000
_STANDING = Prepared(
    "standing_batch",
    f"""
    SELECT id, state FROM sending_batch
    WHERE tenant_id = $1 AND fingerprint = $2
      AND state NOT IN ('{BatchState.PAUSED}', '{BatchState.CANCELLED}')
    ORDER BY id DESC LIMIT 1
    FOR KEY SHARE
    """,  # noqa: S608 (constants of ours)
)
_STATE = Prepared("batch_state", "SELECT state FROM sending_batch WHERE id = $1 FOR KEY SHARE")
# With what tally.add() does for a message that waits, or was skipped.
_WRITE_ONE = Prepared(
    "message_with_data",
    """
    WITH made AS (
        INSERT INTO sending_message (tenant_id, batch_id, contact_id, email, status, reason)
        VALUES ($1, $2, $3, $4, $5, $6)
        RETURNING id
    ), counted AS (
        INSERT INTO sending_batchtally AS t
            (tenant_id, batch_id, shard, total, skipped, pulse, pulse_before)
        VALUES ($1, $2, $11, 1, $12, 0, 0)
        ON CONFLICT (batch_id, shard) DO UPDATE SET
            total = t.total + excluded.total, skipped = t.skipped + excluded.skipped
    )
    INSERT INTO sending_messagedata (message_id, tenant_id, public_id, to_name, data, created_at)
    SELECT id, $1, $7::uuid, $8, $9::jsonb, $10::timestamptz FROM made
    RETURNING message_id
    """,
)


class Mail(TypedDict):
    """What a batch says, and as whom: the columns of Batch with these names."""

    from_header: str
    subject: str
    html: str
    text: NotRequired[str]
    reply_to: NotRequired[str]
    headers: NotRequired[Mapping[str, str]]


def create_batch(
    *,
    tenant: Tenant,
    lane: Lane,
    ses_account: SesAccount,
    audience: Audience | None = None,
    fingerprint: bytes | None = None,
    **mail: Unpack[Mail],
) -> Batch:
    """A batch in state preparing, to an audience or, without one, for mails asked for one by one.

    The audience is kept as it is defined now: a segment that is changed later changes nothing.
    Raises ContentError when the content does not compile.
    """
    if ses_account.tenant_id != tenant.pk:
        raise ValueError("the SES account belongs to another tenant")
    batch = Batch(
        tenant=tenant,
        lane=lane,
        ses_account=ses_account,
        list_ids=audience.consent_lists(tenant) if audience else [],
        audience=audience.to_json() if audience else {},
        fingerprint=fingerprint,
        **mail,
    )
    check(batch)
    batch.save()
    return batch


@transaction.atomic
def launch_batch(*, batch: Batch) -> Batch:
    """Sends a batch to its lists, from now on. Launching it again changes nothing."""
    locked = _locked(batch)
    if locked.state == BatchState.PREPARING:
        locked.state, locked.launched_at = BatchState.RUNNING, timezone.now()
        locked.save(update_fields=["state", "launched_at"])
        transaction.on_commit(lambda: launch.delay(batch.pk))
    return locked


def send_one(
    *,
    batch: Batch,
    email: str,
    contact: Contact | None = None,
    to_name: str = "",
    data: Mapping[str, Any] | None = None,
) -> Message:
    """One mail of a batch to one address, pushed once this is committed.

    A suppressed address gives a skipped message with the reason; nothing leaves. Raises
    InvalidAddress, and BatchEnded when the batch was cancelled.
    """
    address = normalise(email)
    # The caller's transaction ends when this fails: a savepoint costs as much as two statements.
    with transaction.atomic(savepoint=False):
        [(state,)] = _STATE.rows(batch.pk)
        _open(batch, state)
        is_suppressed = _is_suppressed(batch.tenant, address)
        return _write(batch, address, contact, to_name, data or {}, is_suppressed=is_suppressed)


def send_alone(
    *,
    tenant: Tenant,
    lane: Lane,
    ses_account: SesAccount,
    email: str,
    to_name: str = "",
    data: Mapping[str, Any] | None = None,
    may_receive: bool = False,
    **mail: Unpack[Mail],
) -> Message:
    """As send_one(), for mails that are asked for one by one: of an older batch with exactly this
    content, else of a new one. It serves for years; two made at once do no harm.

    `may_receive`: the caller has found the address not suppressed, in this transaction. Raises
    InvalidAddress, and ContentError when the content does not compile.
    """
    address = normalise(email)
    key = orjson.dumps([lane, ses_account.pk, mail], option=orjson.OPT_SORT_KEYS)
    fingerprint = hashlib.sha256(key).digest()
    with transaction.atomic(savepoint=False):
        if known := _STANDING.rows(tenant.pk, fingerprint):
            [(pk, state)] = known
            # What is not known here would be read from its row, but nothing of it is needed.
            batch = Batch.from_db(connection.alias, ["id", "lane"], [pk, lane])
            batch.tenant, batch.ses_account = tenant, ses_account
        else:
            batch = create_batch(
                tenant=tenant, lane=lane, ses_account=ses_account, fingerprint=fingerprint, **mail
            )
            state = batch.state
        _open(batch, state)
        is_suppressed = not may_receive and _is_suppressed(tenant, address)
        return _write(batch, address, None, to_name, data or {}, is_suppressed=is_suppressed)


def _is_suppressed(tenant: Tenant, address: Address) -> bool:
    return bool(suppressed_among(tenant=tenant, email_norms=[address.email_norm]))


def _write(
    batch: Batch,
    address: Address,
    contact: Contact | None,
    to_name: str,
    data: Mapping[str, Any],
    *,
    is_suppressed: bool,
) -> Message:
    message = Message(
        tenant_id=batch.tenant_id,
        batch=batch,
        contact=contact,
        email=address.email,
        status=Status.SKIPPED if is_suppressed else Status.QUEUED,
        reason="Suppressed" if is_suppressed else "",
    )
    extra = MessageData(tenant_id=batch.tenant_id, to_name=to_name, data=dict(data))
    [(message.pk,)] = _WRITE_ONE.rows(
        batch.tenant_id,
        batch.pk,
        contact.pk if contact else None,
        message.email,
        message.status,
        message.reason,
        extra.public_id,
        to_name,
        json.dumps(extra.data),
        timezone.now(),
        tally.shard(),
        int(is_suppressed),
    )
    extra.message = message
    if not is_suppressed:
        pace_key, lane = batch.ses_account.pace_key, batch.lane
        transaction.on_commit(lambda: queue.push_and_ring(pace_key, lane, batch.pk, message.pk))
    return message


def _open(batch: Batch, state: str) -> None:
    """Makes a batch run that is new, or done with what it had, while others may do the same.

    `state` was read with a shared lock, which keeps the sweep from calling it done before our
    message is in.
    """
    if state == BatchState.CANCELLED:
        raise BatchEnded
    if state in (BatchState.PREPARING, BatchState.DONE):
        Batch.unscoped.filter(pk=batch.pk).update(state=BatchState.RUNNING, finished_at=None)


def count_unsubscribe(*, batch: Batch) -> None:
    """Counts one recipient who left through a mail of this batch."""
    tally.add({(batch.tenant_id, batch.pk): {"unsubscribed": 1}}, now=timezone.now())


@transaction.atomic
def pause_batch(*, batch: Batch, reason: str = "") -> Batch:
    """Holds what has not left. Mails already on their way to SES still go."""
    locked = _locked(batch)
    if locked.state in _ENDED:
        raise BatchEnded
    if locked.state == BatchState.RUNNING:
        _stop(locked, BatchState.PAUSED, reason)
    return locked


@transaction.atomic
def resume_batch(*, batch: Batch) -> Batch:
    """Goes on where a paused batch stood.

    If a limit had paused it, somebody has seen the figures: the limits count from them on, those
    of the whole account from the next full hour.
    """
    locked = _locked(batch)
    if locked.state in _ENDED:
        raise BatchEnded
    if locked.state == BatchState.PAUSED:
        if locked.braked_at is not None:
            locked.braked_at, locked.braked_from = None, asdict(brakes.figures_of(locked))
            brakes.lift(locked.ses_account_id)
        locked.state, locked.state_reason = BatchState.RUNNING, ""
        locked.save(update_fields=["state", "state_reason", "braked_at", "braked_from"])
        transaction.on_commit(lambda: _go_on(locked), robust=True)
    return locked


def _go_on(batch: Batch) -> None:
    """Fills the queue and rings, here and now: a task might stand behind a long import.

    The sweep does it again if this fails.
    """
    feed_again(batch)
    queue.ring()
    if batch.launched_at is not None and batch.audience_at is None:
        launch.delay(batch.pk)


@transaction.atomic
def resend_unknown(*, batch: Batch) -> int:
    """Sends once more what SES may or may not have; returns how many. Some may get it twice.

    Raises BatchEnded when the batch was cancelled, EventsAwaited when no event that was read could
    have told of any of them yet.
    """
    locked = _locked(batch)
    if locked.state == BatchState.CANCELLED:
        raise BatchEnded
    unknown = Message.unscoped.filter(batch=batch, status=Status.UNKNOWN)
    everybody = unknown.exists()
    heard = locked.ses_account.last_event_at
    if heard and heard > timezone.now() - pulse.EVENTS_FLOW:
        unknown = unknown.exclude(claimed_at__gt=heard + pulse.EXACT_TO)
    requeued = 0
    while ids := list(unknown.order_by("pk").values_list("pk", flat=True)[:_CHUNK]):
        requeued += ledger.requeue_unknown(ids)
    if everybody and not requeued:
        raise EventsAwaited
    if requeued and locked.state == BatchState.DONE:
        locked.state, locked.finished_at = BatchState.RUNNING, None
        locked.save(update_fields=["state", "finished_at"])
    if requeued:
        transaction.on_commit(lambda: _go_on(locked), robust=True)
    return requeued


@transaction.atomic
def cancel_batch(*, batch: Batch, reason: str = "") -> Batch:
    """Ends a batch: what has not left never will, and becomes skipped."""
    locked = _locked(batch)
    if locked.state == BatchState.DONE:
        raise BatchEnded
    if locked.state != BatchState.CANCELLED:
        locked.finished_at = timezone.now()
        _stop(locked, BatchState.CANCELLED, reason)
        transaction.on_commit(lambda: cancel_rest.delay(batch.pk))
    return locked


def _locked(batch: Batch) -> Batch:
    return (
        Batch.unscoped.select_related("ses_account")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=batch.pk)
    )


def _stop(batch: Batch, state: BatchState, reason: str) -> None:
    batch.state, batch.state_reason = state, reason[:300]
    batch.save(update_fields=["state", "state_reason", "finished_at"])
    pace_key, lane = batch.ses_account.pace_key, batch.lane
    transaction.on_commit(lambda: queue.drop(pace_key, lane, batch.pk))
