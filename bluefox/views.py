"""The home page of a workspace: it reads every app, so it stands above them."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bluefox.home import checklist, concerns, planned_campaigns, quotas, running_campaigns
from campaigns.models import Campaign
from campaigns.selectors.campaigns import campaigns_of
from sending.selectors.batches import Progress, progress
from tenants.permissions import requires


def _with_figures(campaigns: Iterable[Campaign]) -> list[tuple[Campaign, Progress]]:
    return [(campaign, progress(campaign.batch)) for campaign in campaigns if campaign.batch]


@require_safe
@requires("view")
def home(request: Any) -> HttpResponse:
    tenant = request.tenant
    steps = checklist(tenant)
    latest = campaigns_of(tenant).filter(batch__isnull=False)[:5]
    context = {
        "steps": steps,
        "done": sum(step.done for step in steps),
        "concerns": concerns(tenant),
        "running": _with_figures(running_campaigns(tenant)),
        "planned": planned_campaigns(tenant),
        "quotas": quotas(tenant),
        "latest": _with_figures(latest),
    }
    return render(request, "tenants/home.html", context)
