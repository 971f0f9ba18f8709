"""Who calls, and whether the key may do this: `Authorization: Bearer bf_live_…`."""

from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import ApiKey, Scope, Tenant
from tenants.selectors.api_keys import find_valid_key
from tenants.services.api_keys import note_use


class ApiKeyAuthentication(BaseAuthentication):
    """Sets request.auth to the ApiKey; on Django's request `tenant` to the key's tenant, and
    `api_key`, for the audit log.
    """

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Send the key as: Authorization: Bearer bf_live_…")
        key = find_valid_key(text.strip())
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        note_use(key=key)
        request._request.tenant = key.tenant  # type: ignore[attr-defined]
        request._request.api_key = key  # type: ignore[attr-defined]
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def key_of(request: Request) -> ApiKey:
    """The key that asks."""
    return cast(ApiKey, request.auth)


def tenant_of(request: Request) -> Tenant:
    """The workspace of the key that asks."""
    return key_of(request).tenant


class HasScope(BasePermission):
    """The view names the scope it needs as `scope`, or as `scopes` by method.

    A view without one is closed to everybody.
    """

    code = "missing_scope"

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # the view answers 405
        scope = needed_scope(view, method)
        if scope is None:
            raise RuntimeError(f"{type(view).__name__} names no scope for {method}")
        self.message = (
            f"This key does not have the scope {scope.value}. Create a key that has it under "
            "Developers in the dashboard."
        )
        return isinstance(request.auth, ApiKey) and _includes(request.auth.scopes, scope)


def _includes(scopes: list[str], wanted: Scope) -> bool:
    return wanted in scopes or wanted in {f"{scope}.read" for scope in scopes}


def needed_scope(view: Any, method: str) -> Scope | None:
    """The scope that this view asks for, to GET the one that only reads; None when it says none."""
    by_method: dict[str, Scope] = getattr(view, "scopes", {})
    scope: Scope | None = by_method.get(method, getattr(view, "scope", None))
    if method == "GET" and f"{scope}.read" in Scope.values:
        return Scope(f"{scope}.read")
    return scope


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the key is described in openapi.yaml."""

    target_class = "tenants.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "bf_live_…"}
