"""What a lookup can bring: a record that is not there is another thing than a silent server."""

from dataclasses import dataclass
from enum import StrEnum

import dns.rdata
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT


class Status(StrEnum):
    FOUND = "found"
    NO_NAME = "no_name"  # NXDOMAIN: nothing of any type is there
    NO_TYPE = "no_type"  # the name is there, a record of this type is not
    LOOP = "loop"  # aliases (CNAME) lead in a circle, or on and on
    FAILED = "failed"  # SERVFAIL, REFUSED, rubbish; View.why says which
    TIMEOUT = "timeout"

    @property
    def is_known(self) -> bool:
        """Whether the zone has spoken. If not, nothing can be said of its records."""
        return self not in (Status.FAILED, Status.TIMEOUT)


@dataclass(frozen=True)
class View:
    """One answer: the values in order, names in lower case without a last dot."""

    status: Status
    values: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """What the servers of a zone say, each different view once; never empty.

    Views that know nothing are left out where another server knows.
    """

    views: tuple[View, ...]

    @classmethod
    def of(cls, views: list[View]) -> "Answer":
        known = [view for view in views if view.status.is_known]
        return cls(tuple(dict.fromkeys(known or views)))


def text_of(rdata: dns.rdata.Rdata) -> str:
    """A record's value as it is compared and shown.

    TXT is joined as RFC 7208 3.3 and RFC 9989 want it; a byte that is no printable ASCII is
    written \\DDD (RFC 1035 5.1), so that no control character gets any further.
    """
    if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT):
        joined = b"".join(rdata.strings)
        return "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03d}" for byte in joined)
    if isinstance(rdata, dns.rdtypes.ANY.MX.MX):
        return f"{rdata.preference} {bare(str(rdata.exchange))}"
    return bare(rdata.to_text())


def bare(name: str) -> str:
    """A name in lower case without its last dot; the root stays a dot."""
    return name.rstrip(".").lower() or "."
