"""API keys: made once, used, revoked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from tenants import keys
from tenants.clients import HasMeta
from tenants.models import ApiKey, Scope, Tenant, User
from tenants.services import audit

_WRITE_LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class CreatedKey:
    """The new row, and the key's text, which is not stored and is shown this once."""

    row: ApiKey
    text: str


@transaction.atomic
def create_key(
    *,
    tenant: Tenant,
    actor: User,
    name: str,
    scopes: Iterable[Scope],
    expires_at: datetime | None = None,
    request: HasMeta | None = None,
) -> CreatedKey:
    """A new key of the tenant with these scopes."""
    new = keys.new_key()
    key = ApiKey.unscoped.create(
        tenant=tenant,
        name=name,
        key_id=new.key_id,
        secret_hash=new.secret_hash,
        scopes=sorted({Scope(scope).value for scope in scopes}),
        created_by=actor,
        expires_at=expires_at,
    )
    audit.record(
        tenant=tenant,
        actor=actor,
        action="api_key.created",
        target=name,
        detail={"key_id": key.key_id, "scopes": key.scopes},
        request=request,
    )
    return CreatedKey(key, new.text)


@transaction.atomic
def revoke_key(*, key: ApiKey, actor: User, request: HasMeta | None = None) -> ApiKey:
    """The key stops working at once. Revoking it again changes nothing."""
    now = timezone.now()
    unrevoked = ApiKey.objects.for_tenant(key.tenant).filter(pk=key.pk, revoked_at=None)
    if unrevoked.update(revoked_at=now):
        audit.record(
            tenant=key.tenant,
            actor=actor,
            action="api_key.revoked",
            target=key.name,
            detail={"key_id": key.key_id},
            request=request,
        )
    key.refresh_from_db()
    return key


def note_use(*, key: ApiKey) -> None:
    """Moves last_used_at, at most once a minute: a busy key must not write a row a request."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _WRITE_LAST_USED_EVERY:
        ApiKey.unscoped.filter(pk=key.pk).update(last_used_at=now)
