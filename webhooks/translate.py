"""Turns stored SNS messages into what they mean: outcomes, suppressions, alerts.

Rows are taken oldest first, in groups, each group in one transaction; several workers may do so
at once. SES and SNS repeat themselves and change the order, so everything here may run twice and
in any order with the same result.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg2.extras import execute_values

from lists.models import List, Source, SuppressionReason
from lists.services.preferences import unsubscribe
from lists.services.suppression import Suppress, suppress
from sending import brakes, domain_alerts, pulse, selftest
from sending.models import PERSON, EventKind, Message, Outcome, SesAccount
from sending.outbox import being_removed
from sending.outcomes import OutcomeRow, apply_outcomes, find_messages
from sending.parking import pause_batch
from tenants.models import Tenant
from webhooks import alerts, sns, softbounces
from webhooks.events import Event, Recipient, UnreadableEvent, parse
from webhooks.models import SnsMessage
from webhooks.verdicts import Alert, Leaves, Verdict, about, judge

log = logging.getLogger(__name__)

GROUP = 500
# How long an event waits for the row that it is about. Our tag finds the row from the first
# moment; only events without it, found by SES's id, can be faster than our own note of that id.
PATIENCE = timedelta(hours=1)
# Outcomes of which a campaign may have too many.
_LIMITED = (Outcome.HARD_BOUNCED, Outcome.COMPLAINED)


@dataclass(frozen=True)
class Finding:
    """An event, the message it is about, and what follows."""

    row: SnsMessage
    event: Event
    message: Message
    recipient: Recipient
    verdict: Verdict

    @property
    def email_norm(self) -> str:
        return self.message.email.lower()


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
    _apply(findings, now)
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


def _apply(findings: Sequence[Finding], now: datetime) -> None:
    fresh = _insert_events(findings, now)
    # A copy that comes later changes nothing any more: a member may have lifted a suppression.
    news = {fresh[_key(f)]: f for f in findings if _key(f) in fresh}
    apply_outcomes(_outcome(f, is_new=_key(f) in fresh) for f in findings)
    by_tenant: defaultdict[Tenant, dict[int, Finding]] = defaultdict(dict)
    for event_id, finding in news.items():
        by_tenant[finding.row.ses_account.tenant][event_id] = finding
    # In one order, as two workers may hold events of the same tenants.
    for tenant, group in sorted(by_tenant.items(), key=lambda item: item[0].pk):
        _suppress(tenant, group.values())
        _look_at_soft_bounces(tenant, group.values(), now)
        _unsubscribe(group.values())
        alerts.note(tenant=tenant, news=_news(group), now=now)
        domain_alerts.note_reports(tenant=tenant, reports=_reports(group.values()), now=now)
    for batch_id in {f.message.batch_id for f in news.values() if f.verdict.our_fault}:
        pause_batch(batch_id, "SES could not render this mail.")
    counted = {f.message.batch_id for f in news.values() if f.verdict.outcome in _LIMITED}
    # The sweep looks again if this fails; the events are translated all the same. No partial: it
    # has no name for what Django then logs, which fails in turn.
    transaction.on_commit(lambda: brakes.look_at(counted), robust=True)
    transaction.on_commit(lambda: brakes.look_at_accounts(counted), robust=True)


def _outcome(finding: Finding, *, is_new: bool) -> OutcomeRow:
    event, verdict = finding.event, finding.verdict
    return OutcomeRow(
        message_id=finding.message.pk,
        tenant_id=finding.row.tenant_id,
        outcome=verdict.outcome,
        at=event.at,
        ses_message_id=event.ses_message_id,
        # What a program did is no engagement.
        by_person=event.kind if event.subtype == PERSON else None,
        counts=verdict.counts if is_new else None,
        refused=is_new and verdict.alert is Alert.CONTENT,
    )


_Key = tuple[int, str, str, str]


def _key(finding: Finding) -> _Key:
    """What makes two events the same one: the constraint event_once."""
    address = finding.message.email[:320]
    return finding.message.pk, finding.event.kind.value, address, finding.event.dedupe


_INSERT_EVENTS = """
    INSERT INTO sending_messageevent
        (tenant_id, message_id, kind, subtype, recipient, diagnostic, dedupe, at, received_at)
    VALUES %s
    ON CONFLICT DO NOTHING
    RETURNING message_id, kind, recipient, dedupe, id
