"""What SES finds when it looks for the records of an identity, in the simulator's own zones."""

import hashlib

from simulator.accounts import Account, Identity
from simulator.zones import Record, Zones, plain


def records_of(identity: Identity, region: str) -> list[Record]:
    """Return the records that SES wants of a domain, and a DMARC record to begin with."""
    zone = signing_zone(region)
    name = identity.name
    records = [
        Record(f"{token}._domainkey.{name}", "CNAME", f"{token}.{zone}.")
        for token in identity.dkim_tokens
    ]
    if identity.mail_from_domain:
        records += [
            Record(identity.mail_from_domain, "MX", f"10 {bounce_host(region)}."),
            Record(identity.mail_from_domain, "TXT", '"v=spf1 include:amazonses.com ~all"'),
        ]
    return [*records, Record(f"_dmarc.{name}", "TXT", '"v=DMARC1; p=none"')]


def signing_zone(region: str) -> str:
    """Return where DKIM keys are kept. The zone differs by region, as it does at AWS."""
    return f"{hashlib.sha256(region.encode()).hexdigest()[:4]}.dkim.{region}.amazonses.com"


def bounce_host(region: str) -> str:
    """Return where the MX record of a MAIL FROM domain points."""
    return f"feedback-smtp.{region}.amazonses.com"


def look(account: Account, zones: Zones) -> None:
    """Verify what waits and has its records; nothing unless the account says so.

    DKIM wants its three aliases, a MAIL FROM domain exactly one MX record: all that SES reads.
    """
    if not account.verify_by_dns:
        return
    for region in account.regions.values():
        for identity in region.identities.values():
            if not identity.is_domain:
                continue
            if identity.status == "PENDING" and _has_dkim(identity, region.name, zones):
                identity.status = "SUCCESS"
            if identity.mail_from_status == "PENDING" and _has_mx(identity, region.name, zones):
                identity.mail_from_status = "SUCCESS"


def _has_dkim(identity: Identity, region: str, zones: Zones) -> bool:
    zone = signing_zone(region)
    return bool(identity.dkim_tokens) and all(
        [plain(value) for value in zones.values(f"{token}._domainkey.{identity.name}", "CNAME")]
        == [f"{token}.{zone}"]
        for token in identity.dkim_tokens
    )


def _has_mx(identity: Identity, region: str, zones: Zones) -> bool:
    found = zones.values(identity.mail_from_domain, "MX")
    return len(found) == 1 and plain(found[0].partition(" ")[2]) == bounce_host(region)
