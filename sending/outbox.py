"""What is to be changed on the suppression lists of SES, written with what it follows from.

No network here: sending.mirroring works it off.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models import Exists, OuterRef

from lists.models import Contact, Source, SuppressionReason
from sending.models import SesAccount, SesState, SuppressionChange, SuppressionMirror
from sending.ses.suppression_calls import BOUNCE, COMPLAINT
from tenants.models import Tenant

_SES_REASONS = {
    SuppressionReason.HARD_BOUNCE.value: BOUNCE,
    SuppressionReason.COMPLAINT.value: COMPLAINT,
}
# What was asked last counts: a removal replaces a put that waits, and the other way round.
_QUEUE = """
INSERT INTO sending_suppressionchange AS c
    (tenant_id, ses_account_id, email_norm, reason, queued_at)
SELECT a.tenant_id, a.id, new.email_norm, new.reason, clock_timestamp()
FROM sending_sesaccount a, unnest(%s::text[], %s::text[]) AS new (email_norm, reason)
WHERE a.id = ANY(%s)
ORDER BY a.id, new.email_norm
ON CONFLICT (ses_account_id, email_norm) DO UPDATE
SET reason = excluded.reason, queued_at = excluded.queued_at, retry_at = NULL, tries = 0, error = ''
"""
# Of those that SES itself told us about, it knows.
_QUEUE_KNOWN = """
INSERT INTO sending_suppressionchange (tenant_id, ses_account_id, email_norm, reason, queued_at)
SELECT %(tenant)s, %(account)s, email_norm,
       CASE reason WHEN 'complaint' THEN 'COMPLAINT' ELSE 'BOUNCE' END, clock_timestamp()
FROM lists_suppression
WHERE tenant_id = %(tenant)s AND reason IN ('complaint', 'hard_bounce') AND source <> 'ses'
ON CONFLICT DO NOTHING
"""


def queue_puts(tenant_id: int, rows: Sequence[tuple[str, str, str]]) -> None:
    """Has (address, reason, source) put on the lists of the tenant's accounts.

    What SES has told of is on the list of the account that it came from; only a tenant's other
    accounts may not know.
    """
    accounts = _connected(tenant_id)
    if len(accounts) == 1:
        rows = [row for row in rows if row[2] != Source.SES]
    _queue(accounts, [(address, _SES_REASONS[reason]) for address, reason, _ in rows])


def queue_removal(tenant_id: int, email_norm: str) -> int:
    """Has an address taken off the lists of all accounts of the tenant; how many these are."""
    accounts = _connected(tenant_id)
    _queue(accounts, [(email_norm, "")])
    return len(accounts)


def queue_known(account: SesAccount) -> None:
    """Has put on a newly connected account's list what is suppressed here already."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE_KNOWN, {"tenant": account.tenant_id, "account": account.pk})


def forget(contact: Contact) -> None:
    """Drops what waits about the address of a person who is erased."""
    changes = SuppressionChange.objects.for_tenant(contact.tenant)
    changes.filter(email_norm=contact.email_norm).delete()


def forget_list(account: SesAccount) -> None:
    """Forgets how far the account's list was read and what waits: it will be another's."""
    SuppressionMirror.unscoped.filter(ses_account=account).delete()
    SuppressionChange.unscoped.filter(ses_account=account).delete()


def being_removed(tenant: Tenant, email_norms: Sequence[str]) -> set[str]:
    """Those of these addresses that still are to be taken off an account's list."""
    waiting = SuppressionChange.objects.for_tenant(tenant).filter(reason="")
    return set(waiting.filter(email_norm__in=email_norms).values_list("email_norm", flat=True))


def shared() -> Exists:
    """Over SesAccount: whether another tenant is connected to the same list."""
    others = SesAccount.unscoped.exclude(tenant=OuterRef("tenant")).filter(
        aws_account_id=OuterRef("aws_account_id"),
        region=OuterRef("region"),
        state=SesState.CONNECTED,
    )
    return Exists(others)


def _connected(tenant_id: int) -> list[int]:
    connected = SesAccount.unscoped.filter(tenant_id=tenant_id, state=SesState.CONNECTED)
    return list(connected.order_by("pk").values_list("pk", flat=True))


def _queue(accounts: Sequence[int], changes: Sequence[tuple[str, str]]) -> None:
    if not accounts or not changes:
        return
    addresses, reasons = zip(*changes, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, [list(addresses), list(reasons), list(accounts)])
