"""Writing a campaign: name, composer, preview, test."""

from typing import Any

from csp.decorators import csp
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.checklist import content_of
from campaigns.forms import CampaignName, Composer, TestSend
from campaigns.models import CampaignStatus
from campaigns.selectors.senders import verified_identities
from campaigns.services import campaigns as services
from campaigns.views.lookup import campaign_of
from lists.selectors.fields import field_names
from sending.content import complete
from sending.errors import ContentError, RenderError
from sending.language import parse
from sending.language import render as render_liquid
from tenants.errors import BluefoxError
from tenants.permissions import requires

_EXCLUDES = ("excluded_lists", "excluded_segments", "leave_out_unengaged")


@requires("campaigns.edit")
@require_http_methods(["GET", "POST"])
def new(request: Any) -> HttpResponse:
    form = CampaignName(request.POST or None)
    if request.method == "POST" and form.is_valid():
        campaign = services.create_campaign(
            tenant=request.tenant, actor=request.user, name=form.cleaned_data["name"]
        )
        return redirect("campaigns:edit", request.tenant.slug, campaign.public_id)
    status = 422 if form.errors else 200
    return render(request, "campaigns/new.html", {"form": form}, status=status)


@requires("campaigns.edit")
@require_http_methods(["GET", "POST"])
def edit(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    if campaign.status != CampaignStatus.DRAFT:
        return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    form = Composer(request.POST or None, instance=campaign, tenant=request.tenant)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            services.save_draft(campaign=campaign, **values)
        except BluefoxError as error:
            messages.error(request, error.message)
            return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
        if "review" in request.POST:
            return redirect("campaigns:review", request.tenant.slug, campaign.public_id)
        messages.success(request, "Saved.")
        return redirect("campaigns:edit", request.tenant.slug, campaign.public_id)
    context = {
        "campaign": campaign,
        "form": form,
        "excludes": any(form[name].value() for name in _EXCLUDES),
        "identities": verified_identities(request.tenant),
        "merge_tags": _merge_tags(request.tenant),
    }
    return render(request, "campaigns/edit.html", context, status=422 if form.errors else 200)


def _merge_tags(tenant: Any) -> list[str]:
    names = ["email", "first_name", "last_name", *field_names(tenant)]
    return [
        *(f"{{{{ contact.{name} }}}}" for name in names),
        '{{ contact.first_name | default: "there" }}',
        "{{ unsubscribe_url }}",
        "{{ preferences_url }}",
        "{{ workspace.name }}",
        "{{ workspace.address }}",
    ]


@requires("view")
@require_GET
@xframe_options_sameorigin
@csp(  # type: ignore[arg-type]  # its stubs know only views without arguments
    {
        "default-src": ["'none'"],
        "img-src": ["https:", "http:", "data:"],
        "style-src": ["'unsafe-inline'"],
        "font-src": ["https:"],
        "frame-ancestors": ["'self'"],
        "sandbox": True,
    }
)
def preview(request: Any, public_id: Any) -> HttpResponse:
    """The mail as its reader sees it, alone in a sandbox: no script, no origin, no forms."""
    campaign = campaign_of(request, public_id)
    try:
        content = complete(
            content_of(campaign),
            postal_address=request.tenant.postal_address,
            unsubscribable=True,
        )
        shown = render_liquid(parse(content.html, html=True, part="html"), _preview_values(request))
    except (ContentError, RenderError) as error:
        return render(request, "campaigns/_preview_error.html", {"error": error})
    return HttpResponse(shown)


def _preview_values(request: Any) -> dict[str, Any]:
    return {
        "contact": services.sample_contact(request.user),
        "workspace": {
            "name": request.tenant.name,
            "address": request.tenant.postal_address,
            "website": request.tenant.website,
        },
        "unsubscribe_url": "#",
        "preferences_url": "#",
    }


@requires("campaigns.send")
@require_POST
def send_test(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    form = TestSend(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["addresses"][0]))
    else:
        try:
            sent = services.send_test(
                campaign=campaign, actor=request.user, addresses=form.cleaned_data["addresses"]
            )
            skipped = [message for message in sent if message.reason]
            for message in skipped:
                messages.error(request, f"{message.email} gets nothing: {message.reason}")
            if len(sent) > len(skipped):
                messages.success(request, f"Test mail on its way to {len(sent) - len(skipped)}.")
        except BluefoxError as error:
            messages.error(request, error.message)
    return redirect("campaigns:review", request.tenant.slug, campaign.public_id)


@requires("campaigns.edit")
@require_POST
def delete(request: Any, public_id: Any) -> HttpResponse:
    campaign = campaign_of(request, public_id)
    try:
        services.delete_draft(campaign=campaign)
    except BluefoxError as error:
        messages.error(request, error.message)
        return redirect("campaigns:report", request.tenant.slug, campaign.public_id)
    messages.success(request, f"Deleted {campaign.name}.")
    return redirect("campaigns:index", request.tenant.slug)
