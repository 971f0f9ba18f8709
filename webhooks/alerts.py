"""Tells the members about bounces and complaints: one digest mail a quarter of an hour at most."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Exists, OuterRef, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from lists.tokens import Kind, make
from sending.models import EventKind, MessageEvent
from tenants.models import Membership, Role, Tenant, User
from webhooks.models import FeedbackDigest

log = logging.getLogger(__name__)

BETWEEN_MAILS = timedelta(minutes=15)
# The first event of a storm waits a little, so that the first mail tells of more than one.
GATHER = timedelta(minutes=1)
NAMED = 20
RECIPIENTS = (Role.OWNER, Role.ADMIN, Role.MARKETER)
_TRY_AGAIN = timedelta(minutes=5)
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
    """Mails what is closed; returns how many digests went out.

    What the mail server refused is tried again every five minutes for a day. One that is down
    is not asked for all of them in one go.
    """
    waiting = Q(mail_tried_at=None) | Q(mail_tried_at__lte=now - _TRY_AGAIN)
    closed = FeedbackDigest.unscoped.filter(waiting, mailed_at=None, closed_at__gt=now - _GIVE_UP)
    mailed = 0
    for digest in closed.select_related("tenant").order_by("id"):
        same = FeedbackDigest.unscoped.filter(pk=digest.pk)
        # The claim, committed before the mail server is asked: another clock leaves it alone.
        if not same.filter(waiting).update(mail_tried_at=now):
            continue
        if not _mail(digest):
            break
        same.update(mailed_at=now)
        mailed += 1
    return mailed


def _mail(digest: FeedbackDigest) -> bool:
    """Sends the digest to each member it is for. Whether it need not be tried again.

    One that got through is enough: trying again would mail the others twice.
    """
    context = digest_context(digest)
    members = Membership.objects.for_tenant(digest.tenant).filter(
        role__in=RECIPIENTS, user__is_active=True
    )
    users = [member.user for member in members.select_related("user")]
    mailed = [_mail_one(digest, user, context) for user in users]
    return any(mailed) or not users


def _mail_one(digest: FeedbackDigest, user: User, context: dict[str, Any]) -> bool:
    token = make(Kind.DIGEST, digest.pk, user.pk)
    links = {
        "remove_url": f"{settings.SITE_URL}{reverse('sns:remove', args=[token])}",
        "page_url": f"{settings.SITE_URL}{reverse('webhooks:index', args=[digest.tenant.slug])}",
    }
    values = context | links
    with timezone.override(digest.tenant.timezone):
        subject = " ".join(render_to_string("emails/feedback_digest_subject.txt", values).split())
        text = render_to_string("emails/feedback_digest.txt", values)
        html = render_to_string("emails/feedback_digest.html", values)
    mail = EmailMultiAlternatives(subject, text, to=[user.email])
    mail.attach_alternative(html, "text/html")
    try:
        mail.send()
    except OSError:  # SMTPException is one
        log.exception("digest %s could not be mailed to user %s", digest.pk, user.pk)
        return False
    return True


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
