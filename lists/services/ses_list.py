"""The suppression list of Amazon SES, taken over; docs/decisions/suppression-mirror.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from lists.erased import erased_among
from lists.models import LiftedSuppression, Source, SuppressionReason
from lists.suppressing import Suppress, add_suppressions
from tenants.models import Tenant


@dataclass(frozen=True)
class Entry:
    """An address on SES's list, lower-cased, and since when it is there."""

    email_norm: str
    is_complaint: bool
    at: datetime


def hold_mirror(tenant: Tenant) -> None:
    """Lets removals and readings of SES's list take turns, until the transaction ends.

    Otherwise a reading could look for removals just before one is committed, and bring the address
    back just after. The lock leaves alone who writes rows of the tenant.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)


@transaction.atomic
def take_over(*, tenant: Tenant, entries: Sequence[Entry]) -> int:
    """Suppresses what SES suppresses; returns how many are new or have a stronger reason now.

    An entry that a member has lifted here counts only if it came to the list afterwards, and one
    of an erased person not at all: their address is suppressed without being known.
    """
    hold_mirror(tenant)
    known = [entry.email_norm for entry in entries]
    lifted = dict(
        LiftedSuppression.objects.for_tenant(tenant)
        .filter(email_norm__in=known)
        .values_list("email_norm", "lifted_at")
    )
    erased = erased_among(tenant.pk, known)
    return add_suppressions(
        tenant.pk,
        (
            _suppression(entry)
            for entry in entries
            if entry.email_norm not in erased
            and (entry.email_norm not in lifted or entry.at > lifted[entry.email_norm])
        ),
        from_ses_list=True,
    )


def _suppression(entry: Entry) -> Suppress:
    reason = SuppressionReason.COMPLAINT if entry.is_complaint else SuppressionReason.PROVIDER
    why = "complaint" if entry.is_complaint else "bounce"
    since = f"{entry.at.day} {entry.at:%B %Y}"
    words = f"On the suppression list of Amazon SES for a {why} since {since}"
    return Suppress(entry.email_norm, reason, Source.SES, words)


def forget_entry(*, tenant: Tenant, email_norm: str) -> None:
    """What SES's list says of this address up to now does not count any more."""
    LiftedSuppression.unscoped.update_or_create(
        tenant=tenant, email_norm=email_norm, defaults={"lifted_at": timezone.now()}
    )
