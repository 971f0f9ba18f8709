"""Bulk actions: asked for, stopped, taken back. lists/bulk.py does them."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from lists.acting import UNDO
from lists.bulk import UNDO_FOR
from lists.errors import BulkRefused
from lists.models import BulkAction, BulkKind, BulkStatus, List, Tag
from lists.selectors.filters import ContactFilter, find_contacts
from lists.selectors.windows import newest_id
from lists.tasks import run_bulk
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit

_GOING = (BulkStatus.QUEUED, BulkStatus.RUNNING)
_ENDED = (BulkStatus.DONE, BulkStatus.CANCELLED, BulkStatus.FAILED)
_WITH_LIST = (BulkKind.ADD_TO_LIST, BulkKind.REMOVE_FROM_LIST)
_WITH_TAG = (BulkKind.ADD_TAG, BulkKind.REMOVE_TAG)


@transaction.atomic
def start_bulk(
    *,
    tenant: Tenant,
    kind: BulkKind,
    wanted: ContactFilter,
    actor: User | None,
    target: List | Tag | None = None,
    field_key: str = "",
    consent_wording: str = "",
    request: HasMeta | None = None,
) -> BulkAction:
    """Hands an act on everyone who matches now to a worker.

    `target` is the list or tag that it is about. Whoever adds people to a list has the member's
    attestation, and gives its words. Raises BulkRefused where nobody matches, or the target is
    missing or another tenant's.
    """
    needs: type[List] | type[Tag] | None = None
    if kind in (*_WITH_LIST, *_WITH_TAG):
        needs = List if kind in _WITH_LIST else Tag
    if needs and (not isinstance(target, needs) or target.tenant_id != tenant.pk):
        raise BulkRefused(
            f"Choose the {needs.__name__.lower()} that this is about.", param="target"
        )
    if kind == BulkKind.ADD_TO_LIST and not consent_wording:
        raise BulkRefused("Without consent they must not be mailed.", param="attested")
    total = find_contacts(tenant=tenant, wanted=wanted).count()
    if not total:
        raise BulkRefused("There is nobody like that any more.")
    action: BulkAction = BulkAction.unscoped.create(
        tenant=tenant,
        kind=kind,
        wanted=wanted.parameters(),
        words=wanted.words()[:500],
        list=target if isinstance(target, List) else None,
        tag=target if isinstance(target, Tag) else None,
        what=target.name if target else field_key,
        consent_wording=consent_wording,
        total=total,
        last_id=newest_id(tenant),
        created_by=actor,
    )
    _note(action, f"contacts.{kind}", actor, request)
    transaction.on_commit(lambda: run_bulk.delay(action.pk))
    return action


@transaction.atomic
def cancel_bulk(*, action: BulkAction, actor: User, request: HasMeta | None = None) -> bool:
    """Stops an action before its next chunk. Whether there was anything to stop."""
    stopped = BulkAction.unscoped.filter(pk=action.pk, status__in=_GOING).update(
        cancel_requested=True
    )
    BulkAction.unscoped.filter(pk=action.pk, status=BulkStatus.QUEUED).update(
        status=BulkStatus.CANCELLED, finished_at=timezone.now()
    )
    if stopped:
        _note(action, "contacts.bulk_cancelled", actor, request)
    return bool(stopped)


def can_undo(action: BulkAction) -> bool:
    """Whether any of it can still be taken back."""
    return (
        action.kind in UNDO
        and action.status in _ENDED
        and action.changed > action.undone
        and action.finished_at is not None
        # Not on the day on which the changes are being forgotten.
        and action.finished_at > timezone.now() - UNDO_FOR + timedelta(days=1)
    )


@transaction.atomic
def undo_bulk(*, action: BulkAction, actor: User, request: HasMeta | None = None) -> BulkAction:
    """Takes back what the action has changed and nobody has changed since. Raises BulkRefused."""
    action = BulkAction.unscoped.select_for_update(of=("self",)).get(pk=action.pk)
    if not can_undo(action):
        raise BulkRefused("This cannot be undone any more.")
    action.status, action.progressed_at, action.finished_at = BulkStatus.UNDOING, None, None
    action.started_at = timezone.now()
    action.save(update_fields=["status", "started_at", "progressed_at", "finished_at"])
    _note(action, "contacts.bulk_undone", actor, request)
    transaction.on_commit(lambda: run_bulk.delay(action.pk))
    return action


def _note(action: BulkAction, what: str, actor: User | None, request: HasMeta | None) -> None:
    audit.record(
        tenant=action.tenant,
        actor=actor,
        action=what,
        target=action.what or action.get_kind_display(),
        detail={"who": action.words, "act": action.get_kind_display(), "contacts": action.total},
        request=request,
    )
