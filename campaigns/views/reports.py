"""All campaigns, and how one goes: planned, under way, over."""

from typing import Any, cast

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from campaigns.models import Campaign, CampaignStatus
from campaigns.selectors.campaigns import FILED_AS, campaigns_of, filed_as, recipients
from campaigns.selectors.refusals import refusals_of
from campaigns.views.lookup import campaign_of
from campaigns.views.planning import planning_page
from lists.paging import Page, keyset
from sending.models import Batch, BatchState
from sending.selectors.batches import Progress, progress
from tenants.permissions import requires

STOP_POLLING = 286


def _page(request: Any, rows: Any) -> Page[Any]:
    return keyset(rows, after=request.GET.get("after", ""), before=request.GET.get("before", ""))


@requires("view")
@require_GET
def index(request: Any) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    page = _page(request, campaigns_of(request.tenant, search=search))
    rows = [(campaign, _figures(campaign)) for campaign in page.rows]
    return render(request, "campaigns/index.html", {"page": page, "rows": rows})


def _figures(campaign: Campaign) -> Progress | None:
    """The campaign's counts, up to a quarter of a minute old: fifty are shown on one page."""
    batch = campaign.batch
    if batch is None:
        return None
    return cast(Progress, cache.get_or_set(f"figures:{batch.pk}", lambda: progress(batch), 15))


@requires("view")
@require_GET
def report(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    if campaign.status in (CampaignStatus.SCHEDULED, CampaignStatus.MISSED):
        return planning_page(request, campaign)
    if campaign.batch is None:
        return redirect("campaigns:edit", request.tenant.slug, campaign.public_id)
    page = _page(
        request,
        recipients(
            campaign,
            filed=request.GET.get("filed", ""),
            search=request.GET.get("q", "").strip(),
        ),
    )
    context = _progress_context(campaign, campaign.batch) | {
        "refusals": refusals_of(campaign),
        "page": page,
        "rows": [(message, filed_as(message)) for message in page.rows],
        "filters": [(key, words) for key, (words, _) in FILED_AS.items()],
    }
    return render(request, "campaigns/report.html", context)


@requires("view")
@require_GET
def report_progress(request: HttpRequest, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    if campaign.batch is None:
        return HttpResponse(status=STOP_POLLING)
    context = _progress_context(campaign, campaign.batch)
    ended = campaign.batch.state in (BatchState.DONE, BatchState.CANCELLED)
    status = STOP_POLLING if ended else 200
    return render(request, "campaigns/_progress.html", context, status=status)


def _progress_context(campaign: Campaign, batch: Batch) -> dict[str, Any]:
    return {"campaign": campaign, "batch": batch, "progress": progress(batch)}
