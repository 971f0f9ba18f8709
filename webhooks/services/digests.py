"""What a member does with a digest."""

from django.db import transaction
from django.utils import timezone

from lists.models import Source
from lists.services.suppression import remove_from_all_lists
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record
from webhooks.models import FeedbackDigest


@transaction.atomic
def remove_contacts(*, digest: FeedbackDigest, actor: User, request: HasMeta | None = None) -> int:
    """Takes every contact of the digest off all lists; returns how many were on any.

    Pressing it twice changes nothing more.
    """
    removed = remove_from_all_lists(
        tenant=digest.tenant, contact_ids=digest.contact_ids, source=Source.MEMBER
    )
    if digest.removed_at is None:
        digest.removed_at = timezone.now()
        digest.removed_by = actor
        digest.save(update_fields=["removed_at", "removed_by"])
        record(
            tenant=digest.tenant,
            actor=actor,
            action="feedback.contacts_removed",
            target=str(digest.public_id),
            detail={"contacts": len(digest.contact_ids)},
            request=request,
        )
    return removed
