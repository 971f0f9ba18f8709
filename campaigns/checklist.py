"""Is a campaign ready? Everything that is asked before it may be sent, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.models import Campaign
from campaigns.selectors.audience import audience_of
from campaigns.selectors.senders import account_for
from lists.selectors.fields import field_names
from lists.selectors.reach import Audience, Headcount, headcount
from sending.content import Content, Finding, check_content
from sending.models import SesAccount

PREHEADER = (
    '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{text}&#8199;&#847;</div>'
)


@dataclass(frozen=True)
class Checklist:
    """What is wrong or worth knowing, how many would get the mail, and how long it would take.

    `left_out`: how many of the audience would not, and why.
    """

    findings: list[Finding]
    recipients: int
    left_out: list[tuple[int, str]]
    account: SesAccount | None

    @property
    def ready(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)

    @property
    def seconds(self) -> float | None:
        """How long the campaign takes at the rate that AWS allows; None when unknown."""
        if self.account is None or self.account.max_send_rate <= 0:
            return None
        return self.recipients / self.account.max_send_rate


def checklist(campaign: Campaign) -> Checklist:
    """Every question that a campaign must answer, errors first."""
    audience = audience_of(campaign)
    head = headcount(tenant=campaign.tenant, audience=audience)
    account = account_for(campaign.tenant, campaign.from_email) if campaign.from_email else None
    found = [
        *_sender(campaign, account),
        *_audience(campaign, audience, head, account),
        *check_content(
            content_of(campaign),
            fields=field_names(campaign.tenant),
            postal_address=campaign.tenant.postal_address,
            unsubscribable=True,
        ),
    ]
    found.sort(key=lambda finding: ("error", "warning", "info").index(finding.level))
    return Checklist(found, head.recipients, head.reasons, account)


def content_of(campaign: Campaign) -> Content:
    """The campaign's content with its preheader in place."""
    html = campaign.html
    if campaign.preheader and html:
        hidden = PREHEADER.format(text=campaign.preheader)
        body = html.lower().find("<body")
        start = html.find(">", body) + 1 if body >= 0 else 0
        html = html[:start] + hidden + html[start:]
    return Content(campaign.subject, html)


def _sender(campaign: Campaign, account: SesAccount | None) -> Iterator[Finding]:
    if not campaign.from_email:
        yield Finding("error", "Nobody is named as sender. Choose a From address.", "from_email")
    elif account is None:
        yield Finding(
            "error",
            f"No connected SES account may send from {campaign.from_email}. Verify its domain "
            "under Sending, or choose another From address.",
            "from_email",
        )
    elif not account.sending_enabled:
        yield Finding(
            "error", "AWS has paused sending for this account. See Sending.", "from_email"
        )
    elif not account.production_access:
        yield Finding(
            "warning",
            "Your SES account is in the sandbox: only verified addresses get mail.",
            "from_email",
        )


def _audience(
    campaign: Campaign, audience: Audience, head: Headcount, account: SesAccount | None
) -> Iterator[Finding]:
    if campaign.leave_out_unengaged and audience.unengaged_days is None:
        yield Finding(
            "warning",
            "Unengaged contacts are not left out: the workspace does not say after how many days "
            "somebody is. See Limits in Settings.",
            "leave_out_unengaged",
        )
    if head.broken:
        yield Finding(
            "error",
            f"A segment cannot be answered any more: {head.broken[0].why} Mend it under Segments.",
            "segments",
        )
    elif not audience.lists and not audience.segments:
        yield Finding("error", "No list or segment is chosen, so nobody would get it.", "lists")
    elif not head.recipients:
        yield Finding("error", _nobody(head), "lists")
    elif account is not None and 0 <= account.max_24_hour_send < head.recipients:
        days = int(-(-head.recipients // max(account.max_24_hour_send, 1)))
        yield Finding(
            "warning",
            f"AWS allows {account.max_24_hour_send:,.0f} mails in 24 hours, so this campaign "
            f"takes about {days} days. It waits and goes on by itself.",
            "lists",
        )


def _nobody(head: Headcount) -> str:
    if not head.reasons:
        return "Nobody on the chosen lists may be mailed: no active member."
    why = "; ".join(f"{count:,} {reason}" for count, reason in head.reasons)
    return f"Nobody of the audience may be mailed: {why}."
