"""What the home page says: the way to the first campaign, and what needs a person now."""

from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from campaigns.models import Campaign, CampaignStatus
from campaigns.selectors.campaigns import campaigns_of
from lists.models import Contact
from reputation.selectors.rates import Level, high_rates
from sending.models import BatchState, SenderIdentity, SesAccount, SesState
from sending.selectors.accounts import Quota, accounts_of, feedback_ready, parked_words
from sending.selectors.feedback import HealthState, feedback_health
from tenants.models import Tenant
from webhooks.selectors.feedback import newest, still_on_lists


@dataclass(frozen=True)
class Step:
    """A step of the checklist; state as in the `step` tag, error in AWS's own words."""

    title: str
    text: str
    action: str
    url: str
    done: bool
    error: str = ""
    state: str = "todo"


@dataclass(frozen=True)
class Concern:
    """Something that a person should look at."""

    text: str
    url: str
    tone: str = "warning"


def checklist(tenant: Tenant) -> list[Step]:
    """The six steps from an empty workspace to the first campaign; one of them is `current`."""
    accounts = list(accounts_of(tenant))
    connected = [account for account in accounts if account.state == SesState.CONNECTED]
    verified = SenderIdentity.objects.for_tenant(tenant).filter(verified=True)
    launched = Campaign.objects.for_tenant(tenant).filter(status=CampaignStatus.LAUNCHED)
    sending = reverse("sending:index", args=[tenant.slug])
    steps = [
        Step(
            "Connect your Amazon SES account",
            "Mail leaves through it, under your own name and at AWS's price.",
            "Connect Amazon SES",
            sending,
            done=bool(connected),
            error=next((a.last_error for a in accounts if a.state == SesState.FAILED), ""),
        ),
        Step(
            "Let bounces and complaints come back",
            "AWS tells Bluefox of each; the address is suppressed at once.",
            "Set up feedback",
            sending,
            done=any(map(feedback_ready, connected)),
            error=next((a.feedback_error for a in connected if a.feedback_error), ""),
        ),
        Step(
            "Verify the domain you write from",
            "A few DNS records prove that the domain is yours and let SES sign your mail.",
            "Open your domains",
            reverse("domains:index", args=[tenant.slug]),
            done=verified.exists(),
        ),
        Step(
            "Get production access",
            "Until then AWS delivers to verified addresses only. Readiness shows what AWS asks for "
            "and how you stand, and writes the request.",
            "Open Readiness",
            reverse("readiness:index", args=[tenant.slug]),
            done=any(account.production_access for account in connected),
        ),
        Step(
            "Bring your contacts",
            "Import a CSV file. Whoever unsubscribed or bounced stays out.",
            "Import contacts",
            reverse("lists:contacts", args=[tenant.slug]),
            done=Contact.objects.for_tenant(tenant).exists(),
        ),
        Step(
            "Send your first campaign",
            "Write it, send yourself a test, then send it to a list.",
            "Write a campaign",
            reverse("campaigns:index", args=[tenant.slug]),
            done=launched.exists(),
        ),
    ]
    return _with_states(steps)


def _with_states(steps: list[Step]) -> list[Step]:
    first_open = next((step for step in steps if not step.done), None)

    def state(step: Step) -> str:
        if step.done:
            return "done"
        if step.error:
            return "failed"
        return "current" if step is first_open else "todo"

    return [
        Step(s.title, s.text, s.action, s.url, s.done, "" if s.done else s.error, state(s))
        for s in steps
    ]


def running_campaigns(tenant: Tenant) -> list[Campaign]:
    """Campaigns that are under way or held up, the newest five."""
    under_way = (BatchState.PREPARING, BatchState.RUNNING, BatchState.PAUSED)
    return list(campaigns_of(tenant).filter(batch__state__in=under_way).order_by("-batch_id")[:5])


def planned_campaigns(tenant: Tenant) -> list[Campaign]:
    """Campaigns that leave by themselves, the next five."""
    planned = campaigns_of(tenant).filter(status=CampaignStatus.SCHEDULED)
    return list(planned.order_by("scheduled_at")[:5])


