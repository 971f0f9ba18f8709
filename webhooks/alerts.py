"""Tells the members about bounces and complaints: one digest mail a quarter of an hour at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse

from lists.tokens import Kind, make
from sending.models import EventKind, MessageEvent
from tenants.models import Tenant, User
from tenants.services.mails import mail_members, mail_waiting
from webhooks.models import FeedbackDigest

BETWEEN_MAILS = timedelta(minutes=15)
# The first event of a storm waits a little, so that the first mail tells of more than one.
GATHER = timedelta(minutes=1)
NAMED = 20
_GIVE_UP = timedelta(days=1)


@dataclass(frozen=True)
class News:
    """One bounce or complaint that the members have not been told of."""

    event_id: int
    contact_id: int | None
    is_complaint: bool


def note(*, tenant: Tenant, news: Sequence[News], now: datetime) -> None:
    """Puts the news into the tenant's open digest, in the caller's transaction."""
    if not news:
        return
    digest = _open_digest(tenant, now)
    complaints = sum(one.is_complaint for one in news)
    digest.complaints += complaints
    digest.bounces += len(news) - complaints
    digest.window_end = now
    known = set(digest.contact_ids)
    contacts = dict.fromkeys(one.contact_id for one in news if one.contact_id is not None)
    digest.contact_ids += [one for one in contacts if one not in known]
    digest.event_ids = (digest.event_ids + [one.event_id for one in news])[:NAMED]
    digest.save(update_fields=["bounces", "complaints", "window_end", "contact_ids", "event_ids"])


def _open_digest(tenant: Tenant, now: datetime) -> FeedbackDigest:
    """The tenant's open digest, made if there is none, locked until the transaction ends."""
    opened = FeedbackDigest(
        tenant=tenant, window_start=now, window_end=now, bounces=0, complaints=0
    )
    while True:
        # Two workers may open one at the same time: digest_open_once keeps one, both find it.
        FeedbackDigest.unscoped.bulk_create([opened], ignore_conflicts=True)
        rows = FeedbackDigest.unscoped.select_for_update()
        if found := rows.filter(tenant=tenant, closed_at=None).first():
            return found
        # The clock has closed it in between.


def close_due(now: datetime) -> int:
    """Closes the digests whose time has come; returns how many."""
    lately = FeedbackDigest.unscoped.filter(
        tenant=OuterRef("tenant"), closed_at__gt=now - BETWEEN_MAILS
    )
    due = FeedbackDigest.unscoped.filter(closed_at=None, window_start__lte=now - GATHER)
    return due.filter(~Exists(lately)).update(closed_at=now)


def mail_closed(now: datetime) -> int:
    """Mails what is closed, trying for a day; returns how many digests went out."""
    closed = FeedbackDigest.unscoped.filter(closed_at__gt=now - _GIVE_UP)
    return mail_waiting(closed.select_related("tenant"), _mail, now=now)


def _mail(digest: FeedbackDigest) -> bool:
    context = digest_context(digest)
    page_url = f"{settings.SITE_URL}{reverse('webhooks:index', args=[digest.tenant.slug])}"

    def values(user: User) -> dict[str, Any]:
        token = make(Kind.DIGEST, digest.pk, user.pk)
        remove_url = f"{settings.SITE_URL}{reverse('sns:remove', args=[token])}"
        return context | {"page_url": page_url, "remove_url": remove_url}

    return mail_members(digest.tenant, "feedback_digest", values)


def digest_context(digest: FeedbackDigest) -> dict[str, Any]:
    """What the mail and the confirm page show of a digest."""
    events = MessageEvent.objects.for_tenant(digest.tenant).filter(pk__in=digest.event_ids)
    total = digest.bounces + digest.complaints
    return {
        "tenant": digest.tenant,
        "digest": digest,
        "events": [
            {
                "address": event.recipient,
                "is_complaint": event.kind == EventKind.COMPLAINT,
                "diagnostic": event.diagnostic,
            }
            for event in events.order_by("id")
        ],
        "more": max(0, total - len(digest.event_ids)),
        "contacts": len(digest.contact_ids),
    }
