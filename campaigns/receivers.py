"""What the apps below ask of campaigns, and tell them."""

from typing import Any

from django.dispatch import receiver
from django.urls import reverse

from campaigns import alerts
from campaigns.models import AlertKind, Campaign, CampaignStatus
from campaigns.selectors.timeline import timeline_of
from campaigns.selectors.usage import campaigns_that_print
from lists.models import Contact, ContactField, List
from lists.signals import Use, contact_timeline, deletion_asked, list_used_by
from sending.models import Batch, BatchState
from sending.signals import paused_by_limit


@receiver(contact_timeline)
def add_mails(contact: Contact, **_: Any) -> list[dict[str, Any]]:
    """The mails that the contact was sent."""
    return timeline_of(contact)


@receiver(deletion_asked, sender=ContactField)
def name_campaigns_that_print(thing: ContactField, **_: Any) -> list[str]:
    """The campaigns that print the field."""
    return [f"The campaign {name} prints it." for name in campaigns_that_print(thing)]


@receiver(paused_by_limit)
def tell_members(batch: Batch, reason: str, **_: Any) -> None:
    """A mail to the members, unless the batch is no campaign's."""
    campaign = Campaign.unscoped.filter(batch=batch).first()
    if campaign is not None:
        alerts.note(campaign=campaign, kind=AlertKind.LIMIT, reason=reason)


@receiver(list_used_by)
def name_campaigns(list_: List, **_: Any) -> list[Use]:
    """Campaigns to the list that have not ended; it cannot go while one is planned or leaves."""
    open_ = Campaign.objects.for_tenant(list_.tenant).filter(lists=list_).select_related("batch")
    return [
        Use(
            "Campaign",
            one.name,
            reverse("campaigns:report", args=[list_.tenant.slug, one.public_id]),
            blocks=one.status in (CampaignStatus.SCHEDULED, CampaignStatus.LAUNCHED),
        )
        for one in open_.order_by("name")
        if one.batch is None or one.batch.state not in (BatchState.DONE, BatchState.CANCELLED)
    ]
