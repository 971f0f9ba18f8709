"""Turns /w/<workspace>/… into request.tenant, or into a 404."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from tenants.models import Membership
from tenants.permissions import allows

URL_KWARG = "workspace"
LAST_COOKIE = "workspace"


class WorkspaceMiddleware:
    """Every view below /w/<slug:workspace>/ runs as a member of that workspace, or not at all.

    It takes the kwarg out of the call, sets request.tenant and request.membership, and makes the
    workspace's time zone the one that times are shown in. A cookie remembers the workspace, so
    that the next login opens it. A view that does not say which permission it needs
    (tenants.permissions.requires) is refused, so that forgetting it cannot open a door.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        membership = getattr(request, "membership", None)
        if membership and request.COOKIES.get(LAST_COOKIE) != membership.tenant.slug:
            response.set_cookie(
                LAST_COOKIE,
                membership.tenant.slug,
                max_age=timedelta(days=365),
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    def process_view(
        self, request: Any, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if URL_KWARG not in kwargs:
            return None
        slug = kwargs.pop(URL_KWARG)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        membership = (
            Membership.unscoped.select_related("tenant")
            .filter(user=request.user, tenant__slug=slug)
            .first()
        )
        if membership is None:
            raise Http404("no such workspace")
        permission = getattr(view, "permission", None)
        if permission is None:
            raise ImproperlyConfigured(f"{view.__module__}.{view.__name__} needs @requires(…)")
        if not allows(membership, permission):
            raise PermissionDenied(f"Your role, {membership.get_role_display()}, may not do this.")
        request.tenant = membership.tenant
        request.membership = membership
        timezone.activate(membership.tenant.timezone)
        return None
