"""How each member wants to be told of bounces and complaints."""

from django.db.models import Q

from tenants.models import Tenant, User
from webhooks.models import AlertChoice


def own_choice(tenant: Tenant, user: User) -> AlertChoice | None:
    """What this member has chosen, or None."""
    found: AlertChoice | None = AlertChoice.objects.for_tenant(tenant).filter(user=user).first()
    return found


def default_choice(tenant: Tenant) -> AlertChoice:
    """What holds for whoever has chosen nothing: the workspace's choice, or ours."""
    found: AlertChoice | None = AlertChoice.objects.for_tenant(tenant).filter(user=None).first()
    return found or AlertChoice(tenant=tenant)


def choice_of(tenant: Tenant, user: User) -> AlertChoice:
    """What holds for this member."""
    rows = AlertChoice.objects.for_tenant(tenant).filter(Q(user=user) | Q(user=None))
    found: AlertChoice | None = rows.order_by("user").first()  # NULL sorts last
    return found or AlertChoice(tenant=tenant)
