"""Which connected account may send from an address."""

from django.db.models import QuerySet

from sending.identity import names_of
from sending.models import SenderIdentity, SesAccount, SesState
from tenants.models import Tenant


def verified_identities(tenant: Tenant) -> QuerySet[SenderIdentity]:
    """Verified domains and addresses of the tenant's connected accounts, oldest account first."""
    return (
        SenderIdentity.objects.for_tenant(tenant)
        .filter(verified=True, ses_account__state=SesState.CONNECTED)
        .select_related("ses_account")
        .order_by("ses_account_id", "name")
    )


def account_for(tenant: Tenant, address: str) -> SesAccount | None:
    """The account that may send from this address, or None."""
    names = names_of(address)
    matches = [
        identity
        for identity in verified_identities(tenant)
        if identity.name.lower() in names and not identity.paused_reason
    ]
    return matches[0].ses_account if matches else None
