"""Reads of a tenant's domains: the records that each should have, and how they stand."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from lists.tokens import Kind, make, read
from sending.dns.alignment import Tie, ties
from sending.dns.dmarc import FIRST_RECORD, Advice, advise, explain, parse
from sending.dns.spf import AMAZON
from sending.dns.verdicts import Wanted
from sending.models import DomainRecord, Purpose, RecordState, SenderIdentity
from tenants.models import Tenant

# What is expected where the tenant signs with a key of its own, which AWS does not tell.
OWN_KEY = "p=(your public key)"

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


def domain_of(tenant: Tenant, public_id: UUID) -> SenderIdentity:
    """One domain. Raises SenderIdentity.DoesNotExist for an address, and for another tenant's."""
    found: SenderIdentity = domains_of(tenant).get(public_id=public_id)
    return found


def domain_of_link(token: str, now: datetime) -> SenderIdentity | None:
    """The domain whose page a link opens; None once it has ended. Raises BadToken."""
    identity_id, number = read(Kind.DNS, token)
    open_still = SenderIdentity.unscoped.filter(dns_link=number, dns_link_until__gt=now)
    rows = open_still.select_related("ses_account", "tenant").prefetch_related("records")
    return rows.filter(pk=identity_id).first()


def link_token(identity: SenderIdentity, now: datetime) -> str:
    """The token of the link that is open now, or ""."""
    if identity.dns_link is None or not identity.dns_link_until or identity.dns_link_until <= now:
        return ""
    return make(Kind.DNS, identity.pk, identity.dns_link)


@dataclass(frozen=True)
class Row:
    """A record to publish beside what was found."""

    wanted: Wanted
    state: RecordState
    found: list[str]
    record: DomainRecord | None

    @property
    def priority(self) -> str:
        """Of an MX record: DNS hosts ask for it in a field of its own."""
        return self.wanted.value.partition(" ")[0] if self.wanted.kind == "MX" else ""

    @property
    def value(self) -> str:
        return self.wanted.value.partition(" ")[2] if self.priority else self.wanted.value


def rows_of(identity: SenderIdentity) -> list[Row]:
    """Every wanted record with what the last look found; a change since shows as not looked up."""
    known = {(row.purpose, row.name, row.expected): row for row in identity.records.all()}
    rows = []
    for wanted in wanted_records(identity):
        row = known.get((wanted.purpose, wanted.name, wanted.value))
        rows.append(
            Row(
                wanted=wanted,
                state=RecordState(row.state) if row else RecordState.UNCHECKED,
                found=row.found.split("\n") if row and row.found else [],
                record=row,
            )
        )
    return rows


@dataclass(frozen=True)
class DmarcState:
    """The DMARC record that holds for a domain, explained, and the next step."""

    text: str
    found_at: str
    lines: list[tuple[str, str]]
    advice: Advice


def dmarc_of(identity: SenderIdentity, state: DomainState) -> DmarcState | None:
    """What DMARC does for a domain as last looked up; None while nothing is known."""
    row = _dmarc_row(identity)
    if row is None or row.state in (RecordState.UNKNOWN, RecordState.UNCHECKED):
        return None
    found_at = row.found_at or row.name
    if row.state == RecordState.WRONG:
        mend = "First put the record right: what is wrong with it stands above."
        return DmarcState("", found_at, [], Advice(mend))
    text = _first(row) if row.state == RecordState.OK else ""
    record = parse(text)
    above = row.found_at.removeprefix("_dmarc.")
    advice = advise(text, identity.name, aligned=state.aligned.ok, inherited=bool(above))
    return DmarcState(
        text=text,
        found_at=found_at,
        lines=explain(record, inherited_from=above) if record else [],
        # A record too long to be kept whole cannot be written anew from what was kept.
        advice=replace(advice, record="") if text.endswith("…") else advice,
    )


def ties_of(identity: SenderIdentity) -> tuple[Tie, Tie]:
    """How the signature and the bounce address match the domain in From."""
    row = _dmarc_row(identity)
    record = parse(_first(row)) if row else None
    return ties(identity.name, identity.mail_from_domain, record)


def _dmarc_row(identity: SenderIdentity) -> DomainRecord | None:
    return next((one for one in identity.records.all() if one.purpose == Purpose.DMARC), None)


def _first(row: DomainRecord) -> str:
    """What was found; during a change, servers may give two records that are both right."""
    return row.found.partition("\n")[0]


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
        aligned=_aligned(dkim, mail_from, spf, bounces_count=ties_of(identity)[1].counts),
        checked_at=identity.dns_checked_at,
    )


def wanted_records(identity: SenderIdentity) -> list[Wanted]:
    """The records that a domain should have, as SES has named them; none for an address."""
    if not identity.is_domain:
        return []
    records = _dkim_records(identity)
    if identity.mail_from_domain:
        bounces = f"feedback-smtp.{identity.ses_account.region}.{AMAZON}"
        records += [
            Wanted(Purpose.MAIL_FROM, "MX", identity.mail_from_domain, f"10 {bounces}"),
            Wanted(Purpose.SPF, "TXT", identity.mail_from_domain, f"v=spf1 include:{AMAZON} ~all"),
        ]
    return [*records, Wanted(Purpose.DMARC, "TXT", f"_dmarc.{identity.name}", FIRST_RECORD)]


def _dkim_records(identity: SenderIdentity) -> list[Wanted]:
    """The zone in the targets is the one SES named: it differs by region and by account."""
    if identity.dkim_origin == "EXTERNAL":
        return [
            Wanted(Purpose.DKIM, "TXT", f"{selector}._domainkey.{identity.name}", OWN_KEY)
            for selector in identity.dkim_tokens
        ]
    return [
        Wanted(
            Purpose.DKIM,
            "CNAME",
            f"{token}._domainkey.{identity.name}",
            f"{token}.{identity.signing_hosted_zone}",
        )
        for token in identity.dkim_tokens
        if identity.signing_hosted_zone
    ]


def _part(records: Iterable[DomainRecord], purpose: Purpose, otherwise: str) -> Part:
    of_it = [record for record in records if record.purpose == purpose]
    if not of_it:
        return Part(RecordState.UNCHECKED, otherwise or "Not looked up yet.")
    worst = min(of_it, key=lambda record: _WORST_FIRST.index(RecordState(record.state)))
    return Part(RecordState(worst.state), worst.words or worst.get_state_display())


def _aligned(dkim: Part, mail_from: Part, spf: Part, *, bounces_count: bool) -> Part:
    """One tie is enough for DMARC: the DKIM signature's domain, or that of MAIL FROM."""
    if dkim.ok:
        return Part(RecordState.OK, "The signature names the domain that people see in From.")
    if mail_from.ok and spf.ok and bounces_count:
        return Part(RecordState.OK, "The bounce address belongs to the domain that people see.")
    states = {dkim.state, mail_from.state, spf.state}
    for doubt in (RecordState.UNKNOWN, RecordState.UNCHECKED):
        if doubt in states:
            return Part(doubt, "This cannot be said before DKIM and MAIL FROM are known.")
    return Part(
        RecordState.WRONG, "Nothing ties the mail to the domain in From, so DMARC fails for it."
    )
