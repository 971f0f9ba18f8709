"""What a member does about addresses that bounced or complained."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from lists.models import Source
from lists.services.suppression import remove_from_all_lists
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services.audit import record
from webhooks.models import FeedbackDigest
from webhooks.selectors.feedback import affected, still_on_lists

_CHUNK = 5_000  # contacts of one transaction: their rows are held until it ends


def remove_contacts(*, digest: FeedbackDigest, actor: User, request: HasMeta | None = None) -> int:
    """Takes every contact of the alert off all lists; returns how many were on any.

    Pressing it twice changes nothing more, and goes on where the first press was cut off.
    """
    ids = affected(digest)
    removed = _remove(digest.tenant, ids)
    if digest.removed_at is None:
        with transaction.atomic():
            digest.removed_at, digest.removed_by = timezone.now(), actor
            digest.save(update_fields=["removed_at", "removed_by"])
            _note(digest.tenant, actor, str(digest.public_id), len(ids), request)
    return removed


def remove_all(*, tenant: Tenant, up_to: int, actor: User, request: HasMeta | None = None) -> int:
    """Takes everyone off all lists who bounced or complained up to this number of Feedback, and is
    suppressed still; returns how many."""
    removed = _remove(tenant, still_on_lists(tenant, up_to))
    if removed:
        _note(tenant, actor, "everyone who bounced or complained", removed, request)
    return removed


def _remove(tenant: Tenant, ids: Sequence[int]) -> int:
    chunks = (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
    return sum(
        remove_from_all_lists(tenant=tenant, contact_ids=chunk, source=Source.MEMBER)
        for chunk in chunks
    )


def _note(tenant: Tenant, actor: User, target: str, contacts: int, request: HasMeta | None) -> None:
    record(
        tenant=tenant,
        actor=actor,
        action="feedback.contacts_removed",
        target=target,
        detail={"contacts": contacts},
        request=request,
    )
