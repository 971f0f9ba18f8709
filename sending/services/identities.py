"""The domains and addresses that a tenant sends from, as SES knows them."""

from django.db import transaction
from django.utils import timezone

from sending.connection import refused, store
from sending.credentials import api_of
from sending.identity import identity_columns, identity_name, mail_from_name
from sending.models import SenderIdentity, SesAccount
from sending.ses.errors import SesError
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record

# SES answers one call a second for everything but sending
# (https://docs.aws.amazon.com/ses/latest/dg/quotas.html): a page cannot wait for many.
_DETAILS_AT_ONCE = 5


def refresh_identities(*, account: SesAccount) -> int:
    """Makes our rows those of SES; returns how many there are. Raises AwsRefused.

    One call tells all of them and whether each is verified. The DKIM records of a domain need a
    call each, so they are read for those that wait for verification, a few at a time.
    """
    try:
        api = api_of(account)
        found = {name.lower(): verified for name, verified in api.identities()}
    except SesError as error:
        raise refused(error) from error
    with transaction.atomic():
        account.identities.exclude(name__in=found).delete()
        SenderIdentity.unscoped.bulk_create(
            [
                SenderIdentity(
                    tenant=account.tenant, ses_account=account, name=name, verified=verified
                )
                for name, verified in found.items()
            ],
            update_conflicts=True,
            unique_fields=["ses_account", "name"],
            update_fields=["verified"],
        )
        account.identities.filter(verified=True).update(paused_reason="")
    unread = account.identities.filter(verified=False) | account.identities.filter(dkim_tokens=[])
    for identity in unread.exclude(name__contains="@").order_by("checked_at")[:_DETAILS_AT_ONCE]:
        try:
            store(identity, identity_columns(api, identity.name))
        except SesError as error:
            if error.may_pass:
                break
            raise refused(error) from error
    return len(found)


def create_identity(
    *,
    account: SesAccount,
    actor: User | None = None,
    name: str,
    mail_from: str = "",
    request: HasMeta | None = None,
) -> SenderIdentity:
    """Creates a domain or address at SES, or adopts the one that is there. Raises AwsRefused.

    For a domain the row then holds its DKIM records; for an address SES has sent it a mail. A
    MAIL FROM domain that it has already stays; else it gets `mail_from`, if one is given. Raises
    IdentityRefused for what is no name.
    """
    name = identity_name(name)
    mail_from = mail_from and mail_from_name(mail_from, domain=name)
    try:
        api = api_of(account)
        api.create_identity(name)
        columns = identity_columns(api, name)
        if mail_from and not columns["mail_from_domain"]:
            api.put_mail_from(name, mail_from)
            columns |= {"mail_from_domain": mail_from, "mail_from_status": "PENDING"}
    except SesError as error:
        raise refused(error) from error
    now = timezone.now()
    with transaction.atomic():
        identity, _ = SenderIdentity.unscoped.update_or_create(
            tenant=account.tenant,
            ses_account=account,
            name=name,
            defaults=columns | {"records_since": now, "dns_due_at": now},
        )
        record(
            tenant=account.tenant,
            actor=actor,
            action="identity.created",
            target=name,
            request=request,
        )
    return identity


def check_identity(*, identity: SenderIdentity) -> SenderIdentity:
    """Reads one identity again. Raises AwsRefused."""
    try:
        store(identity, identity_columns(api_of(identity.ses_account), identity.name))
    except SesError as error:
        raise refused(error) from error
    return identity
