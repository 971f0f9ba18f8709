"""One domain or address as SES has it, and which of them an address is sent by."""

import re
from typing import Any

from django.utils import timezone

from sending.dns.names import ascii_name
from sending.errors import IdentityRefused
from sending.ses.api import SesApi

# A domain of two or more labels, or an address at one; SES itself has the last word.
_IDENTITY = re.compile(
    r"(?:[^\s@]{1,64}@)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]",
    re.IGNORECASE,
)


def identity_name(given: str) -> str:
    """A domain or address in lower case, an international domain in ASCII.

    Raises IdentityRefused.
    """
    local, at, domain = given.rpartition("@")
    try:
        name = f"{local}{at}{ascii_name(domain)}"
    except ValueError:
        name = ""
    if not _IDENTITY.fullmatch(name):
        raise IdentityRefused(
            "Write a domain such as example.com, or an address such as news@example.com."
        )
    return name.lower()


def domain_name(given: str) -> str:
    """The same for a domain alone. Raises IdentityRefused."""
    name = identity_name(given)
    if "@" in name:
        raise IdentityRefused("Write the domain alone, the part after the @.")
    return name


def mail_from_name(given: str, *, domain: str) -> str:
    """The same for a name that bounces go to, below the domain. Raises IdentityRefused."""
    try:
        name = identity_name(given)
    except IdentityRefused as error:
        raise IdentityRefused(error.message, param="mail_from") from error
    if not name.endswith(f".{domain}"):
        raise IdentityRefused(f"This must be a name below {domain}.", param="mail_from")
    return name


def names_of(address: str) -> list[str]:
    """The identities that let an address send: its domain, those above it, then itself.

    SES lets a verified domain send from its subdomains ("Creating and verifying identities in
    Amazon SES").
    """
    labels = address.lower().rpartition("@")[2].split(".")
    return [*(".".join(labels[n:]) for n in range(len(labels) - 1)), address.lower()]


def identity_columns(api: SesApi, name: str) -> dict[str, Any]:
    """The columns of SenderIdentity that GetEmailIdentity fills. Raises SesError."""
    answer = api.get_identity(name)
    dkim, mail_from = answer.get("DkimAttributes", {}), answer.get("MailFromAttributes", {})
    verified = answer.get("VerifiedForSendingStatus", False)
    return {
        "verified": verified,
        **({"paused_reason": ""} if verified else {}),
        "dkim_status": dkim.get("Status", ""),
        "dkim_tokens": dkim.get("Tokens", []),
        "dkim_origin": dkim.get("SigningAttributesOrigin", ""),
        "signing_hosted_zone": dkim.get("SigningHostedZone", ""),
        "mail_from_domain": mail_from.get("MailFromDomain", ""),
        "mail_from_status": mail_from.get("MailFromDomainStatus", ""),
        "checked_at": timezone.now(),
    }
