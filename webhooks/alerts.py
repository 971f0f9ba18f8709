"""Tells the members about bounces and complaints, each as often as they like, and never in a storm.

note() numbers what has come; the clock writes a FeedbackDigest for each member whose time has come
and moves them on, in one transaction; then it mails what is written. docs/decisions/alerts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from campaigns.models import Campaign
from lists.tokens import Kind, make
from sending.brakes import MIN_BASE, figures_of
from sending.models import Batch, EventKind, MessageEvent
from tenants.models import Membership, Tenant
from tenants.services.mails import CONCERNED, mail_one, mail_waiting
from webhooks.cadence import EACH_PER_HOUR, HOUR, Past, Step, Waiting, decide
from webhooks.models import (
    About,
    AlertChoice,
    AlertReader,
    Cadence,
    Feedback,
    FeedbackCount,
    FeedbackDigest,
)
from webhooks.selectors.choices import choice_of
from webhooks.selectors.feedback import affected, feedback_in
from webhooks.wording import why

NAMED = 20
_GIVE_UP = timedelta(days=1)
# Who becomes a member, or one who is told, does not hear of what is older.
_OLD_NEWS = timedelta(days=1)


@dataclass(frozen=True)
class News:
    """One bounce or complaint that the members have not been told of."""

    event_id: int
    contact_id: int | None
    is_complaint: bool


def note(*, tenant: Tenant, news: Sequence[News], now: datetime) -> None:
    """Numbers the news behind the tenant's earlier ones, in the caller's transaction."""
    if not news:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO webhooks_feedbackcount AS c (tenant_id, last) VALUES (%s, %s)
            ON CONFLICT (tenant_id) DO UPDATE SET last = c.last + excluded.last RETURNING last
            """,
            [tenant.pk, len(news)],
        )
        first = cursor.fetchone()[0] - len(news) + 1
    Feedback.unscoped.bulk_create(
        Feedback(
            tenant=tenant,
            number=number,
            event_id=one.event_id,
            contact_id=one.contact_id,
            is_complaint=one.is_complaint,
            noted_at=now,
        )
        for number, one in enumerate(news, first)
    )


# --- the clock ----------------------------------------------------------------------------------


def write_due(now: datetime) -> int:
    """Writes the alerts whose time has come; returns how many. Another clock may do so as well."""
    _greet(now)
    last = FeedbackCount.unscoped.filter(tenant=OuterRef("tenant")).values("last")
    behind = AlertReader.unscoped.annotate(last=Subquery(last)).filter(told__lt=F("last"))
    return sum(_write(reader_id, now) for reader_id in behind.values_list("pk", flat=True))


def _concerned() -> QuerySet[Membership]:
    return Membership.unscoped.filter(role__in=CONCERNED, user__is_active=True)


def _greet(now: datetime) -> None:
    """Makes a reader of each member who is told, where there is something to tell."""
    known = AlertReader.unscoped.filter(tenant=OuterRef("tenant"), user=OuterRef("user"))
    new = _concerned().filter(tenant__in=FeedbackCount.unscoped.values("tenant"))
    for member in new.annotate(known=Subquery(known.values("pk"))).filter(known=None):
        since = max(member.created_at, now - _OLD_NEWS)
        before = Feedback.unscoped.filter(tenant=member.tenant_id, noted_at__lt=since)
        told = before.aggregate(told=Max("number", default=0))["told"]
        reader = AlertReader(tenant_id=member.tenant_id, user_id=member.user_id, told=told)
        AlertReader.unscoped.bulk_create([reader], ignore_conflicts=True)


@transaction.atomic
def _write(reader_id: int, now: datetime) -> int:
    """Writes what one member is to be told now, and moves them on."""
    held = AlertReader.unscoped.select_for_update(skip_locked=True, of=("self",))
    reader = held.select_related("tenant", "user").filter(pk=reader_id).first()
    if reader is None:
        return 0
    last = FeedbackCount.unscoped.get(tenant=reader.tenant).last
    choice = choice_of(reader.tenant, reader.user)
    here = _concerned().filter(tenant=reader.tenant, user=reader.user).exists()
    found = feedback_in(reader.tenant, reader.told, last, choice.about)
    seen = found.aggregate(count=Count("pk"), oldest=Min("noted_at"))
    if not here or choice.cadence == Cadence.NONE or not seen["count"]:
        _move(reader, last)
        return 0
    share = _worst_share(found, choice) if choice.at_share is not None else 0.0
    step = decide(
        choice,
        Waiting(seen["count"], seen["oldest"], share),
        _past(reader, now),
        zone=ZoneInfo(choice.timezone or reader.tenant.timezone),
        now=now,
    )
    if step is Step.WAIT:
        return 0
    if step is Step.EACH:
        ends = list(found.order_by("number").values_list("number", flat=True))
        windows = [(number - 1, number) for number in ends]
    else:
        windows = [(reader.told, last)]
    FeedbackDigest.unscoped.bulk_create(
        _digest(reader, choice, window, now, gathered=step is Step.GATHERED) for window in windows
    )
    _move(reader, last)
    return len(windows)


