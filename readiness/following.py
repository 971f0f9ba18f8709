"""Tells the members by mail what AWS has decided."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from readiness.models import DECIDED, ReviewStep
from tenants.models import User
from tenants.services.mails import mail_members, mail_waiting

_GIVE_UP = timedelta(days=1)


def mail_decisions(now: datetime) -> int:
    """Mails each decision, trying for a day; returns how many went out."""
    rows = ReviewStep.unscoped.filter(kind__in=DECIDED, at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("ses_account", "tenant"), _mail, now=now)


def _mail(step: ReviewStep) -> bool:
    page = reverse("readiness:request", args=[step.tenant.slug, step.ses_account.public_id])
    context = {
        "step": step,
        "account": step.ses_account,
        "tenant": step.tenant,
        "page_url": f"{settings.SITE_URL}{page}",
    }

    def values(_: User) -> dict[str, Any]:
        return context

    return mail_members(step.tenant, "access_decided", values)
