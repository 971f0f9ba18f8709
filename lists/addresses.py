"""Email addresses: which are accepted, and what makes two of them the same person."""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailSyntaxError, validate_email

from lists.errors import InvalidAddress

# The plain address that most are, in lower case: accepted without email-validator, which takes
# 25 us an address, and would accept it and change nothing. Punycode, reserved top-level domains
# and all that is refused go the long way. Lengths: RFC 5321 4.5.3.1 (local part 64, address 254),
# RFC 1035 2.3.1 (label 63).
_ATOM = r"[a-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_PLAIN_LOCAL = re.compile(rf"(?=.{{1,64}}\Z){_ATOM}(?:\.{_ATOM})*").fullmatch
_PLAIN_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.)+(?!(?:arpa|invalid|local|localhost|onion|test)\Z)"
    r"(?!..--)(?:[a-z0-9][a-z0-9\-]{0,61})?[a-z]"
).fullmatch


@lru_cache(maxsize=20_000)
def is_plain_domain(domain: str) -> bool:
    """Whether a domain in lower case is accepted as it is."""
    return _PLAIN_DOMAIN(domain) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """`email` as typed (an international domain in ASCII, as SES needs it); `email_norm` is who."""

    email: str
    email_norm: str


def normalise(address: str) -> Address:
    """The address, ready to be stored. Raises InvalidAddress with the reason in words.

    Accepts what can be mailed through SES: an ASCII local part and a domain that has a top level;
    an international domain becomes Punycode. Nothing else is ever altered.
    """
    email, email_norm = normalise_pair(address)
    return Address(email, email_norm)


def normalise_pair(address: str) -> tuple[str, str]:
    """As normalise(), as a plain (email, email_norm) for the loops of an import."""
    address = address.strip()
    if address.isascii() and len(address) <= 254:
        email_norm = address.lower()
        local, _, domain = email_norm.partition("@")
        if _PLAIN_LOCAL(local) and is_plain_domain(domain):
            return address, email_norm
    return _normalise_thoroughly(address)


def _normalise_thoroughly(address: str) -> tuple[str, str]:
    if not address:
        raise InvalidAddress("There is no address.")
    local, at, _ = address.rpartition("@")
    if at and not local.isascii():
        strange = ", ".join(sorted({repr(c) for c in local if not c.isascii()}))
        raise InvalidAddress(
            f"Before the @ there is {strange}; Amazon SES can mail plain letters only. "
            "Ask the person for another address."
        )
    try:
        valid = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailSyntaxError as error:
        raise InvalidAddress(str(error)) from error
    ascii_email = f"{local}@{valid.ascii_domain}"
    return address if address.isascii() else ascii_email, ascii_email.lower()
