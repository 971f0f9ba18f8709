"""Developers: API keys, and how to use one."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.forms import KeyForm
from tenants.models import ApiKey
from tenants.permissions import requires
from tenants.selectors.api_keys import list_keys
from tenants.services.api_keys import create_key, revoke_key

_SAMPLE = """curl {site}/api/v1/emails \\
  -H "Authorization: Bearer $BLUEFOX_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: order-1042-receipt" \\
  -d '{{
    "from": "Shop <orders@example.com>",
    "to": "ann@example.com",
    "subject": "Your order {{{{ number }}}}",
    "html": "<p>Thank you. It leaves tomorrow.</p>",
    "data": {{"number": "1042"}}
  }}'"""


@require_safe
@requires("developers.edit")
def developers(request: Any) -> HttpResponse:
    context = {
        "keys": list_keys(tenant=request.tenant),
        "now": timezone.now(),
        "sample": _SAMPLE.format(site=settings.SITE_URL),
    }
    return render(request, "tenants/developers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("developers.edit")
@never_cache
@sensitive_variables("created")
def new_key(request: Any) -> HttpResponse:
    """The form; and, to the POST, the key itself: it is stored nowhere, so no redirect."""
    form = KeyForm(request.POST or None)
    if form.is_valid():
        created = create_key(
            tenant=request.tenant, actor=request.user, request=request, **form.values()
        )
        return render(request, "tenants/key_created.html", {"created": created})
    status = 422 if form.is_bound else 200
    return render(request, "tenants/key_new.html", {"form": form}, status=status)


@require_POST
@requires("developers.edit")
def revoke(request: Any, key_id: str) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.for_tenant(request.tenant), key_id=key_id)
    revoke_key(key=key, actor=request.user, request=request)
    messages.success(request, f"{key.name} does not work any more")
    return redirect("tenants:developers", request.tenant.slug)
