"""What the apps below ask of campaigns, and tell them."""

from typing import Any

from django.db.models import Q, QuerySet
from django.dispatch import receiver
from django.urls import reverse

from campaigns import alerts
from campaigns.models import AlertKind, Campaign, CampaignStatus
from campaigns.selectors.history import History
from campaigns.selectors.timeline import timeline_of
from campaigns.selectors.usage import campaigns_that_print
from lists.models import Contact, ContactField, List, Segment
from lists.segments import mail
from lists.signals import (
    Use,
    contact_timeline,
    deletion_asked,
    used_by,
)
from sending.models import Batch, BatchState
from sending.signals import paused_by_limit
from tenants.models import Tenant


@receiver(contact_timeline)
def add_mails(contact: Contact, **_: Any) -> list[dict[str, Any]]:
    """The mails that the contact was sent."""
    return timeline_of(contact)


@receiver(deletion_asked, sender=ContactField)
def name_campaigns_that_print(thing: ContactField, **_: Any) -> list[str]:
    """The campaigns that print the field."""
    return [f"The campaign {name} prints it." for name in campaigns_that_print(thing)]


def answer_segments() -> None:
    """Tells lists who knows what campaigns came to."""
    mail.register(History())


@receiver(paused_by_limit)
def tell_members(batch: Batch, reason: str, **_: Any) -> None:
    """A mail to the members, unless the batch is no campaign's."""
    campaign = Campaign.unscoped.filter(batch=batch).first()
    if campaign is not None:
        alerts.note(campaign=campaign, kind=AlertKind.LIMIT, reason=reason)


@receiver(used_by, sender=List)
def name_campaigns(thing: List, **_: Any) -> list[Use]:
    """Campaigns to the list that have not ended; it cannot go while one is planned or leaves."""
    return [
        _use(one, blocks=one.status in (CampaignStatus.SCHEDULED, CampaignStatus.LAUNCHED))
        for one in _naming(thing.tenant, Q(lists=thing) | Q(excluded_lists=thing))
        if one.batch is None or one.batch.state not in (BatchState.DONE, BatchState.CANCELLED)
    ]


@receiver(used_by, sender=Segment)
def name_campaigns_of_segment(thing: Segment, **_: Any) -> list[Use]:
    """Campaigns that name the segment. It cannot go before they leave, or who is excluded by it
    would be mailed; one that has left keeps the conditions that it had.
    """
    naming = Q(segments=thing) | Q(excluded_segments=thing)
    return [
        _use(one, blocks=one.status != CampaignStatus.LAUNCHED)
        for one in _naming(thing.tenant, naming)
    ]


def _naming(tenant: Tenant, naming: Q) -> QuerySet[Campaign]:
    found: QuerySet[Campaign] = Campaign.objects.for_tenant(tenant).filter(naming)
    return found.select_related("batch", "tenant").order_by("name").distinct()


def _use(one: Campaign, *, blocks: bool) -> Use:
    address = reverse("campaigns:report", args=[one.tenant.slug, one.public_id])
    return Use("Campaign", one.name, address, blocks=blocks)
