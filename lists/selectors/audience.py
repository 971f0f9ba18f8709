"""Who may be mailed now: the one definition, shared by counting, launching and claiming."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from lists.erased import erased_among
from lists.models import SuppressionReason
from tenants.models import Tenant
from tenants.prepared import Prepared

# A condition over `c`, a row of lists_contact that the caller has already narrowed to its tenant,
# with the parameters of sendable_params(). An unconfirmed, unsubscribed or paused place on a list
# does not count; unsubscribing from everything and suppression beat every list.
SENDABLE_SQL = """(
    c.unsubscribed_at IS NULL
    AND (c.paused_until IS NULL OR c.paused_until <= %(now)s)
    AND EXISTS (
        SELECT 1 FROM lists_subscription sendable_s
        WHERE sendable_s.contact_id = c.id
          AND sendable_s.tenant_id = c.tenant_id
          AND sendable_s.list_id = ANY(%(list_ids)s::bigint[])
          AND sendable_s.status = 'active'
          AND (sendable_s.paused_until IS NULL OR sendable_s.paused_until <= %(now)s)
    )
    AND NOT EXISTS (
        SELECT 1 FROM lists_suppression sendable_x
        WHERE sendable_x.tenant_id = c.tenant_id AND sendable_x.email_norm = c.email_norm
    )
)"""
# The other half for a campaign to segments, where a place on any list will do: over `c` too, with
# `chosen`, the lists that the campaign names. Who has left one of them, or paused it, has said no
# to this mail, and is not reached by way of another list.
STAYED_SQL = """(
    NOT EXISTS (
        SELECT 1 FROM lists_subscription left_s
        WHERE left_s.contact_id = c.id
          AND left_s.tenant_id = c.tenant_id
          AND left_s.list_id = ANY(%(chosen)s::bigint[])
          AND (left_s.status = 'unsubscribed' OR left_s.paused_until > %(now)s)
    ) OR EXISTS (
        SELECT 1 FROM lists_subscription kept_s
        WHERE kept_s.contact_id = c.id
          AND kept_s.tenant_id = c.tenant_id
          AND kept_s.list_id = ANY(%(chosen)s::bigint[])
          AND kept_s.status = 'active'
          AND (kept_s.paused_until IS NULL OR kept_s.paused_until <= %(now)s)
    )
)"""

# A row without an address stands for the key of a workspace that has erased somebody.
_SUPPRESSED = Prepared(
    "suppressed_among",
    """
    SELECT email_norm, reason FROM lists_suppression
    WHERE tenant_id = $1 AND email_norm = ANY($2::text[])
    UNION ALL
    SELECT '', '' FROM lists_erasurekey WHERE tenant_id = $1
    """,
)


def sendable_params(list_ids: Iterable[int], *, now: datetime | None = None) -> dict[str, Any]:
    """The parameters that SENDABLE_SQL needs; `now` defaults to this moment."""
    return {"list_ids": list(list_ids), "now": now or timezone.now()}


def count_sendable(*, tenant: Tenant, list_ids: Iterable[int]) -> int:
    """How many contacts a campaign to these lists would reach now, each counted once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM lists_contact c "  # noqa: S608 (a constant of ours)
            f"WHERE c.tenant_id = %(tenant_id)s AND {SENDABLE_SQL}",
            sendable_params(list_ids) | {"tenant_id": tenant.pk},
        )
        return int(cursor.fetchone()[0])


def suppressed_among(*, tenant: Tenant, email_norms: Iterable[str]) -> dict[str, str]:
    """Those of these normalised addresses that are suppressed or erased, each with its reason."""
    asked = list(email_norms)
    found: dict[str, str] = dict(_SUPPRESSED.rows(tenant.pk, asked))
    if found.pop("", None) is None:
        return found
    erased = erased_among(tenant.pk, asked)
    return dict.fromkeys(erased, str(SuppressionReason.ERASED)) | found
