"""Looks up the records of a domain and says how each stands."""

from collections.abc import Callable, Iterable

from sending.dns.lookups import Lookups
from sending.dns.ses_records import check_dkim, check_mx
from sending.dns.spf import check_spf
from sending.dns.treewalk import check_dmarc
from sending.dns.verdicts import Verdict, Wanted
from sending.models import Purpose

_CHECKS: dict[Purpose, Callable[[Wanted, Lookups], Verdict]] = {
    Purpose.DKIM: check_dkim,
    Purpose.MAIL_FROM: check_mx,
    Purpose.SPF: check_spf,
    Purpose.DMARC: check_dmarc,
}


def check_all(wanted: Iterable[Wanted], lookups: Lookups) -> list[tuple[Wanted, Verdict]]:
    """Each record with its verdict. Takes 20 seconds at most and raises nothing."""
    return [(record, _CHECKS[record.purpose](record, lookups)) for record in wanted]
