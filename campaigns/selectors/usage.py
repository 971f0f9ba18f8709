"""Which campaigns would miss something."""

from django.db.models import Q

from campaigns.models import Campaign, CampaignStatus
from lists.models import ContactField


def campaigns_that_print(field: ContactField) -> list[str]:
    """Names of campaigns not sent yet that have the merge tag of this field."""
    tag = f"contact.{field.key}"
    waiting = Campaign.objects.for_tenant(field.tenant).exclude(status=CampaignStatus.LAUNCHED)
    prints = Q(subject__contains=tag) | Q(preheader__contains=tag) | Q(html__contains=tag)
    return list(waiting.filter(prints).order_by("name").values_list("name", flat=True))
