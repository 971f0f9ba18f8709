"""What every dashboard page knows of who is looking."""

from typing import Any

from django.http import HttpRequest

from tenants.models import Membership


def workspace(request: HttpRequest) -> dict[str, Any]:
    """`tenant`, `membership` and `workspaces` (the person's memberships) for dashboard pages."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "tenant": membership.tenant,
        "membership": membership,
        "workspaces": Membership.unscoped.filter(user=membership.user)
        .select_related("tenant")
        .order_by("tenant__name"),
    }
