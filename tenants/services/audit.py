"""The audit log: written in the transaction of the act it tells of."""

from typing import Any

from tenants.clients import HasMeta, client_ip
from tenants.models import ApiKey, AuditEvent, Tenant, User


def record(
    *,
    tenant: Tenant,
    action: str,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    target: str = "",
    detail: dict[str, Any] | None = None,
    request: HasMeta | None = None,
) -> AuditEvent:
    """Writes down who did what. `action` is `noun.verb`, such as `api_key.created`.

    A request of the API tells its key by itself. Neither actor nor key means that Bluefox did it by
    itself. `detail` is shown to the members: it holds what changed, never a secret.
    """
    return AuditEvent.unscoped.create(
        tenant=tenant,
        actor=actor,
        api_key=api_key or getattr(request, "api_key", None),
        action=action,
        target=target[:200],
        detail=detail or {},
        ip=(client_ip(request) or None) if request else None,
    )
