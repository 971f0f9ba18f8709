"""What the campaign pages show."""

from django.db.models import Q, QuerySet

from campaigns.models import Campaign
from sending.models import Message, Outcome, Status
from tenants.models import Tenant

_STATUSES = {
    Status.QUEUED: "queued",
    Status.SENDING: "sending",
    Status.SENT: "sent",
    Status.UNKNOWN: "unknown",
    Status.SKIPPED: "skipped",
    Status.FAILED: "failed",
}
_OUTCOMES = {
    Outcome.DELAYED: "delayed",
    Outcome.SOFT_BOUNCED: "soft_bounced",
    Outcome.DELIVERED: "delivered",
    Outcome.REJECTED: "rejected",
    Outcome.HARD_BOUNCED: "bounced",
    Outcome.COMPLAINED: "complained",
}
LATEST_WORDS = [*_STATUSES.values(), *_OUTCOMES.values()]

# What a recipient's row is filed under, in the words of the report.
FILED_AS: dict[str, tuple[str, Q]] = {
    "waiting": ("Waiting", Q(status__in=[Status.QUEUED, Status.SENDING])),
    "sent": ("Sent, no news yet", Q(status=Status.SENT, outcome=Outcome.NONE)),
    "delivered": ("Delivered", Q(outcome=Outcome.DELIVERED)),
    "delayed": ("Delayed", Q(outcome=Outcome.DELAYED)),
    "soft_bounced": ("Soft bounce", Q(outcome=Outcome.SOFT_BOUNCED)),
    "bounced": ("Hard bounce", Q(outcome=Outcome.HARD_BOUNCED)),
    "complained": ("Complaint", Q(outcome=Outcome.COMPLAINED)),
    "rejected": ("Rejected by SES", Q(outcome=Outcome.REJECTED)),
    "skipped": ("Skipped", Q(status=Status.SKIPPED)),
    "failed": ("Failed", Q(status=Status.FAILED)),
    "unknown": ("Unknown", Q(status=Status.UNKNOWN)),
}


def campaigns_of(tenant: Tenant, *, search: str = "") -> QuerySet[Campaign]:
    """The tenant's campaigns, newest first; `search` is part of a name or subject."""
    found = Campaign.objects.for_tenant(tenant).select_related("batch__ses_account", "tenant")
    found = found.order_by("-id")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(subject__icontains=search))
    return found


def latest_word(message: Message) -> str:
    """The latest that is known of a message, as one of LATEST_WORDS."""
    return _OUTCOMES.get(Outcome(message.outcome)) or _STATUSES[Status(message.status)]


def filed_as(message: Message) -> str:
    """The word under which the report files a message: a key of FILED_AS."""
    word = latest_word(message)
    return "waiting" if word in ("queued", "sending") else word


def recipients(campaign: Campaign, *, filed: str = "", search: str = "") -> QuerySet[Message]:
    """The campaign's messages, filed under a key of FILED_AS, with part of an address."""
    rows = Message.objects.for_tenant(campaign.tenant).filter(batch=campaign.batch)
    rows = rows.select_related("contact")
    if filed in FILED_AS:
        rows = rows.filter(FILED_AS[filed][1])
    if search:
        rows = rows.filter(email__icontains=search)
    return rows
