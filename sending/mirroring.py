"""Keeps our suppressions and the list of each SES account alike.

Reasons: docs/decisions/suppression-mirror.md.

SES allows one call a second of all that is not sending, to everything that uses the AWS account, so
an account gets one call every PAUSE here, and a list of 100,000 is read in steps: each reads one
page and is kept before the next. What a member waits for (removals) goes first, then reading, then
what is put there. Every call may be repeated: they are idempotent.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from lists.services.ses_list import Entry, forget_entry, take_over
from sending.credentials import api_of
from sending.models import SesAccount, SesState, SuppressionChange, SuppressionMirror
from sending.outbox import queue_known, shared
from sending.ses.errors import SesError
from sending.ses.suppression_calls import BOUNCE, COMPLAINT, Listed
from tenants.valkey import valkey

PAUSE = timedelta(seconds=2)
EVERY = timedelta(minutes=15)
# SES lists an address some time after its date; what was read twice changes nothing.
OVERLAP = timedelta(hours=1)
_HOLD = timedelta(minutes=2)  # longer than any call takes
_SOON, _AT_MOST = timedelta(seconds=30), timedelta(days=1)
_ERROR_LENGTH = 500

log = logging.getLogger(__name__)


def run(*, seconds: float) -> None:
    """Does what is due for all accounts in turn, for about so long."""
    end = time.monotonic() + seconds
    while due := due_accounts(timezone.now()):
        for account in due:
            if _may_call(account):
                step(account.pk)
        if time.monotonic() > end:
            return
        time.sleep(0.2)


def due_accounts(now: datetime) -> QuerySet[SesAccount]:
    """Connected accounts of which something is to be read or changed now, of all tenants."""
    mine = {"ses_account": OuterRef("pk")}
    idle = (Q(retry_at=None) | Q(retry_at__lte=now)) & _free(now)
    waiting = SuppressionChange.unscoped.filter(_due(now), **mine)
    return (
        SesAccount.unscoped.filter(state=SesState.CONNECTED)
        .exclude(Exists(SuppressionMirror.unscoped.filter(**mine).exclude(idle)))
        .filter(
            _to_read(now)
            | Exists(waiting.filter(reason=""))
            | (Exists(waiting.exclude(reason="")) & _may_put())
        )
        .order_by("pk")
    )


def _due(now: datetime) -> Q:
    return Q(retry_at=None) | Q(retry_at__lte=now)


def _free(now: datetime) -> Q:
    return Q(busy_until=None) | Q(busy_until__lte=now)


def _to_read(now: datetime) -> Q:
    return Q(suppression_mirror=None) | Q(suppression_mirror__next_read_at__lte=now)


def _may_put() -> Q:
    """Once the list is read, out of the sandbox, and where no other workspace has it."""
    return Q(production_access=True, suppression_synced_at__isnull=False) & ~Q(shared())


def _may_call(account: SesAccount) -> bool:
    """Whether the AWS account may be asked now; nobody else may then for PAUSE."""
    key, pause = f"suppression:{account.pace_key}", int(PAUSE.total_seconds() * 1000)
    try:
        return bool(valkey().set(key, 1, nx=True, px=pause))
    except RedisError:
        return False


def step(account_id: int) -> None:
    """One call for an account, the most urgent, unless another worker makes one."""
    now = timezone.now()
    account = SesAccount.unscoped.select_related("tenant").get(pk=account_id)
    mirror = _hold(account, now)
    if mirror is None:
        return
    due = SuppressionChange.unscoped.filter(_due(now), ses_account=account).order_by("id")
    try:
        if removal := due.filter(reason="").first():
            _change(account, removal, now)
        elif mirror.next_read_at <= now:
            _read(account, mirror, now)
        elif SesAccount.unscoped.filter(_may_put(), pk=account_id).exists() and (
            put := due.exclude(reason="").first()
        ):
            _change(account, put, now)
    except SesError as error:
        # Nothing of the call is at fault: AWS is slow or away.
        mirror.retry_at = now + _SOON
        mirror.save(update_fields=["retry_at"])
        _note(account, error)
    held = SuppressionMirror.unscoped.filter(pk=mirror.pk, busy_until=mirror.busy_until)
    held.update(busy_until=None)


def _hold(account: SesAccount, now: datetime) -> SuppressionMirror | None:
    """The account's mirror, held by us; None while another worker holds it."""
    with transaction.atomic():
        mirror, made = SuppressionMirror.unscoped.get_or_create(
            ses_account=account, defaults={"tenant": account.tenant, "next_read_at": now}
        )
        if made:
            queue_known(account)
    same = SuppressionMirror.unscoped.filter(pk=mirror.pk)
    if not same.filter(_free(now)).update(busy_until=now + _HOLD):
        return None
    mirror.refresh_from_db()
    return mirror


