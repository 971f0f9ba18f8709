"""Pages that read every app: the home of a workspace, and the operator's."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from bluefox.home import checklist, concerns, planned_campaigns, quotas, running_campaigns
from campaigns.models import Campaign
from campaigns.selectors.campaigns import campaigns_of
from sending.models import Lane
from sending.selectors.batches import Progress, progress
from sending.selectors.workers import Overview, overview
from tenants.permissions import requires

_STOP_POLLING = 286


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


@require_safe
@requires("view")
def under_way(request: Any) -> HttpResponse:
    """What the home page refreshes."""
    running = _with_figures(running_campaigns(request.tenant))
    status = 200 if running else _STOP_POLLING
    return render(request, "tenants/_under_way.html", {"running": running}, status=status)


def _for_operators(view: Callable[[Any], HttpResponse]) -> Callable[[Any], HttpResponse]:
    """For superusers; nobody else learns that there is such a page."""

    @wraps(view)
    def guarded(request: Any) -> HttpResponse:
        if not request.user.is_superuser:
            raise Http404
        return view(request)

    return guarded


@_for_operators
@require_safe
def workers(request: Any) -> HttpResponse:
    return render(request, "operator/workers.html", _workers())


@_for_operators
@require_safe
def workers_now(request: Any) -> HttpResponse:
    """What the operator's page refreshes."""
    return render(request, "operator/_workers.html", _workers())


def _workers() -> dict[str, Any]:
    seen: Overview | None
    try:
        seen = overview()
    except RedisError:
        seen = None
    return {"overview": seen, "lanes": Lane}
