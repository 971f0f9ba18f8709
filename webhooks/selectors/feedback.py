"""Reads for the feedback page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from lists.models import Contact, Suppression
from lists.tokens import Kind, read
from sending.models import EventKind, MessageEvent
from tenants.models import Membership, Tenant, User
from tenants.permissions import allows
from webhooks.models import About, Feedback, FeedbackCount, FeedbackDigest

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


def feedback_in(tenant: Tenant, after: int, last: int, about: str) -> QuerySet[Feedback]:
    """What came with the numbers above `after` up to `last`, of the kind that About names."""
    found: QuerySet[Feedback] = Feedback.objects.for_tenant(tenant).filter(
        number__gt=after, number__lte=last
    )
    if about == About.BOTH:
        return found
    return found.filter(is_complaint=about == About.COMPLAINTS)


def affected(digest: FeedbackDigest) -> list[int]:
    """Ids of the contacts that an alert is about."""
    found = feedback_in(digest.tenant, digest.after, digest.last, digest.about)
    return _contacts(found)


def _contacts(found: QuerySet[Feedback]) -> list[int]:
    ids = found.order_by().values_list("contact_id", flat=True).distinct()
    return [one for one in ids if one is not None]


def newest(tenant: Tenant) -> int:
    """The number of the last bounce or complaint; 0 before the first."""
    return FeedbackCount.objects.for_tenant(tenant).values_list("last", flat=True).first() or 0


def still_on_lists(tenant: Tenant, up_to: int) -> list[int]:
    """Ids of contacts that bounced or complained up to this number, are suppressed, and have not
    left every list."""
    suppressed = Suppression.objects.for_tenant(tenant).filter(email_norm=OuterRef("email_norm"))
    reached = Contact.objects.for_tenant(tenant).filter(Exists(suppressed), unsubscribed_at=None)
    found = feedback_in(tenant, 0, up_to, About.BOTH)
    return _contacts(found.filter(contact_id__in=reached.values("pk")))


def recent_digests(tenant: Tenant, user: User) -> list[FeedbackDigest]:
    """The last ten alerts of this member."""
    rows = FeedbackDigest.objects.for_tenant(tenant).filter(user=user)
    return list(rows.select_related("removed_by", "tenant").order_by("-window_end", "-pk")[:10])


def digest_of(tenant: Tenant, public_id: UUID) -> FeedbackDigest:
    """Raises FeedbackDigest.DoesNotExist for another tenant's."""
    rows = FeedbackDigest.objects.for_tenant(tenant).select_related("tenant")
    digest: FeedbackDigest = rows.get(public_id=public_id)
    return digest


def digest_of_link(token: str) -> tuple[FeedbackDigest, Membership] | None:
    """The digest of a mail's link and the member it was mailed to, while they may still act.

    Raises lists.errors.BadToken for a token that we have not made.
    """
    digest_id, user_id = read(Kind.DIGEST, token)
    mailed = FeedbackDigest.unscoped.filter(pk=digest_id, user=user_id)
    digest = mailed.select_related("tenant").first()
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
