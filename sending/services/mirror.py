"""A member has the lists of SES read now."""

from django.db import transaction
from django.utils import timezone

from sending.models import SesAccount, SesState, SuppressionChange, SuppressionMirror
from sending.tasks import mirror_suppressions
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services.audit import record


@transaction.atomic
def mirror_now(*, tenant: Tenant, actor: User, request: HasMeta | None = None) -> int:
    """Reads the lists of all connected accounts, and tries again what AWS refused; how many.

    A reading that is under way goes on.
    """
    now = timezone.now()
    accounts = SesAccount.objects.for_tenant(tenant).filter(state=SesState.CONNECTED)
    mirrors = SuppressionMirror.objects.for_tenant(tenant).filter(ses_account__in=accounts)
    mirrors.update(retry_at=None)
    mirrors.filter(next_read_at__gt=now).update(next_read_at=now)
    SuppressionChange.objects.for_tenant(tenant).update(retry_at=None)
    record(tenant=tenant, actor=actor, action="suppressions.mirrored", request=request)
    transaction.on_commit(mirror_suppressions.delay, robust=True)
    return accounts.count()
