"""Tells the members by mail what is wrong with a domain: records that were right no longer are, or
a receiver has reported mail in its name that failed DKIM, SPF or DMARC.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from django.db.models import F
from django.db.models.functions import Greatest
from django.urls import reverse

from sending.identity import names_of
from sending.models import Batch, DomainAlert, DomainRecord, SenderIdentity
from tenants.models import Tenant
from tenants.services.mails import mail_alike, mail_waiting

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


def note_reports(*, tenant: Tenant, reports: Iterable[tuple[int, datetime]], now: datetime) -> None:
    """Counts reports of failed authentication (batch id, when) at the domains that sent, and notes
    a mail about one of them unless the workspace has had one today; in the caller's transaction.
    """
    by_batch: defaultdict[int, list[datetime]] = defaultdict(list)
    for batch_id, at in reports:
        by_batch[batch_id].append(at)
    if not by_batch:
        return
    found: defaultdict[int, list[datetime]] = defaultdict(list)
    for batch in Batch.objects.for_tenant(tenant).filter(pk__in=by_batch):
        if (identity := _sender_of(batch)) is not None:
            found[identity.pk] += by_batch[batch.pk]
    # In one order: two workers may hold reports of the same domains.
    for identity_id, times in sorted(found.items()):
        SenderIdentity.unscoped.filter(pk=identity_id).update(
            auth_failures=F("auth_failures") + len(times),
            auth_failed_at=Greatest("auth_failed_at", max(times)),
        )
    today = now.astimezone(ZoneInfo(tenant.timezone)).date()
    DomainAlert.unscoped.bulk_create(
        [
            DomainAlert(tenant=tenant, identity_id=identity_id, reported_on=today)
            for identity_id in sorted(found)[:1]
        ],
        ignore_conflicts=True,
    )


def _sender_of(batch: Batch) -> SenderIdentity | None:
    """The domain, or else the address, by which a batch was sent; None when it is gone."""
    names = names_of(parseaddr(batch.from_header)[1])
    known = SenderIdentity.unscoped.filter(ses_account=batch.ses_account_id, name__in=names)
    return min(known, key=lambda one: names.index(one.name), default=None)


def mail_noted(now: datetime) -> int:
    """Mails what was noted, trying for a day; returns how many alerts went out."""
    rows = DomainAlert.unscoped.filter(created_at__gt=now - _GIVE_UP)
    return mail_waiting(rows.select_related("identity__ses_account", "tenant"), _mail, now=now)


def _mail(alert: DomainAlert) -> bool:
    identity, slug = alert.identity, alert.tenant.slug
    if identity.is_domain:
        page = reverse("domains:domain", args=[slug, identity.public_id])
    else:
        page = reverse("sending:account", args=[slug, identity.ses_account.public_id])
    template = "domain_report" if alert.reported_on else "domain_alert"
    return mail_alike(alert.tenant, template, page, alert=alert)
