"""What bulk actions do to one chunk of contacts, inside the caller's transaction.

Each takes contacts that the caller holds locked, and returns how many it has changed. None of
them revives anyone: a place that is there stays as it is or ends, and suppressions only grow.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from lists.models import (
    BulkAction,
    BulkKind,
    Contact,
    Source,
    Subscription,
    SubscriptionStatus,
    SuppressionReason,
)
from lists.suppressing import Suppress, add_suppressions

_ADD_TAG = """
WITH new AS (
    INSERT INTO lists_contacttag (tenant_id, contact_id, tag_id, created_at)
    SELECT %(tenant)s, id, %(tag)s, now() FROM unnest(%(ids)s) AS c (id) ORDER BY id
    ON CONFLICT (contact_id, tag_id) DO NOTHING
    RETURNING contact_id
)
INSERT INTO lists_bulkchange (tenant_id, action_id, contact_id)
SELECT %(tenant)s, %(action)s, contact_id FROM new
"""
_REMOVE_TAG = """
WITH gone AS (
    DELETE FROM lists_contacttag WHERE tag_id = %(tag)s AND contact_id = ANY(%(ids)s)
    RETURNING contact_id
)
INSERT INTO lists_bulkchange (tenant_id, action_id, contact_id)
SELECT %(tenant)s, %(action)s, contact_id FROM gone
"""
# As services.contacts.subscribe() does for one: whoever left everything gets a place that is
# closed, so that nothing adds them later.
_ADD_TO_LIST = """
WITH new AS (
    INSERT INTO lists_subscription
        (tenant_id, contact_id, list_id, status, source, unsubscribed_at, created_at)
    SELECT c.tenant_id, c.id, %(list)s,
           CASE WHEN c.unsubscribed_at IS NULL THEN 'active' ELSE 'unsubscribed' END,
           'member', c.unsubscribed_at, now()
    FROM lists_contact c WHERE c.id = ANY(%(ids)s) ORDER BY c.id
    ON CONFLICT (contact_id, list_id) DO NOTHING
    RETURNING contact_id, status
), noted AS (
    INSERT INTO lists_bulkchange (tenant_id, action_id, contact_id)
    SELECT %(tenant)s, %(action)s, contact_id FROM new WHERE status = 'active'
    RETURNING contact_id
)
INSERT INTO lists_consentrecord (tenant_id, contact_id, act, source, list_names, wording,
                                 form_name, user_agent, at)
SELECT %(tenant)s, contact_id, 'attested', 'member', ARRAY[%(what)s], %(wording)s, '', '', now()
FROM noted
"""
_REMOVE_FROM_LIST = """
WITH gone AS (
    UPDATE lists_subscription
    SET status = 'unsubscribed', unsubscribed_at = now(), paused_until = NULL
    WHERE list_id = %(list)s AND contact_id = ANY(%(ids)s) AND status <> 'unsubscribed'
    RETURNING contact_id
), no_longer_waiting AS (
    UPDATE lists_confirmation o SET expires_at = now()
    FROM gone, lists_confirmation_lists l
    WHERE o.contact_id = gone.contact_id AND o.confirmed_at IS NULL AND o.expires_at > now()
      AND l.confirmation_id = o.id AND l.list_id = %(list)s
)
INSERT INTO lists_consentrecord (tenant_id, contact_id, act, source, list_names, wording,
                                 form_name, user_agent, at)
SELECT %(tenant)s, contact_id, 'unsubscribed', 'member', ARRAY[%(what)s], '', '', '', now()
FROM gone
"""
_CLEAR_FIELD = """
UPDATE lists_contact SET fields = fields - %(what)s, updated_at = now()
WHERE id = ANY(%(ids)s) AND fields ? %(what)s
"""

_UNDO_ADD_TAG = "DELETE FROM lists_contacttag WHERE tag_id = %(tag)s AND contact_id = ANY(%(ids)s)"
_UNDO_REMOVE_TAG = """
INSERT INTO lists_contacttag (tenant_id, contact_id, tag_id, created_at)
SELECT %(tenant)s, id, %(tag)s, now() FROM unnest(%(ids)s) AS c (id) ORDER BY id
ON CONFLICT (contact_id, tag_id) DO NOTHING
"""
# Only a place that is still as it was made: what the person has done with it since is theirs.
_UNDO_ADD_TO_LIST = """
DELETE FROM lists_subscription
WHERE list_id = %(list)s AND contact_id = ANY(%(ids)s) AND status = 'active'
  AND source = 'member' AND confirmed_at IS NULL AND paused_until IS NULL
"""

Act = Callable[[BulkAction, Sequence[int]], int]


def _statement(sql: str) -> Act:
    def act(action: BulkAction, ids: Sequence[int]) -> int:
        values: dict[str, Any] = {
            "tenant": action.tenant_id,
            "action": action.pk,
            "list": action.list_id,
            "tag": action.tag_id,
            "what": action.what,
            "wording": action.consent_wording,
            "ids": list(ids),
        }
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return int(cursor.rowcount)

    return act


def _suppress(action: BulkAction, ids: Sequence[int]) -> int:
    return _suppress_all(action, Contact.unscoped.filter(pk__in=ids), "By an act on many contacts")


def _delete(action: BulkAction, ids: Sequence[int]) -> int:
    """With them would go the proof that they have left, so they are suppressed before."""
    left = Exists(
        Subscription.unscoped.filter(contact=OuterRef("pk"), status=SubscriptionStatus.UNSUBSCRIBED)
    )
    contacts = Contact.unscoped.filter(pk__in=ids)
    gone = contacts.filter(Q(unsubscribed_at__isnull=False) | Q(left))
    _suppress_all(action, gone, "Had unsubscribed before the contact was deleted")
    _, deleted = contacts.delete()
    return deleted.get(Contact._meta.label, 0)


def _suppress_all(action: BulkAction, contacts: Any, why: str) -> int:
    return add_suppressions(
        action.tenant_id,
        (
            Suppress(email_norm, SuppressionReason.MANUAL, Source.MEMBER, why)
            for email_norm in contacts.values_list("email_norm", flat=True)
        ),
    )


ACTS: dict[str, Act] = {
    BulkKind.ADD_TAG: _statement(_ADD_TAG),
    BulkKind.REMOVE_TAG: _statement(_REMOVE_TAG),
    BulkKind.ADD_TO_LIST: _statement(_ADD_TO_LIST),
    BulkKind.REMOVE_FROM_LIST: _statement(_REMOVE_FROM_LIST),
    BulkKind.SUPPRESS: _suppress,
    BulkKind.DELETE: _delete,
    BulkKind.CLEAR_FIELD: _statement(_CLEAR_FIELD),
}
UNDO: dict[str, Act] = {
    BulkKind.ADD_TAG: _statement(_UNDO_ADD_TAG),
    BulkKind.REMOVE_TAG: _statement(_UNDO_REMOVE_TAG),
    BulkKind.ADD_TO_LIST: _statement(_UNDO_ADD_TO_LIST),
}
