"""What the apps below ask of campaigns."""

from typing import Any

from django.dispatch import receiver

from campaigns.selectors.timeline import timeline_of
from lists.models import Contact
from lists.signals import contact_timeline


@receiver(contact_timeline)
def add_mails(contact: Contact, **_: Any) -> list[dict[str, Any]]:
    """The mails that the contact was sent."""
    return timeline_of(contact)
