"""Tells the members by mail what happened to a campaign while nobody was looking."""

from datetime import datetime, timedelta

from django.urls import reverse

from campaigns.models import AlertKind, Campaign, CampaignAlert
from campaigns.selectors.refusals import refusals_of, refused_untold
from tenants.services.mails import mail_alike, mail_waiting

_GIVE_UP = timedelta(days=1)


def note(*, campaign: Campaign, kind: AlertKind, reason: str = "") -> CampaignAlert:
    """Writes down what is to be mailed, in the transaction of what it tells of."""
    return CampaignAlert.unscoped.create(
        tenant_id=campaign.tenant_id,
        campaign=campaign,
        kind=kind,
        reason=reason,
        due_at=None if kind == AlertKind.LIMIT else campaign.scheduled_at,
    )


def note_refused(now: datetime) -> None:
    """Notes a mail for each campaign of which too many were refused for their content, once.

    The clock asks, so whatever order or copies their events came in, and whoever counted them.
    """
    CampaignAlert.unscoped.bulk_create(
        [
            CampaignAlert(tenant_id=one.tenant_id, campaign=one, kind=AlertKind.REFUSED)
            for one in refused_untold(now)
        ],
        ignore_conflicts=True,
    )


def mail_noted(now: datetime) -> int:
    """Mails what was noted, trying for a day; returns how many alerts went out."""
    rows = CampaignAlert.unscoped.filter(created_at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("campaign__batch", "tenant"), _mail, now=now)


def _mail(alert: CampaignAlert) -> bool:
    page = reverse("campaigns:report", args=[alert.tenant.slug, alert.campaign.public_id])
    if alert.kind != AlertKind.REFUSED:
        return mail_alike(alert.tenant, "campaign_alert", page, alert=alert)
    refusals = refusals_of(alert.campaign)
    return mail_alike(alert.tenant, "campaign_refused", page, alert=alert, refusals=refusals)
