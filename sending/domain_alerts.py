"""Tells the members by mail that a domain's records, which were right, no longer are."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from sending.models import DomainAlert, DomainRecord, SenderIdentity
from tenants.models import User
from tenants.services.mails import mail_members, mail_waiting

_GIVE_UP = timedelta(days=1)


def note(*, identity: SenderIdentity, broken: Iterable[DomainRecord]) -> DomainAlert:
    """Writes down what is to be mailed, in the transaction that found it."""
    return DomainAlert.unscoped.create(
        tenant_id=identity.tenant_id,
        identity=identity,
        broken=[
            {
                "purpose": row.get_purpose_display(),
                "kind": row.kind,
                "name": row.name,
                "expected": row.expected,
                "found": row.found,
                "words": row.words,
            }
            for row in broken
        ],
    )


def mail_noted(now: datetime) -> int:
    """Mails what was noted, trying for a day; returns how many alerts went out."""
    rows = DomainAlert.unscoped.filter(created_at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("identity", "tenant"), _mail, now=now)


def _mail(alert: DomainAlert) -> bool:
    page = reverse("domains:domain", args=[alert.tenant.slug, alert.identity.public_id])
    context = {"alert": alert, "tenant": alert.tenant, "page_url": f"{settings.SITE_URL}{page}"}

    def values(_: User) -> dict[str, Any]:
        return context

    return mail_members(alert.tenant, "domain_alert", values)
