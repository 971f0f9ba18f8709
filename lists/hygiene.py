"""Addresses that are no person's: of an office, of those who take complaints, thrown away."""

import re
from enum import IntEnum
from functools import lru_cache

from disposable_email_domains import blocklist

from lists.addresses import is_plain_domain

# RFC 2142 and what offices call themselves besides. More people than one read these, and none of
# them has agreed to anything for the others.
ROLES = frozenset(
    """
    accounting accounts admin administrator all billing bookings bounce bounces careers ceo company
    compliance contact contactus customercare customerservice customersupport devnull dns donotreply
    do-not-reply editor enquiries enquiry everybody everyone feedback finance ftp gdpr hello help
    helpdesk hostmaster hr info information inquiries inquiry investorrelations it jobs legal list
    list-request mail mailer-daemon marketing media news newsletter nobody noc no-reply noreply
    null office operations orders press privacy recruiting registrar remove reception root sales
    security service services staff subscribe support sysadmin tech team test undisclosed-recipients
    unsubscribe usenet users uucp webmaster welcome www
    """.split()
)
# Whoever reads these reports spam; a mail to them is a complaint made by hand.
REFUSED = frozenset(
    "abuse antispam fbl nospam no-spam postmaster report-spam spam spamtrap".split()
)


class Hygiene(IntEnum):
    PERSON = 0
    ROLE = 1
    DISPOSABLE = 2
    REFUSED = 3


_BY_NAME = dict.fromkeys(ROLES, Hygiene.ROLE) | dict.fromkeys(REFUSED, Hygiene.REFUSED)


def hygiene_of(email_norm: str) -> Hygiene:
    """Whose an address is, as addresses.normalise() gives it; `info+x` is `info`."""
    local, _, domain = email_norm.rpartition("@")
    if "+" in local:
        local = local.partition("+")[0]
    return max(_BY_NAME[local], _of_domain(domain)) if local in _BY_NAME else _of_domain(domain)


@lru_cache(maxsize=20_000)
def _of_domain(domain: str) -> Hygiene:
    """Whether a domain, or one above it, is one for mail that is thrown away."""
    while "." in domain:
        if domain in blocklist:
            return Hygiene.DISPOSABLE
        domain = domain.partition(".")[2]
    return Hygiene.PERSON


# Part of what addresses.normalise() takes as it is, without a + behind which a role could stand.
_PLAIN_LOCAL = re.compile(r"[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*").fullmatch


def plain_person(address: str) -> str:
    """The email_norm of an address whose looks tell that addresses.normalise_pair() changes nothing
    but its case and that hygiene_of() finds a person; "" for any other, about which both have to be
    asked.

    Nearly all of a million are plain, and this takes a fifth of the time.
    """
    email_norm = address.lower()
    local, _, domain = email_norm.partition("@")
    # Some letters outside ASCII are letters of ASCII in lower case, so the address itself is asked.
    if _is_persons_domain(domain) and len(local) <= 64 and _PLAIN_LOCAL(local):
        return "" if local in _BY_NAME or not address.isascii() else email_norm
    return ""


@lru_cache(maxsize=20_000)
def _is_persons_domain(domain: str) -> bool:
    # The longest address has 254 characters.
    short = len(domain) <= 254 - 64 - len("@")
    return short and is_plain_domain(domain) and _of_domain(domain) is Hygiene.PERSON
