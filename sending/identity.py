"""One domain or address as SES has it, and which of them an address is sent by."""

from typing import Any

from django.utils import timezone

from sending.ses.api import SesApi


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