def _move(reader: AlertReader, told: int) -> None:
    reader.told = told
    reader.save(update_fields=["told"])


def _past(reader: AlertReader, now: datetime) -> Past:
    mails = FeedbackDigest.objects.for_tenant(reader.tenant).filter(user=reader.user)
    last = mails.order_by("-window_end", "-pk").first()
    within = mails.filter(window_end__gt=now - HOUR).count()
    return Past(last.window_end, within, last.gathered) if last else Past()


def _digest(
    reader: AlertReader,
    choice: AlertChoice,
    window: tuple[int, int],
    now: datetime,
    *,
    gathered: bool,
) -> FeedbackDigest:
    after, last = window
    counted = feedback_in(reader.tenant, after, last, choice.about).aggregate(
        complaints=Count("pk", filter=Q(is_complaint=True)),
        bounces=Count("pk", filter=Q(is_complaint=False)),
        window_start=Min("noted_at"),
    )
    return FeedbackDigest(
        tenant=reader.tenant,
        user=reader.user,
        after=after,
        last=last,
        about=choice.about,
        gathered=gathered,
        window_end=now,
        **counted,
    )


def _worst_share(found: QuerySet[Feedback], choice: AlertChoice) -> float:
    """The largest share, in percent, of bounces or complaints among the sendings concerned."""
    events = MessageEvent.unscoped.filter(pk__in=found.values("event_id"))
    batches = Batch.unscoped.filter(pk__in=events.values("message__batch"))
    shares = [0.0]
    for figures in map(figures_of, batches):
        if choice.about != About.COMPLAINTS and figures.sent >= MIN_BASE:
            shares.append(100 * figures.bounced / figures.sent)
        if choice.about != About.BOUNCES and figures.delivered >= MIN_BASE:
            shares.append(100 * figures.complained / figures.delivered)
    return max(shares)


# --- the mail -----------------------------------------------------------------------------------


def mail_written(now: datetime) -> int:
    """Mails what is written, trying for a day; returns how many alerts went out."""
    rows = FeedbackDigest.unscoped.filter(window_end__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("tenant", "user"), _mail, now=now)


def _mail(digest: FeedbackDigest) -> bool:
    tenant, user = digest.tenant, digest.user
    if not _concerned().filter(tenant=tenant, user=user).exists():
        return True
    token = make(Kind.DIGEST, digest.pk, user.pk)
    values = digest_context(digest) | {
        "page_url": _url("webhooks:index", tenant.slug),
        "choice_url": _url("webhooks:alerts", tenant.slug),
        "remove_url": _url("sns:remove", token),
        "each_per_hour": EACH_PER_HOUR,
    }
    return mail_one(tenant, "feedback_digest", user, values)


def _url(name: str, *args: str) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=args)}"


def digest_context(digest: FeedbackDigest) -> dict[str, Any]:
    """What the mail and the confirm page show of an alert."""
    found = feedback_in(digest.tenant, digest.after, digest.last, digest.about)
    named = list(found.order_by("number").values_list("event_id", flat=True)[:NAMED])
    rows = MessageEvent.objects.for_tenant(digest.tenant).filter(pk__in=named)
    events = list(rows.select_related("message__batch").order_by("pk"))
    batches = {event.message.batch_id for event in events}
    names = dict(
        Campaign.objects.for_tenant(digest.tenant)
        .filter(batch__in=batches)
        .values_list("batch_id", "name")
    )
    return {
        "tenant": digest.tenant,
        "digest": digest,
        "events": [_event(event, names) for event in events],
        "more": max(0, digest.bounces + digest.complaints - len(named)),
        "contacts": len(affected(digest)),
    }


def _event(event: MessageEvent, names: dict[int, str]) -> dict[str, Any]:
    batch = event.message.batch
    return {
        "address": event.recipient,
        "is_complaint": event.kind == EventKind.COMPLAINT,
        "why": why(event),
        "diagnostic": event.diagnostic,
        "mail": names.get(batch.pk) or batch.subject,
    }
