"""The one statement that writes suppressions: it adds and strengthens, and never takes away."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from lists.erased import erased_among
from lists.models import Source, Suppression, SuppressionReason
from lists.signals import suppressed_by_us

DIAGNOSTIC_LENGTH = 500

# Weakest first; a later reason replaces an earlier one, never the other way round.
_STRENGTH = [
    SuppressionReason.SOFT_BOUNCE,
    SuppressionReason.MANUAL,
    SuppressionReason.PROVIDER,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.COMPLAINT,
    SuppressionReason.ERASED,
]


# What SES has a reason for, too.
_TOLD_TO_SES = (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT)


@dataclass(frozen=True, slots=True)
class Suppress:
    """An address to suppress; `email_norm` as addresses.normalise() gives it."""

    email_norm: str
    reason: SuppressionReason
    source: Source
    diagnostic: str = ""


def add_suppressions(
    tenant_id: int, addresses: Iterable[Suppress], *, from_ses_list: bool = False
) -> int:
    """Suppresses them, in the caller's transaction; returns how many are new or now stronger.

    Bounces and complaints are put on SES's list, too, unless they were read from it.
    """
    strongest: dict[str, Suppress] = {}
    for one in addresses:
        known = strongest.get(one.email_norm)
        if known is None or _STRENGTH.index(one.reason) > _STRENGTH.index(known.reason):
            strongest[one.email_norm] = one
    if not strongest:
        return 0
    # Every writer takes the rows in the same order, so two at once cannot wait for each other.
    rows = [strongest[email_norm] for email_norm in sorted(strongest)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO lists_suppression AS x
                (tenant_id, email_norm, reason, source, diagnostic, created_at)
            SELECT %s, email_norm, reason, source, diagnostic, now()
            FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
                AS new (email_norm, reason, source, diagnostic)
            ON CONFLICT (tenant_id, email_norm) DO UPDATE
            SET reason = excluded.reason, source = excluded.source,
                diagnostic = excluded.diagnostic
            WHERE array_position(%s::text[], excluded.reason::text)
                > array_position(%s::text[], x.reason::text)
            RETURNING email_norm, reason, source
            """,
            [
                tenant_id,
                [row.email_norm for row in rows],
                [row.reason.value for row in rows],
                [row.source.value for row in rows],
                [row.diagnostic[:DIAGNOSTIC_LENGTH] for row in rows],
                [reason.value for reason in _STRENGTH],
                [reason.value for reason in _STRENGTH],
            ],
        )
        changed = cursor.fetchall()
    told = [row for row in changed if row[1] in _TOLD_TO_SES]
    if told and not from_ses_list:
        suppressed_by_us.send(Suppression, tenant_id=tenant_id, rows=told)
    return len(changed)


def keep_erased(tenant_id: int, email_norms: Iterable[str]) -> int:
    """Suppresses by their address those that were erased and are contacts again; how many.

    To be called after the contacts are written, in the same transaction: an erasure that runs at
    the same time is over by then, for it holds the contact.
    """
    return add_suppressions(
        tenant_id,
        (
            Suppress(email_norm, SuppressionReason.ERASED, Source.MEMBER)
            for email_norm in erased_among(tenant_id, email_norms)
        ),
    )
