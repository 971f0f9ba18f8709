"""The page of a campaign that has not left: what it says, what is missing, when it leaves."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from campaigns.checklist import checklist
from campaigns.forms import Schedule, TestSend
from campaigns.models import Campaign, CampaignStatus
from campaigns.services import scheduling
from campaigns.views.lookup import campaign_of
from tenants.errors import BluefoxError
from tenants.permissions import requires


def planning_page(
    request: Any, campaign: Campaign, form: Schedule | None = None, *, status: int = 200
) -> HttpResponse:
    """The page, with what was typed into its form if that was refused."""
    context = {
        "campaign": campaign,
        "checklist": checklist(campaign),
        "audience": _audience(campaign),
        "test_form": TestSend(initial={"addresses": request.user.email}),
        "schedule_form": form or Schedule(initial=_planned(campaign), tenant=request.tenant),
    }
    return render(request, "campaigns/review.html", context, status=status)


def _audience(campaign: Campaign) -> list[tuple[str, str]]:
    """What it is for and what it leaves out, in words."""
    parts: dict[str, QuerySet[Any]] = {
        "Lists": campaign.lists.all(),
        "Segments": campaign.segments.all(),
        "Not on": campaign.excluded_lists.all(),
        "Not in": campaign.excluded_segments.all(),
    }
    named = {label: ", ".join(map(str, part.order_by("name"))) for label, part in parts.items()}
    return [(label, names) for label, names in named.items() if names]


def _planned(campaign: Campaign) -> dict[str, Any]:
    """The time it has, else tomorrow at nine; both in the workspace's zone."""
    if campaign.status == CampaignStatus.SCHEDULED and campaign.scheduled_at is not None:
        local = timezone.localtime(campaign.scheduled_at)
    else:
        local = (timezone.localtime() + timedelta(days=1)).replace(hour=9, minute=0)
    return {"date": local.date(), "time": local.time()}


@requires("campaigns.edit")
@require_GET
def review(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    if campaign.status != CampaignStatus.DRAFT:
        return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    return planning_page(request, campaign)


@requires("campaigns.send")
@require_POST
def schedule(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    form = Schedule(request.POST, tenant=request.tenant)
    if form.is_valid():
        try:
            scheduling.schedule_campaign(campaign=campaign, actor=request.user, at=form.at)
        except BluefoxError as error:
            form.add_error(error.param if error.param in form.fields else None, error.message)
        else:
            return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    if campaign.status == CampaignStatus.LAUNCHED:
        messages.error(request, "This campaign has left already.")
        return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    return planning_page(request, campaign, form, status=422)


@requires("campaigns.send")
@require_POST
def unschedule(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    try:
        scheduling.unschedule_campaign(campaign=campaign, actor=request.user)
    except BluefoxError as error:
        messages.error(request, error.message)
        return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    messages.success(request, "It is a draft again.")
    return redirect("campaigns:review", request.tenant.slug, campaign.public_id)
