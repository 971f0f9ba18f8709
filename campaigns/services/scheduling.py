"""Campaigns that leave at a time: planned by a person, launched by the clock.

However many clocks and workers look, each campaign is launched once: its row is locked, and only
the one that finds it scheduled acts. What cannot leave is never lost: it waits in a state that the
pages show, and the members get a mail.
"""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from campaigns import alerts
from campaigns.checklist import checklist
from campaigns.errors import BadTime
from campaigns.models import AlertKind, Campaign, CampaignStatus
from campaigns.services.campaigns import SENDABLE, launch_locked, locked, ready
from tenants.errors import BluefoxError
from tenants.models import Tenant, User
from tenants.services.audit import record

log = logging.getLogger(__name__)

# Later than this nobody expects the mail any more: a person decides.
GRACE = timedelta(hours=1)
FARTHEST = timedelta(days=366)


@transaction.atomic
def schedule_campaign(*, campaign: Campaign, actor: User, at: datetime) -> Campaign:
    """Has it leave at this time; a scheduled one gets the new time instead of its old.

    Raises BadTime for a time that is past or more than a year away, and NotReady when the
    checklist has an error now: it is asked again at the time.
    """
    campaign = locked(campaign, *SENDABLE)
    now = timezone.now()
    if at <= now:
        words = f"This is past: it is {_in_words(now, campaign.tenant)} now."
        raise BadTime(f"{words} Choose a later time, or send it now.")
    if at > now + FARTHEST:
        raise BadTime("This is more than a year away. Choose an earlier day.")
    ready(checklist(campaign))
    campaign.status, campaign.scheduled_at = CampaignStatus.SCHEDULED, at
    campaign.held_reason = ""
    campaign.save()
    _record(campaign, "scheduled", actor, at=_in_words(at, campaign.tenant))
    return campaign


@transaction.atomic
def unschedule_campaign(*, campaign: Campaign, actor: User) -> Campaign:
    """Makes it a draft again. Raises NotReady when it has left, or was not scheduled."""
    campaign = locked(campaign, CampaignStatus.SCHEDULED, CampaignStatus.MISSED)
    campaign.status, campaign.scheduled_at = CampaignStatus.DRAFT, None
    campaign.save()
    _record(campaign, "unscheduled", actor)
    return campaign


def launch_due(now: datetime) -> int:
    """Launches what is due, or says why not; returns how many campaigns it dealt with.

    One that fails for a fault of ours keeps none of the others back, and is tried again.
    """
    due = Campaign.unscoped.filter(status=CampaignStatus.SCHEDULED, scheduled_at__lte=now)
    done = 0
    for campaign_id in list(due.order_by("scheduled_at").values_list("pk", flat=True)):
        try:
            done += _deal_with(campaign_id, now)
        except Exception:
            log.exception("scheduled campaign %s could not be launched", campaign_id)
    return done


@transaction.atomic
def _deal_with(campaign_id: int, now: datetime) -> bool:
    rows = Campaign.unscoped.select_for_update(of=("self",), skip_locked=True)
    # Whoever has it locked deals with it, or has just changed its time.
    campaign = (
        rows.select_related("tenant")
        .filter(pk=campaign_id, status=CampaignStatus.SCHEDULED, scheduled_at__lte=now)
        .first()
    )
    if campaign is None or campaign.scheduled_at is None:
        return False
    if campaign.scheduled_at < now - GRACE:
        _miss(campaign)
        return True
    try:
        with transaction.atomic():
            checked = checklist(campaign)
            launch_locked(campaign, checked)
    except BluefoxError as error:
        _hold(campaign_id, error.message)
    else:
        at = _in_words(campaign.scheduled_at, campaign.tenant)
        _record(campaign, "sent", recipients=checked.recipients, scheduled=at)
    return True


def _miss(campaign: Campaign) -> None:
    """The server was not running at its time: the members are asked what to do."""
    campaign.status = CampaignStatus.MISSED
    campaign.save(update_fields=["status", "updated_at"])
    alerts.note(campaign=campaign, kind=AlertKind.MISSED)
    _record(campaign, "missed")


def _hold(campaign_id: int, reason: str) -> None:
    """It is not ready: a draft again, with the reason. Read anew, for the launch was undone."""
    campaign = Campaign.unscoped.select_related("tenant").get(pk=campaign_id)
    campaign.status, campaign.held_reason = CampaignStatus.DRAFT, reason[:500]
    campaign.save(update_fields=["status", "held_reason", "updated_at"])
    alerts.note(campaign=campaign, kind=AlertKind.NOT_READY, reason=campaign.held_reason)
    _record(campaign, "held", reason=reason)


def _record(campaign: Campaign, act: str, actor: User | None = None, **detail: object) -> None:
    record(
        tenant=campaign.tenant,
        actor=actor,
        action=f"campaign.{act}",
        target=campaign.name,
        detail=detail,
    )


def _in_words(moment: datetime, tenant: Tenant) -> str:
    return f"{timezone.localtime(moment, ZoneInfo(tenant.timezone)):%Y-%m-%d %H:%M %Z}"