def _note(account: SesAccount, error: SesError | None) -> None:
    words = f"{error.code}: {error.message}" if error else ""
    if words != account.suppression_error:
        account.suppression_error = words
        account.save(update_fields=["suppression_error"])


def _read(account: SesAccount, mirror: SuppressionMirror, now: datetime) -> None:
    """The next page of the list, or the first one of a new reading."""
    if mirror.started_at is None:
        mirror.started_at, mirror.token, mirror.read = now, "", 0
    since = mirror.since - OVERLAP if mirror.since else None
    try:
        listed, token = api_of(account).list_suppressed(since=since, token=mirror.token)
    except SesError as error:
        if error.may_pass:
            raise
        # Begun again: at once where only the place in the list is too old.
        outdated = error.code == "InvalidNextTokenException" and mirror.token
        mirror.started_at, mirror.token = None, ""
        mirror.next_read_at = now if outdated else now + EVERY
        mirror.save(update_fields=["started_at", "token", "next_read_at"])
        if not outdated:
            _note(account, error)
        return
    with transaction.atomic():
        _take(account, listed)
        mirror.token, mirror.read, mirror.retry_at = token, mirror.read + len(listed), None
        if not token:
            mirror.since, mirror.started_at = mirror.started_at, None
            mirror.next_read_at = now + EVERY
            account.suppression_synced_at = now
            account.save(update_fields=["suppression_synced_at"])
        mirror.save(
            update_fields=["since", "started_at", "token", "read", "next_read_at", "retry_at"]
        )
        _note(account, None)


def _take(account: SesAccount, listed: Sequence[Listed]) -> None:
    """What a page says, taken over; what it shows to be at SES need not be put there any more."""
    take_over(
        tenant=account.tenant,
        entries=[Entry(one.address, one.reason == COMPLAINT, one.at) for one in listed],
    )
    waiting = SuppressionChange.unscoped.filter(ses_account=account)
    there = [one.address for one in listed]
    complaints = [one.address for one in listed if one.reason == COMPLAINT]
    waiting.filter(reason=BOUNCE, email_norm__in=there).delete()
    waiting.filter(reason=COMPLAINT, email_norm__in=complaints).delete()


def _change(account: SesAccount, change: SuppressionChange, now: datetime) -> None:
    """Puts an address on the list, or takes it off."""
    try:
        if change.reason:
            api_of(account).put_suppressed(change.email_norm, change.reason)
        else:
            api_of(account).delete_suppressed(change.email_norm)
    except SesError as error:
        if error.may_pass:
            raise
        _refused(account, change, error, now)
        return
    with transaction.atomic():
        # Asked anew meanwhile: that stays to be done.
        done, _ = _same(change).delete()
        if done and not change.reason:
            # The old entry is gone only now: SES may have reported it until this moment.
            forget_entry(tenant=account.tenant, email_norm=change.email_norm)


def _refused(
    account: SesAccount, change: SuppressionChange, error: SesError, now: datetime
) -> None:
    """Tried again later, ever more rarely; and all others of its kind where we may not do it."""
    words = f"{error.code}: {error.message}"[:_ERROR_LENGTH]
    if error.http_status == 403:
        same = Q(reason="") if not change.reason else ~Q(reason="")
        waiting = SuppressionChange.unscoped.filter(same, ses_account=account)
        waiting.update(retry_at=now + EVERY, error=words)
    elif change.reason:
        # SES takes no such address, so no mail to it either.
        log.warning("SES refused to suppress an address of account %d: %s", account.pk, error.code)
        _same(change).delete()
    else:
        delay = min(_SOON * 2**change.tries, _AT_MOST)
        _same(change).update(retry_at=now + delay, tries=min(change.tries + 1, 20), error=words)


def _same(change: SuppressionChange) -> QuerySet[SuppressionChange]:
    return SuppressionChange.unscoped.filter(pk=change.pk, queued_at=change.queued_at)
