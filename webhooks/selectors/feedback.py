"""Reads for the feedback page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from lists.tokens import Kind, read
from sending.models import EventKind, MessageEvent
from tenants.models import Membership, Tenant
from tenants.permissions import allows
from webhooks.models import FeedbackDigest

PAGE = 50
_KINDS = (EventKind.BOUNCE, EventKind.COMPLAINT)


@dataclass(frozen=True)
class Page:
    """Events newest first, and the cursor of what follows ("" at the end)."""

    items: list[MessageEvent]
    next_cursor: str


def recent_feedback(tenant: Tenant, *, kind: str = "", after: str = "") -> Page:
    """Bounces and complaints of the tenant, with the mail each is about.

    A cursor that nobody was given starts at the top.
    """
    kinds = [one for one in _KINDS if one == kind] or list(_KINDS)
    rows = MessageEvent.objects.for_tenant(tenant).filter(kind__in=kinds)
    if position := _position(after):
        at, row_id = position
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=row_id))
    found = list(rows.select_related("message__batch").order_by("-at", "-id")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(found[:PAGE], f"{last.at.isoformat()}~{last.pk}" if last else "")


def _position(cursor: str) -> tuple[datetime, int] | None:
    at, _, row_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, int(row_id)) if moment.tzinfo else None
    except ValueError:
        return None


def recent_digests(tenant: Tenant) -> list[FeedbackDigest]:
    """The last ten, the open one first."""
    rows = FeedbackDigest.objects.for_tenant(tenant).select_related("removed_by")
    return list(rows.order_by("-window_end")[:10])


def digest_of(tenant: Tenant, public_id: UUID) -> FeedbackDigest:
    """Raises FeedbackDigest.DoesNotExist for another tenant's."""
    digest: FeedbackDigest = FeedbackDigest.objects.for_tenant(tenant).get(public_id=public_id)
    return digest


def digest_of_link(token: str) -> tuple[FeedbackDigest, Membership] | None:
    """The digest of a mail's link and the member it was mailed to, while they may still act.

    Raises lists.errors.BadToken for a token that we have not made.
    """
    digest_id, user_id = read(Kind.DIGEST, token)
    digest = FeedbackDigest.unscoped.select_related("tenant").filter(pk=digest_id).first()
    if digest is None:
        return None
    membership = (
        Membership.objects.for_tenant(digest.tenant)
        .select_related("user", "tenant")
        .filter(user_id=user_id, user__is_active=True)
        .first()
    )
    if membership is None or not allows(membership, "contacts.edit"):
        return None
    return digest, membership
