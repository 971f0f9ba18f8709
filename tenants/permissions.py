"""What each role may do. One table, one question."""

from collections.abc import Callable
from typing import Any, TypeVar

from tenants.models import Membership, Role

_EVERYONE = frozenset(Role)
_MARKETING = frozenset({Role.OWNER, Role.ADMIN, Role.MARKETER})
_TECHNICAL = frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER})
_ADMINS = frozenset({Role.OWNER, Role.ADMIN})

PERMISSIONS: dict[str, frozenset[Role]] = {
    "view": _EVERYONE,
    "contacts.edit": _MARKETING,
    "forms.edit": _MARKETING,
    "campaigns.edit": _MARKETING,
    "campaigns.send": _MARKETING,
    "suppressions.edit": _MARKETING,
    "sending.edit": _TECHNICAL,
    "developers.edit": _TECHNICAL,
    "workspace.edit": _ADMINS,
    "members.edit": _ADMINS,
    "audit.view": _ADMINS,
    # Asks people at AWS, in the company's name.
    "access.request": frozenset({Role.OWNER}),
}

View = TypeVar("View", bound=Callable[..., Any])


def allows(membership: Membership, permission: str) -> bool:
    """Whether this member's role has the permission. Raises KeyError for an unknown one."""
    return Role(membership.role) in PERMISSIONS[permission]


def requires(permission: str) -> Callable[[View], View]:
    """Marks a workspace view with the permission it needs; WorkspaceMiddleware enforces it."""
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark
