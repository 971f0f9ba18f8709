"""Turns /w/<workspace>/… into request.tenant, or into a 404."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from tenants.models import Membership
from tenants.permissions import allows

URL_KWARG = "workspace"


class WorkspaceMiddleware:
    """Every view below /w/<slug:workspace>/ runs as a member of that workspace, or not at all.

    It takes the kwarg out of the call and sets request.tenant and request.membership. A view
    that does not say which permission it needs (tenants.permissions.requires) is refused, so
    that forgetting it cannot open a door.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

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
        return None
