"""Alignment (RFC 9989 4.4): what ties a mail to the domain that people see in From."""

from dataclasses import dataclass

from sending.dns.dmarc import Dmarc


@dataclass(frozen=True)
class Tie:
    """One of the two ties; `counts` once its own records are right."""

    title: str
    counts: bool
    words: str


def ties(domain: str, mail_from: str, record: Dmarc | None) -> tuple[Tie, Tie]:
    """The signature's and the bounce address's, for mail From any address at the domain.

    SES signs as the identity, and a MAIL FROM domain lies below it: both are of one organization.
    """
    return _signature(domain, record), _bounces(domain, mail_from, record)


def _signature(domain: str, record: Dmarc | None) -> Tie:
    below = f"news.{domain}"
    more = (
        f"Mail from a name below, such as {below}, would not match, for your DMARC record asks for "
        "exactly the same name (adkim=s): add such a name as a domain of its own."
        if record and record.adkim == "s"
        else f"Mail from a name below, such as {below}, matches too."
    )
    return Tie("Signature (DKIM)", True, f"Signed as {domain}, as in From: they match. {more}")


def _bounces(domain: str, mail_from: str, record: Dmarc | None) -> Tie:
    title = "Bounce address (MAIL FROM)"
    if not mail_from:
        words = "It is at a name of Amazon's, which is not yours. The signature alone is enough."
        return Tie(title, False, words)
    if record and record.aspf == "s":
        words = (
            f"{mail_from} is not exactly {domain}, and your DMARC record asks for that (aspf=s). "
            "The signature alone is enough."
        )
        return Tie(title, False, words)
    return Tie(title, True, f"{mail_from} lies below {domain}, as in From: they match.")
