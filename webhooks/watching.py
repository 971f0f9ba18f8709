"""Notices when mail flows and what SES tells of it does not come back, and tells the members.

docs/decisions/feedback-health.md has the reasons for the figures.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse

from sending.models import SesAccount
from sending.selectors.feedback import Reported, reported, watched
from tenants.services.mails import mail_alike, mail_waiting
from webhooks.models import FeedbackAlarm

# SES publishes a Send event within seconds of accepting a mail.
SILENCE = timedelta(minutes=10)
# Below this many mails a share says little; the rest may still be on their way to slow servers.
FEW, SHARE = 100, 0.5
# last_event_at is exact to ten seconds, and so is last_sent_at.
_COARSE = timedelta(seconds=20)
_LATELY = timedelta(days=1)
_GIVE_UP = timedelta(days=1)


def watch(now: datetime) -> int:
    """Compares what left with what came back; returns for how many accounts that changed.

    An account that sends nothing is never alarmed about, nor one that was, until it recovered.
    """
    told = reported(now)
    return sum(_note(one, now, told.get(one.pk, Reported(0, 0))) for one in watched())


def _note(account: SesAccount, now: datetime, told: Reported) -> bool:
    unheard = _unheard_since(account, now)
    reason = _reason(account, now, unheard, told)
    same = SesAccount.unscoped.filter(pk=account.pk)
    if unheard != account.unheard_since:
        same.update(unheard_since=unheard)
    if bool(reason) == bool(account.events_missing_since):
        return False
    with transaction.atomic():
        # Conditional, so that of two clocks one writes the alarm.
        before = same.filter(events_missing_since__isnull=bool(reason))
        if not before.update(events_missing_since=now if reason else None):
            return False
        kind = FeedbackAlarm.Kind.STOPPED if reason else FeedbackAlarm.Kind.BACK
        FeedbackAlarm.unscoped.create(
            tenant=account.tenant, ses_account=account, kind=kind, reason=reason
        )
    return True


def _unheard_since(account: SesAccount, now: datetime) -> datetime | None:
    """When the first mail left that no event has followed; None when all is heard of, or none has
    left for a day."""
    sent, heard = account.last_sent_at, account.last_event_at
    if sent is None or sent < now - _LATELY or (heard is not None and heard > sent - _COARSE):
        return None
    known = account.unheard_since
    return sent if known is None or (heard is not None and heard > known) else known


def _reason(account: SesAccount, now: datetime, unheard: datetime | None, told: Reported) -> str:
    """Why the members must be told, in words; "" when all is well."""
    if account.events_stopped_at:
        return "SNS has ended the subscription of our webhook."
    if unheard is not None and unheard < now - SILENCE:
        return "Mail has left for more than ten minutes, and nothing was heard of any of it."
    if told.sent >= FEW and told.heard < SHARE * told.sent:
        return (
            f"Of {told.sent:,} mails of campaigns that ended since yesterday, only "
            f"{told.heard:,} were reported as delivered or bounced."
        )
    return ""


def mail_alarms(now: datetime) -> int:
    """Mails what watch() noted, trying for a day; returns how many alarms went out."""
    rows = FeedbackAlarm.unscoped.filter(created_at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("ses_account", "tenant"), _mail, now=now)


def _mail(alarm: FeedbackAlarm) -> bool:
    page = reverse("sending:account", args=[alarm.tenant.slug, alarm.ses_account.public_id])
    return mail_alike(alarm.tenant, "feedback_alarm", page, alarm=alarm, account=alarm.ses_account)
