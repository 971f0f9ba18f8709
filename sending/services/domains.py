"""What a person does with a domain: look it up, set its bounce address, begin again, share it."""

import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sending import domainwatch
from sending.connection import refused, store
from sending.credentials import api_of
from sending.errors import AwsRefused
from sending.identity import identity_columns, mail_from_name
from sending.models import SenderIdentity
from sending.ses.api import SesApi
from sending.ses.errors import SesError
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record

LINK_LASTS = timedelta(days=30)


def check_domain(*, identity: SenderIdentity) -> None:
    """Asks SES and the DNS now. The DNS is asked even where SES refuses: then AwsRefused."""
    trouble: SesError | None = None
    try:
        store(identity, identity_columns(api_of(identity.ses_account), identity.name))
    except SesError as error:
        trouble = error
    domainwatch.look_up(identity, timezone.now())
    if trouble is not None:
        raise refused(trouble) from trouble


def set_mail_from(
    *,
    identity: SenderIdentity,
    actor: User | None = None,
    mail_from: str,
    request: HasMeta | None = None,
) -> None:
    """Has bounces go to a name of the tenant's own, below the domain.

    Raises IdentityRefused, and AwsRefused; then nothing is changed.
    """
    mail_from = mail_from_name(mail_from, domain=identity.name)
    try:
        api = api_of(identity.ses_account)
        api.put_mail_from(identity.name, mail_from)
        columns = identity_columns(api, identity.name)
    except SesError as error:
        raise refused(error) from error
    _wants_other_records(
        identity,
        columns,
        actor=actor,
        action="identity.mail_from_set",
        target=f"{identity.name}: {mail_from}",
        request=request,
    )


def start_again(
    *, identity: SenderIdentity, actor: User | None = None, request: HasMeta | None = None
) -> None:
    """Makes a domain anew at SES, which has given up looking for its records after 72 hours.

    Raises AwsRefused. A domain that SES has verified is left alone: mail leaves through it. One
    that was deleted and, for some trouble, not made anew is made when this is called once more.
    """
    mail_from = identity.mail_from_domain
    try:
        api = api_of(identity.ses_account)
        if not _has_given_up(api, identity.name):
            raise AwsRefused("SES has not given up on this domain, so there is nothing to repeat.")
        api.delete_identity(identity.name)
        api.create_identity(identity.name)
        if mail_from:
            api.put_mail_from(identity.name, mail_from)
        columns = identity_columns(api, identity.name)
    except SesError as error:
        raise refused(error) from error
    _wants_other_records(
        identity,
        columns,
        actor=actor,
        action="identity.started_again",
        target=identity.name,
        request=request,
    )


@transaction.atomic
def _wants_other_records(
    identity: SenderIdentity,
    columns: dict[str, Any],
    *,
    actor: User | None,
    action: str,
    target: str,
    request: HasMeta | None,
) -> None:
    """Stores what SES says now; its DNS is due at once, by the records that are wanted from now."""
    now = timezone.now()
    store(identity, columns | {"records_since": now, "dns_due_at": now})
    record(tenant=identity.tenant, actor=actor, action=action, target=target, request=request)


def _has_given_up(api: SesApi, name: str) -> bool:
    try:
        columns = identity_columns(api, name)
    except SesError as error:
        if error.http_status == 404:
            return True
        raise
    return columns["dkim_status"] == "FAILED" and not columns["verified"]


def open_link(
    *, identity: SenderIdentity, actor: User | None, request: HasMeta | None = None
) -> None:
    """Opens the page for whoever runs the DNS, for 30 days; an earlier link ends."""
    columns = {
        "dns_link": secrets.randbits(63),
        "dns_link_until": timezone.now() + LINK_LASTS,
    }
    with transaction.atomic():
        store(identity, columns)
        record(
            tenant=identity.tenant,
            actor=actor,
            action="identity.link_opened",
            target=identity.name,
            request=request,
        )


def close_link(
    *, identity: SenderIdentity, actor: User | None, request: HasMeta | None = None
) -> None:
    """Ends the link at once."""
    with transaction.atomic():
        store(identity, {"dns_link": None, "dns_link_until": None})
        record(
            tenant=identity.tenant,
            actor=actor,
            action="identity.link_closed",
            target=identity.name,
            request=request,
        )