def quotas(tenant: Tenant) -> list[Quota]:
    """What AWS allows each connected account, as last read."""
    return [Quota.of(one) for one in accounts_of(tenant).filter(state=SesState.CONNECTED)]


def concerns(tenant: Tenant) -> list[Concern]:
    """What needs attention, the worst first. What the checklist shows is not said again."""
    found = [concern for account in accounts_of(tenant) for concern in _of_account(account)]
    found += _of_rates(tenant)
    found += _of_feedback(tenant)
    found += _of_campaigns(tenant)
    if not tenant.postal_address:
        found.append(
            Concern(
                "Your postal address is missing. The law of many countries wants it in every "
                "campaign.",
                reverse("tenants:settings", args=[tenant.slug]),
            )
        )
    return sorted(found, key=lambda concern: concern.tone != "error")


def _of_rates(tenant: Tenant) -> list[Concern]:
    """Accounts over half of where AWS begins a review."""
    url = reverse("reputation:index", args=[tenant.slug])
    return [
        Concern(
            f"{100 * high.rate.share:.2g} % of the mails through {high.account.name} "
            f"{high.what} in the last {'24 hours' if high.days == 1 else f'{high.days} days'}. "
            f"AWS reviews an account from {100 * high.rate.lines.review:g} % on.",
            f"{url}?account={high.account.public_id}",
            "warning" if high.rate.level == Level.NEAR else "error",
        )
        for high in high_rates(tenant)
    ]


def _of_feedback(tenant: Tenant) -> list[Concern]:
    """Who came back of late, unless they were taken off the lists."""
    left = len(still_on_lists(tenant, newest(tenant)))
    if not left:
        return []
    contacts = "contact" if left == 1 else "contacts"
    text = (
        f"{left:,} {contacts} bounced or complained of late: suppressed, and still on your lists."
    )
    return [Concern(text, reverse("webhooks:index", args=[tenant.slug]))]


def _of_campaigns(tenant: Tenant) -> list[Concern]:
    """Campaigns that did not leave at their time."""
    waiting = campaigns_of(tenant).filter(
        Q(status=CampaignStatus.MISSED) | Q(status=CampaignStatus.DRAFT) & ~Q(held_reason="")
    )
    return [
        Concern(
            f"“{campaign.name}” has missed its time and was not sent."
            if campaign.status == CampaignStatus.MISSED
            else f"“{campaign.name}” was not ready at its time: {campaign.held_reason}",
            reverse("campaigns:report", args=[tenant.slug, campaign.public_id]),
            "error",
        )
        for campaign in waiting[:5]
    ]


def _of_account(account: SesAccount) -> list[Concern]:
    url = reverse("sending:index", args=[account.tenant.slug])
    if account.state == SesState.FAILED:
        return [Concern(f"AWS refuses {account.name}: {account.last_error}", url, "error")]
    if account.state != SesState.CONNECTED:
        return []
    found = []
    if not account.sending_enabled or account.enforcement_status == "SHUTDOWN":
        found.append(Concern(f"AWS has paused sending for {account.name}.", url, "error"))
    elif account.enforcement_status == "PROBATION":
        text = f"AWS has {account.name} under review. Look at your bounces and complaints."
        found.append(Concern(text, url))
    health = feedback_health(account)
    if health.state == HealthState.STOPPED:
        found.append(Concern(f"{account.name}: {health.words}", url, "error"))
    if account.parked_reason:
        waits = "Campaigns" if account.parked_lane else "All mail"
        found.append(
            Concern(f"{waits} through {account.name} must wait: {parked_words(account)}", url)
        )
    if not account.production_access:
        text = f"{account.name} is in the sandbox: AWS lets it write to verified addresses only."
        readiness = reverse("readiness:index", args=[account.tenant.slug])
        found.append(Concern(text, f"{readiness}?account={account.public_id}"))
    return found
