"""Looks at the DNS of domains again and again, and notices when what was right breaks."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from sending import domain_alerts
from sending.connection import store
from sending.credentials import api_of
from sending.dns.checks import check_all
from sending.dns.lookups import lookups
from sending.dns.verdicts import Verdict, Wanted
from sending.identity import identity_columns
from sending.models import DomainRecord, RecordState, SenderIdentity, SesState
from sending.selectors.domains import wanted_records
from sending.ses.errors import SesError

# SES looks for new records for 72 hours, and so do we; after that they only have to stay.
SETTING_UP = timedelta(hours=72)
_NEW_EVERY = timedelta(minutes=5)
_OLD_EVERY = timedelta(hours=4)
_SPREAD = timedelta(seconds=30)  # times the row's last two digits: no herd at the hour
# A breakage is believed when it is still there after a while: a change may be under way.
CONFIRM_AFTER = timedelta(minutes=9)
_LOOK_AGAIN = timedelta(minutes=10)
_SILENT_EVERY = timedelta(minutes=30)  # where no server answers, asking more often is no use
# A claim outlasts the longest check; who died in one is followed by the next round.
_CLAIM = timedelta(minutes=5)
_AT_ONCE = 8
_ASK_AWS_EVERY = timedelta(hours=12)

_VALUES_KEPT, _LENGTH_KEPT = 10, 2000


def watch_due(*, seconds: float) -> None:
    """Watches domains whose time has come, eight at once, for so long.

    Most of a check is waiting for servers, and a hostile zone can make it 20 seconds: threads keep
    that from holding back other domains, and from holding more than one worker.
    """
    ends = time.monotonic() + seconds

    def work() -> None:
        try:
            while time.monotonic() < ends:
                now = timezone.now()
                identity_id = claim(now)
                if identity_id is None:
                    return
                watch(identity_id, now)
        finally:
            connection.close()

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dns") as pool:
        for done in [pool.submit(work) for _ in range(_AT_ONCE)]:
            done.result()


def claim(now: datetime) -> int | None:
    """The id of the domain that is due for the longest time, claimed; None when none is."""
    due = SenderIdentity.unscoped.filter(
        dns_due_at__lte=now, ses_account__state=SesState.CONNECTED
    ).exclude(name__contains="@")
    with transaction.atomic():
        free = due.select_for_update(skip_locked=True, of=("self",)).order_by("dns_due_at")
        identity = free.first()
        if identity is None:
            return None
        store(identity, {"dns_due_at": now + _CLAIM})
    return int(identity.pk)


def watch(identity_id: int, now: datetime) -> None:
    """Reads SES where that is due, then the DNS. SES's refusals are left to its account's page."""
    identity = _row(identity_id)
    if identity is None:
        return
    if _ask_aws(identity, now):
        with suppress(SesError):
            columns = identity_columns(api_of(identity.ses_account), identity.name)
            # What somebody has changed at SES in the meantime is newer than this answer.
            same = SenderIdentity.unscoped.filter(pk=identity.pk, checked_at=identity.checked_at)
            same.update(**columns)
            identity = _row(identity_id) or identity
    look_up(identity, now)


def _row(identity_id: int) -> SenderIdentity | None:
    return SenderIdentity.unscoped.select_related("ses_account").filter(pk=identity_id).first()


def _ask_aws(identity: SenderIdentity, now: datetime) -> bool:
    """While SES still looks, its answer may change with each of ours; later twice a day."""
    settled = identity.verified and identity.mail_from_status in ("", "SUCCESS")
    read = identity.checked_at
    return read is None or not settled or read <= now - _ASK_AWS_EVERY


def look_up(identity: SenderIdentity, now: datetime) -> None:
    """Looks up what the domain should have, keeps what was found, notes what broke.

    Where other records came to be wanted meanwhile, nothing is kept and the domain is due at once.
    """
    wanted = wanted_records(identity)
    results = check_all(wanted, lookups(settings.DNS_SERVERS))
    with transaction.atomic():
        locked = SenderIdentity.unscoped.select_for_update(of=["self"]).select_related(
            "ses_account"
        )
        same = locked.filter(pk=identity.pk).first()
        if same is None:
            return
        if wanted_records(same) != wanted:
            store(same, {"dns_due_at": now})
            return
        rows = _keep(same, results, now)
        organizations = [verdict.organization for _, verdict in results if verdict.organization]
        store(
            same,
            {
                "dns_checked_at": now,
                "dns_due_at": next_look(same, rows, now),
                **({"organization": organizations[0]} if organizations else {}),
            },
        )


def _keep(
    identity: SenderIdentity, results: list[tuple[Wanted, Verdict]], now: datetime
) -> list[DomainRecord]:
    known = {(row.purpose, row.name): row for row in identity.records.all()}
    rows, broken = [], []
    for wanted, verdict in results:
        row = known.pop((wanted.purpose, wanted.name), None) or DomainRecord(
            tenant_id=identity.tenant_id,
            identity=identity,
            purpose=wanted.purpose,
            name=wanted.name,
        )
        if follow(row, wanted, verdict, now):
            broken.append(row)
        row.save()
        rows.append(row)
    for gone in known.values():
        gone.delete()
    if broken:
        domain_alerts.note(identity=identity, broken=broken)
    return rows


def follow(row: DomainRecord, wanted: Wanted, verdict: Verdict, now: datetime) -> bool:
    """Writes a verdict into the record's row; whether it has just now turned out to be broken.

    Broken is what was right and is wrong or missing in two looks, nine minutes apart or more. No
    answer is neither: it starts no suspicion, and ends none.
    """
    if (row.kind, row.expected) != (wanted.kind, wanted.value):
        row.kind, row.expected = wanted.kind, wanted.value
        row.ok_since = row.suspected_at = row.broken_at = None
    row.state, row.words, row.found_at = verdict.state, verdict.words, verdict.found_at
    row.found = "\n".join(_kept(value) for value in verdict.found[:_VALUES_KEPT])
    row.checked_at = now
    if verdict.state == RecordState.OK:
        row.ok_since = row.ok_since or now
        row.suspected_at = row.broken_at = None
        return False
    if verdict.state == RecordState.UNKNOWN or row.ok_since is None:
        return False
    if row.suspected_at is None:
        row.suspected_at = now
        return False
    if now - row.suspected_at < CONFIRM_AFTER:
        return False
    row.ok_since = row.suspected_at = None
    row.broken_at = now
    return True


def _kept(value: str) -> str:
    return value if len(value) <= _LENGTH_KEPT else f"{value[:_LENGTH_KEPT]}…"


def next_look(identity: SenderIdentity, rows: list[DomainRecord], now: datetime) -> datetime:
    """When the domain is looked at again."""
    if any(row.suspected_at for row in rows):
        return now + _LOOK_AGAIN
    if all(row.state == RecordState.UNKNOWN for row in rows):
        return now + _SILENT_EVERY
    done = identity.verified and all(row.state == RecordState.OK for row in rows)
    if not done and now < identity.records_since + SETTING_UP:
        return now + _NEW_EVERY
    return now + _OLD_EVERY + _SPREAD * (identity.pk % 100)
