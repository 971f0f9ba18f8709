"""Reads stored SNS messages and finds what they are about; webhooks.applying does the rest.

Rows are taken oldest first, in groups, each group in one transaction; several workers may do so
at once. SES and SNS repeat themselves and change the order, so everything here may run twice and
in any order with the same result.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg2.extras import execute_values

from sending import pulse, selftest
from sending.models import Message, SesAccount
from sending.outcomes import find_messages
from tenants.models import Tenant
from webhooks import sns
from webhooks.applying import Finding, apply
from webhooks.events import Event, UnreadableEvent, parse
from webhooks.models import SnsMessage
from webhooks.verdicts import about, judge

log = logging.getLogger(__name__)

GROUP = 500
# How long an event waits for the row that it is about. Our tag finds the row from the first
# moment; only events without it, found by SES's id, can be faster than our own note of that id.
PATIENCE = timedelta(hours=1)


def translate_pending(*, seconds: float) -> bool:
    """Translates what waits, for about so long. Whether something was left."""
    end = time.monotonic() + seconds
    while translate_group():
        if time.monotonic() > end:
            return True
    return False


def translate_group() -> int:
    """Takes up to GROUP rows; returns how many it took.

    When the group fails, its rows are taken one by one, so that one bad row keeps only itself
    back. Raises OperationalError when the database is in trouble: nothing is marked then.
    """
    rows: list[SnsMessage] = []
    try:
        with transaction.atomic():
            rows = _take()
            _translate(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a group of events failed; its rows are tried one by one")
        for row in rows:
            _translate_alone(row.pk)
    return len(rows)


def _translate_alone(row_id: int) -> None:
    try:
        with transaction.atomic():
            _translate(_take(Q(pk=row_id)))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("event %s failed", row_id)
        words = f"{type(error).__name__}: {error}"[:500]
        SnsMessage.unscoped.filter(pk=row_id).update(processed_at=timezone.now(), error=words)


def _take(which: Q | None = None) -> list[SnsMessage]:
    """The oldest rows that nobody else has taken, locked until the transaction ends."""
    due = Q(retry_at=None) | Q(retry_at__lte=timezone.now())
    rows = SnsMessage.unscoped.select_for_update(skip_locked=True, of=("self",))
    rows = rows.filter(due, processed_at=None).exclude(kind=sns.SUBSCRIPTION_CONFIRMATION)
    rows = rows.select_related("ses_account__tenant").order_by("id")
    return list(rows.filter(which or Q())[:GROUP])


def _translate(rows: Sequence[SnsMessage]) -> None:
    now = timezone.now()
    events = {row: event for row in rows if (event := _read(row)) is not None}
    messages = _messages(events)
    findings = []
    for row, event in events.items():
        message = messages.get(row)
        if message is None:
            if not _about_self_test(row, event):
                _wait(row, now)
        elif recipient := about(event, message.email):
            verdict = judge(event, recipient)
            findings.append(Finding(row, event, message, recipient, verdict))
    apply(findings, now)
    _note_accounts(rows, now)
    _mark(rows, now)


def _about_self_test(row: SnsMessage, event: Event) -> bool:
    if not all(one.endswith(f"@{selftest.DOMAIN}") for one in event.destination):
        return False
    return selftest.note(
        account=row.ses_account,
        tag=event.test,
        ses_message_id=event.ses_message_id,
        kind=event.kind,
        stored_at=row.received_at,
    )


_MARK = """
    UPDATE webhooks_snsmessage s
    SET processed_at = v.processed_at, retry_at = v.retry_at, error = v.error
    FROM (VALUES %s) AS v (id, processed_at, retry_at, error)
    WHERE s.id = v.id
"""


def _mark(rows: Sequence[SnsMessage], now: datetime) -> None:
    """Done, unless it is to be tried again."""
    values = [(r.pk, None if r.retry_at else now, r.retry_at, r.error) for r in rows]
    if values:
        template = "(%s::bigint, %s::timestamptz, %s::timestamptz, %s)"
        with connection.cursor() as cursor:
            execute_values(cursor, _MARK, values, template=template, page_size=len(values))


def _read(row: SnsMessage) -> Event | None:
    """The event in a row, or None; a row that cannot be read gets its error."""
    row.retry_at = None
    if row.kind != sns.NOTIFICATION:
        return None
    try:
        event = parse(row.body)
    except UnreadableEvent as error:
        row.error = str(error)[:500]
        return None
    if event and event.sending_account_id not in ("", row.ses_account.aws_account_id):
        row.error = "sent by another AWS account"
        return None
    return event


def _messages(events: dict[SnsMessage, Event]) -> dict[SnsMessage, Message]:
    """The message of each event: by our tag, else by SES's id, always within the tenant."""
    tagged = {event.message_id for event in events.values() if event.message_id is not None}
    untagged: defaultdict[Tenant, set[str]] = defaultdict(set)
    for row, event in events.items():
        if event.message_id is None:
            untagged[row.ses_account.tenant].add(event.ses_message_id)
    by_ses_id = {
        (tenant.pk, ses_id): message_id
        for tenant, ses_ids in untagged.items()
        for ses_id, message_id in find_messages(tenant, ses_ids).items()
    }
    fields = ("id", "tenant_id", "batch_id", "contact_id", "email")
    known = Message.unscoped.only(*fields).in_bulk(tagged | set(by_ses_id.values()))
    found = {}
    for row, event in events.items():
        by_id = by_ses_id.get((row.tenant_id, event.ses_message_id))
        message = known.get(event.message_id or by_id or 0)
        if message is not None and message.tenant_id == row.tenant_id:
            found[row] = message
    return found


def _wait(row: SnsMessage, now: datetime) -> None:
    """Tries again later, ever more rarely; gives up when no row of ours can come any more."""
    age = now - row.received_at
    if age > PATIENCE:
        row.error = "about no mail of this workspace"
    else:
        row.retry_at = now + max(age, timedelta(seconds=2))


def _note_accounts(rows: Sequence[SnsMessage], now: datetime) -> None:
    """When each account was last heard of; and that SNS has stopped talking to us."""
    pulse.heard({row.ses_account_id for row in rows}, now)
    # Of a tenant's own topic nothing else tells us that events go to it.
    told = {row.ses_account_id for row in rows if row.kind == sns.NOTIFICATION}
    SesAccount.unscoped.filter(pk__in=told, feedback_manual=True, events_published=False).update(
        events_published=True
    )
    for row in rows:
        if row.kind == sns.UNSUBSCRIBE_CONFIRMATION:
            SesAccount.unscoped.filter(pk=row.ses_account_id).update(
                subscription_arn="", events_stopped_at=row.received_at
            )
