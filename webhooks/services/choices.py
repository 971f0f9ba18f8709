"""How the members are told of bounces and complaints."""

from dataclasses import asdict, dataclass

from django.db import transaction

from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services.audit import record
from webhooks.models import About, AlertChoice, Cadence
from webhooks.selectors.choices import default_choice


@dataclass(frozen=True)
class Wanted:
    """The columns of AlertChoice that a person chooses."""

    cadence: Cadence
    about: About
    daily_at: int
    at_least: int | None = None
    at_share: float | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None
    timezone: str = ""


@transaction.atomic
def choose(*, tenant: Tenant, user: User, wanted: Wanted | None) -> None:
    """This member's own choice; None: as the workspace has it."""
    if wanted is None:
        AlertChoice.objects.for_tenant(tenant).filter(user=user).delete()
    else:
        AlertChoice.unscoped.update_or_create(tenant=tenant, user=user, defaults=asdict(wanted))


@transaction.atomic
def choose_default(
    *, tenant: Tenant, actor: User, wanted: Wanted, request: HasMeta | None = None
) -> None:
    """What holds for whoever has chosen nothing; audited."""
    before = default_choice(tenant)
    changes = {
        name: {"from": getattr(before, name), "to": value}
        for name, value in asdict(wanted).items()
        if getattr(before, name) != value
    }
    AlertChoice.unscoped.update_or_create(tenant=tenant, user=None, defaults=asdict(wanted))
    if changes:
        record(
            tenant=tenant,
            actor=actor,
            action="alerts.changed",
            target="for members without a choice of their own",
            detail=changes,
            request=request,
        )
