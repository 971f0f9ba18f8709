"""The tenant's own colour and logo, as files: the policy of our pages allows no style in them."""

import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tenants.models import Logo

_YEAR = 365 * 24 * 3600
_COLOUR = re.compile(r"[0-9a-f]{6}")


@require_safe
@cache_control(public=True, max_age=_YEAR, immutable=True)
def colour(request: HttpRequest, value: str) -> HttpResponse:
    """The style sheet of a colour (rrggbb). It is the same for everybody and names no tenant."""
    if not _COLOUR.fullmatch(value):
        raise Http404("no colour")
    return HttpResponse(f".accent-own {{ --accent: #{value}; }}\n", content_type="text/css")


@require_safe
@cache_control(public=True, max_age=_YEAR, immutable=True)
def logo(request: HttpRequest, tenant_id: UUID, digest: str) -> HttpResponse:
    """The picture as it was uploaded. It was checked then (tenants.look); whatever it is,
    a browser shows it as this kind of picture or not at all.
    """
    found = Logo.unscoped.filter(tenant__public_id=tenant_id, tenant__logo_digest=digest).first()
    if found is None:
        raise Http404("no logo")
    response = HttpResponse(bytes(found.data), content_type=found.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # Mail programs show it from wherever they are.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
