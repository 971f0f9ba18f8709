"""What every endpoint under /api/v1/ shares: keys, scopes, the error shape, paging.

Keys are sent as `Authorization: Bearer bf_live_<key_id>_<secret>`.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework import pagination
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.models import ApiKey

PREFIX = "bf_live_"
_WRITE_LAST_USED_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """Sets request.auth to the ApiKey and request.tenant to its tenant."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, value = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not value.startswith(PREFIX):
            raise AuthenticationFailed("Send the key as: Authorization: Bearer bf_live_…")
        key_id, _, secret = value.strip().removeprefix(PREFIX).partition("_")
        now = timezone.now()
        key = (
            ApiKey.unscoped.select_related("tenant")
            .filter(Q(expires_at=None) | Q(expires_at__gt=now), key_id=key_id, revoked_at=None)
            .first()
        )
        digest = hashlib.sha256(secret.encode()).digest()
        if key is None or not hmac.compare_digest(digest, bytes(key.secret_hash)):
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        if key.last_used_at is None or now - key.last_used_at > _WRITE_LAST_USED_EVERY:
            ApiKey.unscoped.filter(pk=key.pk).update(last_used_at=now)
        request._request.tenant = key.tenant  # type: ignore[attr-defined]
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The view names its scope as `scope`; a view without one is closed to everybody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = getattr(view, "scope", None)
        return isinstance(request.auth, ApiKey) and scope in request.auth.scopes


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """`{"error": {type, code, message, param, request_id}}` for every refusal."""
    raise NotImplementedError


class CursorPagination(pagination.CursorPagination):
    """`{data, has_more, next_cursor}`; `limit` up to 100."""