"""


def _insert_events(findings: Sequence[Finding], now: datetime) -> dict[_Key, int]:
    """Writes the events down; returns the ids of those that were not known yet."""
    # In one order, so that two workers with copies of the same events wait and do not deadlock.
    by_key = {_key(finding): finding for finding in findings}
    values = [
        (
            f.row.tenant_id,
            f.message.pk,
            f.event.kind.value,
            f.event.subtype,
            key[2],
            (f.recipient.diagnostic or f.recipient.status)[:500],
            f.event.dedupe,
            f.event.at,
            now,
        )
        for key, f in sorted(by_key.items(), key=lambda item: item[0])
    ]
    if not values:
        return {}
    with connection.cursor() as cursor:
        new = execute_values(cursor, _INSERT_EVENTS, values, page_size=len(values), fetch=True)
    return {(row[0], row[1], row[2], row[3]): row[4] for row in new}


def _suppress(tenant: Tenant, findings: Iterable[Finding]) -> None:
    findings = _without_lifted(tenant, list(findings))
    entries = [
        Suppress(
            email_norm=f.email_norm,
            reason=f.verdict.suppress,
            source=Source.SES,
            diagnostic=(f.recipient.diagnostic or f.event.subtype)[:500],
        )
        for f in findings
        if f.verdict.suppress is not None
    ]
    if entries:
        suppress(tenant=tenant, addresses=entries)


def _look_at_soft_bounces(tenant: Tenant, findings: Iterable[Finding], now: datetime) -> None:
    bounced = {f.email_norm for f in findings if f.event.subtype in softbounces.KINDS}
    delivered = {f.email_norm for f in findings if f.event.kind == EventKind.DELIVERY}
    if bounced or delivered:
        softbounces.look_again(tenant=tenant, bounced=bounced, delivered=delivered, now=now)


def _without_lifted(tenant: Tenant, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Without what SES's list held back although a member has lifted it here: SES is being told."""
    held = [f.email_norm for f in findings if f.verdict.suppress == SuppressionReason.PROVIDER]
    lifted = being_removed(tenant, held) if held else ()
    return [
        f
        for f in findings
        if f.verdict.suppress != SuppressionReason.PROVIDER or f.email_norm not in lifted
    ]


def _unsubscribe(findings: Iterable[Finding]) -> None:
    for finding in findings:
        contact = finding.message.contact
        if finding.verdict.leaves is Leaves.NOTHING or contact is None:
            continue
        lists = None
        if finding.verdict.leaves is Leaves.LISTS_OF_MAIL:
            lists = List.objects.for_tenant(contact.tenant).filter(
                pk__in=finding.message.batch.list_ids
            )
        unsubscribe(contact=contact, lists=lists, source=Source.SES)


def _news(findings: Mapping[int, Finding]) -> list[alerts.News]:
    """The bounces and complaints that the members are told of, by the ids of the events."""
    return [
        alerts.News(
            event_id=event_id,
            contact_id=f.message.contact_id,
            is_complaint=f.verdict.alert is Alert.COMPLAINT,
        )
        for event_id, f in findings.items()
        if f.verdict.alert in (Alert.BOUNCE, Alert.COMPLAINT)
    ]


def _reports(findings: Iterable[Finding]) -> list[tuple[int, datetime]]:
    """Of which batch, and when, a receiver reported mail that failed its checks."""
    return [
        (f.message.batch_id, f.event.at)
        for f in findings
        if f.verdict.alert is Alert.AUTHENTICATION
    ]


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
