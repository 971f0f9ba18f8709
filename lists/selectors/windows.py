"""Going through a tenant's contacts from the oldest, a bounded number at a time."""

from django.db import connection

from tenants.models import Tenant

LARGEST_ID = 2**63 - 1


def end_of_window(*, tenant: Tenant, after: int, size: int, up_to: int = LARGEST_ID) -> int | None:
    """The id of the last of the next `size` contacts behind `after`; None where there is none.

    To ask a filter of one window after the other costs the same for every filter. A LIMIT on the
    filter itself would leave it to the planner's guess how much is read for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT max(id) FROM (
                SELECT id FROM lists_contact WHERE tenant_id = %s AND id > %s AND id <= %s
                ORDER BY id LIMIT %s
            ) w
            """,
            [tenant.pk, after, up_to, size],
        )
        found: int | None = cursor.fetchone()[0]
        return found


def newest_id(tenant: Tenant) -> int:
    """The id of the tenant's newest contact; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(id), 0) FROM lists_contact WHERE tenant_id = %s", [tenant.pk]
        )
        return int(cursor.fetchone()[0])
