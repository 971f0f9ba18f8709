"""The audit log: reads."""

from dataclasses import dataclass
from datetime import datetime

from tenants.models import AuditEvent, Tenant

_PAGE = 50


@dataclass(frozen=True)
class AuditPage:
    """A page of the log, newest first; cursors for `after` and `before`, None at the ends."""

    events: list[AuditEvent]
    older: datetime | None
    newer: datetime | None


def read_audit(
    *, tenant: Tenant, after: datetime | None = None, before: datetime | None = None
) -> AuditPage:
    """Fifty events older than `after`, or the fifty just newer than `before`, or the newest.

    The cursor is a time, in microseconds, and not the row's number, which would tell how much
    goes on in all workspaces together.
    """
    events = AuditEvent.objects.for_tenant(tenant).select_related("actor", "api_key")
    if before is not None:
        rows = list(events.filter(at__gt=before).order_by("at")[: _PAGE + 1])
        page, more = rows[:_PAGE][::-1], len(rows) > _PAGE
        return AuditPage(page, page[-1].at if page else None, page[0].at if more else None)
    if after is not None:
        events = events.filter(at__lt=after)
    rows = list(events.order_by("-at")[: _PAGE + 1])
    page, more = rows[:_PAGE], len(rows) > _PAGE
    newer = page[0].at if page and after is not None else None
    return AuditPage(page, page[-1].at if more else None, newer)
