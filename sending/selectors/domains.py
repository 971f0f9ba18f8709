"""Reads of a tenant's domains: the records that each should have, and how they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from sending.models import DomainRecord, Purpose, RecordState, SenderIdentity
from tenants.models import Tenant

# The worst of several is what a person must look at.
_WORST_FIRST = [
    RecordState.WRONG,
    RecordState.MISSING,
    RecordState.UNKNOWN,
    RecordState.UNCHECKED,
    RecordState.OK,
]


@dataclass(frozen=True)
class Part:
    """One aim of a domain's records, as last looked up, and a sentence about it."""

    state: RecordState
    words: str

    @property
    def ok(self) -> bool:
        return self.state == RecordState.OK


@dataclass(frozen=True)
class DomainState:
    """How a domain stands in DNS; `aligned` is whether receivers tie our mail to it (DMARC)."""

    dkim: Part
    mail_from: Part
    spf: Part
    dmarc: Part
    aligned: Part
    checked_at: datetime | None

    @property
    def ok(self) -> bool:
        """Whether everything that bulk senders need is right: signed, aligned, with a policy."""
        return self.dkim.ok and self.dmarc.ok and self.aligned.ok


def domains_of(tenant: Tenant) -> QuerySet[SenderIdentity]:
    """The tenant's domains of all its SES accounts, by name, their records fetched with them."""
    domains = SenderIdentity.objects.for_tenant(tenant).exclude(name__contains="@")
    return domains.select_related("ses_account").prefetch_related("records").order_by("name", "id")


def domain_state(identity: SenderIdentity) -> DomainState:
    """The state of a domain as the database has it; nothing is looked up."""
    records = list(identity.records.all())
    dkim = _part(records, Purpose.DKIM, "AWS has not named its DKIM records yet.")
    mail_from = _part(records, Purpose.MAIL_FROM, "")
    spf = _part(records, Purpose.SPF, "")
    if not identity.mail_from_domain:
        none = "Bounces go to a name of Amazon's: no MAIL FROM name of your own is set."
        mail_from = spf = Part(RecordState.MISSING, none)
    return DomainState(
        dkim=dkim,
        mail_from=mail_from,
        spf=spf,
        dmarc=_part(records, Purpose.DMARC, "Not looked up yet."),
        aligned=_aligned(dkim, mail_from, spf),
        checked_at=identity.dns_checked_at,
    )


def _part(records: Iterable[DomainRecord], purpose: Purpose, otherwise: str) -> Part:
    of_it = [record for record in records if record.purpose == purpose]
    if not of_it:
        return Part(RecordState.UNCHECKED, otherwise or "Not looked up yet.")
    worst = min(of_it, key=lambda record: _WORST_FIRST.index(RecordState(record.state)))
    return Part(RecordState(worst.state), worst.words or worst.get_state_display())


def _aligned(dkim: Part, mail_from: Part, spf: Part) -> Part:
    """One tie is enough for DMARC: the DKIM signature's domain, or that of MAIL FROM."""
    if dkim.ok:
        return Part(RecordState.OK, "The signature names the domain that people see in From.")
    if mail_from.ok and spf.ok:
        return Part(RecordState.OK, "The bounce address belongs to the domain that people see.")
    states = {dkim.state, mail_from.state, spf.state}
    for doubt in (RecordState.UNKNOWN, RecordState.UNCHECKED):
        if doubt in states:
            return Part(doubt, "This cannot be said before DKIM and MAIL FROM are known.")
    return Part(
        RecordState.WRONG, "Nothing ties the mail to the domain in From, so DMARC fails for it."
    )
