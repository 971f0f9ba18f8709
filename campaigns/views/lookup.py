"""A campaign of the workspace by the id in the address."""

from typing import Any, cast

from django.shortcuts import get_object_or_404

from campaigns.models import Campaign


def campaign_of(request: Any, public_id: Any) -> Campaign:
    owned = Campaign.objects.for_tenant(request.tenant).select_related(
        "batch__ses_account", "tenant"
    )
    return cast(Campaign, get_object_or_404(owned, public_id=public_id))
