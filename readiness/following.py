"""Tells the members by mail what AWS has decided."""

from datetime import datetime, timedelta

from django.urls import reverse

from readiness.models import DECIDED, ReviewStep
from tenants.services.mails import mail_alike, mail_waiting

_GIVE_UP = timedelta(days=1)


def mail_decisions(now: datetime) -> int:
    """Mails each decision, trying for a day; returns how many went out."""
    rows = ReviewStep.unscoped.filter(kind__in=DECIDED, at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("ses_account", "tenant"), _mail, now=now)


def _mail(step: ReviewStep) -> bool:
    page = reverse("readiness:request", args=[step.tenant.slug, step.ses_account.public_id])
    return mail_alike(step.tenant, "access_decided", page, step=step, account=step.ses_account)
