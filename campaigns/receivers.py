"""What the apps below ask of campaigns, and tell them."""

from typing import Any

from django.dispatch import receiver

from campaigns import alerts
from campaigns.models import AlertKind, Campaign
from campaigns.selectors.timeline import timeline_of
from lists.models import Contact
from lists.signals import contact_timeline
from sending.models import Batch
from sending.signals import paused_by_limit


@receiver(contact_timeline)
def add_mails(contact: Contact, **_: Any) -> list[dict[str, Any]]:
    """The mails that the contact was sent."""
    return timeline_of(contact)


@receiver(paused_by_limit)
def tell_members(batch: Batch, reason: str, **_: Any) -> None:
    """A mail to the members, unless the batch is no campaign's."""
    campaign = Campaign.unscoped.filter(batch=batch).first()
    if campaign is not None:
        alerts.note(campaign=campaign, kind=AlertKind.LIMIT, reason=reason)
