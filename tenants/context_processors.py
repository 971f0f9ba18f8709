"""What every dashboard page knows of who is looking."""

from typing import Any

from django.http import HttpRequest

from tenants.permissions import PERMISSIONS, allows
from tenants.selectors.members import list_workspaces


def workspace(request: HttpRequest) -> dict[str, Any]:
    """For dashboard pages: `tenant`, `membership`, `workspaces` (the person's memberships) and
    `may` (the permissions that the person has here: `{% if "contacts.edit" in may %}`).
    """
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "tenant": membership.tenant,
        "membership": membership,
        "workspaces": list_workspaces(user=request.user),  # type: ignore[arg-type]
        "may": {name for name in PERMISSIONS if allows(membership, name)},
    }
