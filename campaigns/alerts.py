"""Tells the members by mail what happened to a campaign while nobody was looking."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from campaigns.models import AlertKind, Campaign, CampaignAlert
from tenants.models import User
from tenants.services.mails import mail_members, mail_waiting

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


def mail_noted(now: datetime) -> int:
    """Mails what was noted, trying for a day; returns how many alerts went out."""
    rows = CampaignAlert.unscoped.filter(created_at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("campaign", "tenant"), _mail, now=now)


def _mail(alert: CampaignAlert) -> bool:
    page = reverse("campaigns:report", args=[alert.tenant.slug, alert.campaign.public_id])
    context = {"alert": alert, "tenant": alert.tenant, "page_url": f"{settings.SITE_URL}{page}"}

    def values(_: User) -> dict[str, Any]:
        return context

    return mail_members(alert.tenant, "campaign_alert", values)
