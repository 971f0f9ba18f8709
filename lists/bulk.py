"""The engine of bulk actions: from the oldest to the newest, a chunk at a time.

Each chunk is one transaction, which also moves BulkAction.cursor on: that number is the fence and
the place to go on from, so a killed worker leaves nothing half done and the next one goes on.
"""

import logging
from datetime import timedelta

from django.db import OperationalError
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from lists.acting import ACTS, UNDO
from lists.errors import BulkRefused, FilterGone
from lists.models import BulkAction, BulkChange, BulkKind, BulkStatus, Contact, List, Tag
from lists.retrying import try_again
from lists.selectors.filters import ContactFilter, find_contacts
from lists.selectors.windows import end_of_window

CHUNK = 5_000
# A contact is deleted with everything that it has, also in the apps above.
_CHUNK_OF_DELETIONS = 500
# Longer than any chunk takes; a run that says nothing for so long is dead.
SILENCE = timedelta(minutes=3)
UNDO_FOR = timedelta(days=30)
_OPEN = (BulkStatus.RUNNING, BulkStatus.UNDOING)

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """The action was cancelled, or another worker has taken it over."""


def stuck() -> list[int]:
    """Ids of actions that nobody works on: never begun, or their worker is gone."""
    silent = timezone.now() - SILENCE
    return list(
        BulkAction.unscoped.filter(
            Q(status=BulkStatus.QUEUED, created_at__lt=silent)
            | Q(status__in=_OPEN, progressed_at__lt=silent)
            | Q(status=BulkStatus.UNDOING, progressed_at=None)
        ).values_list("pk", flat=True)
    )


def forget_changes() -> int:
    """Deletes what nobody may undo any more, some thousands a call; how many."""
    old = BulkChange.unscoped.filter(action__finished_at__lt=timezone.now() - UNDO_FOR)
    ids = list(old.exclude(action__status=BulkStatus.UNDOING).values_list("pk", flat=True)[:20_000])
    return BulkChange.unscoped.filter(pk__in=ids).delete()[0]


def run(action_id: int) -> None:
    """Runs an action, or the undoing of it, to its end. Returns at once if another worker does.

    A lost database raises OperationalError and leaves the action to the next run.
    """
    action = _claim(action_id)
    if action is None:
        return
    logger.info("bulk action %d runs", action.pk)
    undoing = action.status == BulkStatus.UNDOING
    chunk = _undo_chunk if undoing else _chunk
    try:
        while (reached := try_again(lambda _: chunk(action))) is not None:
            action.cursor = reached
        _end(action, BulkStatus.UNDONE if undoing else BulkStatus.DONE)
    except (FilterGone, BulkRefused) as refused:
        _end(action, BulkStatus.FAILED, failure=refused.message)
    except _Stopped:
        _end(action, BulkStatus.CANCELLED)
    except OperationalError:
        raise
    except Exception:
        _end(
            action,
            BulkStatus.FAILED,
            failure="Bluefox failed here. What is counted below is done; start it again for the "
            "rest: whoever was changed already stays as they are.",
        )
        raise


def _claim(action_id: int) -> BulkAction | None:
    now = timezone.now()
    silent = now - SILENCE
    rows = BulkAction.unscoped.filter(pk=action_id)
    begun = rows.filter(status=BulkStatus.QUEUED).update(
        status=BulkStatus.RUNNING, started_at=now, progressed_at=now
    )
    taken_over = not begun and rows.filter(
        Q(progressed_at=None) | Q(progressed_at__lt=silent), status__in=_OPEN
    ).update(progressed_at=now)
    return rows.select_related("tenant", "list", "tag").get() if begun or taken_over else None


def _open(action: BulkAction) -> QuerySet[BulkAction]:
    """The action, if it is still in the state in which we took it."""
    return BulkAction.unscoped.filter(pk=action.pk, status=action.status)


def _chunk(action: BulkAction) -> int | None:
    """Does the next window of contacts; the id that it ends with, or None where there is none."""
    wanted = ContactFilter.read(action.tenant, action.wanted)
    size = _CHUNK_OF_DELETIONS if action.kind == BulkKind.DELETE else CHUNK
    end = end_of_window(tenant=action.tenant, after=action.cursor, up_to=action.last_id, size=size)
    if end is None:
        return None
    _hold_target(action)
    matching = find_contacts(tenant=action.tenant, wanted=wanted)
    ids = _locked(matching.filter(pk__gt=action.cursor, pk__lte=end))
    changed = ACTS[action.kind](action, ids) if ids else 0
    moved = (
        _open(action)
        .filter(cursor=action.cursor, cancel_requested=False)
        .update(
            cursor=end,
            done=F("done") + len(ids),
            changed=F("changed") + changed,
            progressed_at=timezone.now(),
        )
    )
    if not moved:
        raise _Stopped
    return end


def _undo_chunk(action: BulkAction) -> int | None:
    """Takes back some of what was changed; None where nothing is left."""
    changes = BulkChange.unscoped.filter(action=action).order_by("contact")
    rows = dict(changes.select_for_update().values_list("contact_id", "pk")[:CHUNK])
    if not rows:
        return None
    _hold_target(action)
    ids = _locked(find_contacts(tenant=action.tenant, wanted=ContactFilter()).filter(pk__in=rows))
    undone = UNDO[action.kind](action, ids) if ids else 0
    BulkChange.unscoped.filter(pk__in=rows.values()).delete()
    if not _open(action).update(undone=F("undone") + undone, progressed_at=timezone.now()):
        raise _Stopped
    return action.cursor


def _locked(contacts: QuerySet[Contact]) -> list[int]:
    return list(
        contacts.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)
    )


def _hold_target(action: BulkAction) -> None:
    """A list or tag that is being deleted waits for this chunk. One that is gone ends the act."""
    targets: dict[str, tuple[type[List] | type[Tag], int | None]] = {
        BulkKind.ADD_TO_LIST: (List, action.list_id),
        BulkKind.REMOVE_FROM_LIST: (List, action.list_id),
        BulkKind.ADD_TAG: (Tag, action.tag_id),
        BulkKind.REMOVE_TAG: (Tag, action.tag_id),
    }
    if action.kind in targets:
        model, pk = targets[action.kind]
        held = model.unscoped.select_for_update(no_key=True).filter(pk=pk or 0)
        if not held.values_list("pk", flat=True):
            raise BulkRefused(f"{action.what} was deleted meanwhile.")


def _end(action: BulkAction, status: BulkStatus, failure: str = "") -> None:
    open_ = _open(action)
    if status == BulkStatus.CANCELLED:
        # Not cancelled but taken over by another worker: then it is theirs to end.
        open_ = open_.filter(cancel_requested=True)
    ended = open_.update(status=status, failure=failure, finished_at=timezone.now())
    if ended:
        logger.info("bulk action %d ends as %s", action.pk, status)
