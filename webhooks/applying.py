"""What follows from events whose message is known: outcomes, suppressions, alerts, history.

In the transaction of whoever found them out. All of it may run twice and in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from psycopg2.extras import execute_values

from lists.models import List, Source, SuppressionReason
from lists.services.preferences import unsubscribe
from lists.services.suppression import Suppress, suppress
from sending import brakes, domain_alerts
from sending.models import PERSON, EventKind, Message, Outcome
from sending.outbox import being_removed
from sending.outcomes import OutcomeRow, apply_outcomes
from sending.parking import pause_batch
from tenants.models import Tenant
from webhooks import alerts, softbounces
from webhooks.events import Event, Recipient
from webhooks.models import SnsMessage
from webhooks.verdicts import Alert, Leaves, Verdict

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


def apply(findings: Sequence[Finding], now: datetime) -> None:
    """Does what follows from them, once for each event."""
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
        (tenant_id, message_id, kind, subtype, recipient, diagnostic, dedupe, at, received_at,
         batch_id, contact_id)
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
            *_who_did(f),
        )
        for key, f in sorted(by_key.items(), key=lambda item: item[0])
    ]
    if not values:
        return {}
    with connection.cursor() as cursor:
        new = execute_values(cursor, _INSERT_EVENTS, values, page_size=len(values), fetch=True)
    return {(row[0], row[1], row[2], row[3]): row[4] for row in new}


def _who_did(finding: Finding) -> tuple[int | None, int | None]:
    """Batch and contact of what a person did with a mail, by which segments find it."""
    if finding.event.subtype != PERSON:
        return None, None
    return finding.message.batch_id, finding.message.contact_id


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
