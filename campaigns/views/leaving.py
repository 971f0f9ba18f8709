"""What sends a campaign, and what stops it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from campaigns.services import campaigns as services
from campaigns.views.lookup import campaign_of
from tenants.errors import BluefoxError
from tenants.permissions import requires


@requires("campaigns.send")
@require_POST
def send(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    try:
        services.send_campaign(campaign=campaign, actor=request.user)
    except BluefoxError as error:
        messages.error(request, error.message)
        return redirect("campaigns:review", request.tenant.slug, campaign.public_id)
    return redirect("campaigns:report", request.tenant.slug, campaign.public_id)


@requires("campaigns.send")
@require_POST
def brake(request: Any, public_id: Any, act: str) -> HttpResponse:
    """Pause, resume or cancel: `act` is fixed by the route."""
    campaign = campaign_of(request, public_id)
    change = {
        "pause": services.pause_campaign,
        "resume": services.resume_campaign,
        "cancel": services.cancel_campaign,
    }[act]
    try:
        change(campaign=campaign, actor=request.user)
    except BluefoxError as error:
        messages.error(request, error.message)
    return redirect("campaigns:report", request.tenant.slug, campaign.public_id)


@requires("campaigns.send")
@require_POST
def resend_unknown(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    try:
        again = services.resend_unknown_of(campaign=campaign, actor=request.user)
        messages.success(request, f"Sending again to {again:,}.")
    except BluefoxError as error:
        messages.error(request, error.message)
    return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
