"""What a member does with the dead-letter queue."""

from django.db import transaction

from sending.models import SesAccount
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record
from webhooks import tasks


@transaction.atomic
def fetch_dead_letters(*, account: SesAccount, actor: User, request: HasMeta | None = None) -> None:
    """Has a worker fetch what waits in the account's queue."""
    record(
        tenant=account.tenant,
        actor=actor,
        action="ses_account.dead_letters_fetched",
        target=account.name,
        detail={"waiting": account.dead_letters},
        request=request,
    )
    transaction.on_commit(lambda: tasks.fetch_dead_letters_of.delay(account.pk))
