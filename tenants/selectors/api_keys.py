"""API keys: reads."""

import hmac

from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants import keys
from tenants.models import ApiKey, Tenant


def list_keys(*, tenant: Tenant) -> QuerySet[ApiKey]:
    """Every key of the tenant, newest first, also the revoked and expired ones."""
    return ApiKey.objects.for_tenant(tenant).select_related("created_by").order_by("-id")


def find_valid_key(text: str) -> ApiKey | None:
    """The key with this text, unless it is unknown, revoked or expired."""
    parts = keys.split(text)
    if parts is None:
        return None
    key_id, secret = parts
    key = (
        ApiKey.unscoped.select_related("tenant")
        .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        .filter(key_id=key_id, revoked_at=None)
        .first()
    )
    # Compared even when there is no such key, so that the time taken tells nothing.
    stored = bytes(key.secret_hash) if key else b""
    return key if hmac.compare_digest(keys.hash_secret(secret), stored) else None
