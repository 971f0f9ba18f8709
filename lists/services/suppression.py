"""Addresses that nothing may be sent to, and contacts taken off every list at once."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from lists.addresses import normalise
from lists.errors import ErasedForGood, InvalidAddress
from lists.models import Source, Suppression, SuppressionReason
from lists.services.ses_list import forget_entry, hold_mirror
from lists.signals import suppression_lifted
from lists.suppressing import Suppress, add_suppressions
from tenants.clients import HasMeta
from tenants.models import ApiKey, Tenant, User
from tenants.services import audit

__all__ = [
    "Suppress",
    "remove_from_all_lists",
    "suppress",
    "suppress_by_api",
    "suppress_by_hand",
    "unsuppress",
]


def suppress(*, tenant: Tenant, addresses: Iterable[Suppress]) -> int:
    """Suppresses these addresses; returns how many are new or have a stronger reason now.

    Idempotent. A stronger reason replaces a weaker one (complaint, hard bounce, SES list, by
    hand, soft bounces), and nothing is ever taken away. Joins the caller's transaction.
    """
    return add_suppressions(tenant.pk, addresses)


@transaction.atomic
def suppress_by_hand(
    *, tenant: Tenant, text: str, note: str, actor: User, request: HasMeta | None = None
) -> int:
    """Suppresses every address of a text, one a line or parted by commas.

    Returns how many are new. Raises InvalidAddress that names each wrong one, and then
    suppresses none.
    """
    wanted: list[Suppress] = []
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        for address in filter(None, (part.strip() for part in line.replace(";", ",").split(","))):
            try:
                email_norm = normalise(address).email_norm
            except InvalidAddress as error:
                wrong.append(f"Line {number}, {address[:100]}: {error.message}")
            else:
                wanted.append(Suppress(email_norm, SuppressionReason.MANUAL, Source.MEMBER, note))
    if wrong:
        more = f" And {len(wrong) - 5} more." if len(wrong) > 5 else ""
        raise InvalidAddress(" ".join(wrong[:5]) + more)
    if not wanted:
        raise InvalidAddress("Write at least one address.")
    added = suppress(tenant=tenant, addresses=wanted)
    audit.record(
        tenant=tenant,
        actor=actor,
        action="suppression.added",
        target=wanted[0].email_norm if len(wanted) == 1 else f"{len(wanted)} addresses",
        detail={"addresses": [one.email_norm for one in wanted[:100]], "note": note},
        request=request,
    )
    return added


@transaction.atomic
def suppress_by_api(
    *, tenant: Tenant, email: str, reason: SuppressionReason, note: str, api_key: ApiKey
) -> str:
    """Suppresses one address, audited; returns it normalised. Raises InvalidAddress."""
    email_norm = normalise(email).email_norm
    suppress(tenant=tenant, addresses=[Suppress(email_norm, reason, Source.API, note)])
    audit.record(
        tenant=tenant,
        api_key=api_key,
        action="suppression.added",
        target=email_norm,
        detail={"reason": reason, "note": note},
    )
    return email_norm


@transaction.atomic
def unsuppress(
    *,
    tenant: Tenant,
    email_norm: str,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    request: HasMeta | None = None,
) -> bool:
    """Lets an address be mailed again, and has it taken off SES's list; audited.

    Returns whether it was suppressed. Raises ErasedForGood for one whose owner was erased.
    """
    hold_mirror(tenant)
    suppression = (
        Suppression.objects.for_tenant(tenant)
        .select_for_update()
        .filter(email_norm=email_norm)
        .first()
    )
    if suppression is None:
        return False
    if suppression.reason == SuppressionReason.ERASED:
        raise ErasedForGood
    audit.record(
        tenant=tenant,
        actor=actor,
        api_key=api_key,
        action="suppression.removed",
        target=email_norm,
        detail={
            "reason": suppression.reason,
            "source": suppression.source,
            "diagnostic": suppression.diagnostic,
            "suppressed_at": suppression.created_at.isoformat(),
        },
        request=request,
    )
    suppression.delete()
    forget_entry(tenant=tenant, email_norm=email_norm)
    suppression_lifted.send(Suppression, tenant=tenant, email_norm=email_norm)
    return True


@transaction.atomic
def remove_from_all_lists(*, tenant: Tenant, contact_ids: Iterable[int], source: Source) -> int:
    """Unsubscribes these contacts from everything; returns how many were not yet.

    Each gets a consent record of it. Ids of other tenants' contacts do nothing.
    """
    values: dict[str, Any] = {
        "tenant_id": tenant.pk,
        "ids": sorted(set(contact_ids)),
        "source": Source(source).value,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM lists_contact
            WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND unsubscribed_at IS NULL
            ORDER BY id FOR UPDATE
            """,
            values,
        )
        values["ids"] = [row[0] for row in cursor.fetchall()]
        if not values["ids"]:
            return 0
        cursor.execute(
            """
            INSERT INTO lists_consentrecord (tenant_id, contact_id, act, source, list_names,
                                             wording, form_name, user_agent, at)
            SELECT %(tenant_id)s, c.id, 'unsubscribed', %(source)s,
                   coalesce((SELECT array_agg(l.name ORDER BY l.name)
                             FROM lists_subscription s JOIN lists_list l ON l.id = s.list_id
                             WHERE s.contact_id = c.id AND s.status <> 'unsubscribed'), '{}'),
                   'Everything', '', '', now()
            FROM lists_contact c WHERE c.id = ANY(%(ids)s)
            """,
            values,
        )
        cursor.execute(
            """
            UPDATE lists_subscription
            SET status = 'unsubscribed', unsubscribed_at = now(), paused_until = NULL
            WHERE contact_id = ANY(%(ids)s) AND status <> 'unsubscribed'
            """,
            values,
        )
        cursor.execute(
            """
            UPDATE lists_contact SET unsubscribed_at = now(), updated_at = now()
            WHERE id = ANY(%(ids)s)
            """,
            values,
        )
        return int(cursor.rowcount)
