"""The sidebar: which places there are, and which one is open."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from tenants.models import Tenant
from tenants.permissions import allows


@dataclass(frozen=True)
class Place:
    label: str
    url_name: str
    icon: str  # a lucide icon of the sprite
    key: str  # pressed after g
    permission: str = "view"


PLACES = (
    Place("Home", "tenants:home", "house", "h"),
    Place("Campaigns", "campaigns:index", "send", "c"),
    Place("Contacts", "lists:contacts", "users", "o"),
    Place("Lists", "lists:lists", "list", "l"),
    Place("Segments", "lists:segments", "filter", "m"),
    Place("Forms", "lists:forms", "clipboard-pen", "f"),
    Place("Suppressions", "lists:suppressions", "shield-ban", "u"),
    Place("Bounces", "webhooks:index", "triangle-alert", "b"),
    Place("Reputation", "reputation:index", "gauge", "r"),
    Place("Sending", "sending:index", "server", "e"),
    Place("Domains", "domains:index", "globe", "n"),
    Place("Readiness", "readiness:index", "badge-check", "y"),
    Place("Developers", "tenants:developers", "code", "d", "developers.edit"),
    Place("Settings", "tenants:settings", "settings", "s"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`navigation` for dashboard pages: label, url, icon, key, current of what this role sees."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    places = [place for place in PLACES if allows(membership, place.permission)]
    return {"navigation": [_entry(place, membership.tenant, request.path) for place in places]}


def _entry(place: Place, tenant: Tenant, path: str) -> dict[str, Any]:
    url = reverse(place.url_name, args=[tenant.slug])
    is_home = place.url_name == "tenants:home"
    return {
        "label": place.label,
        "url": url,
        "icon": place.icon,
        "key": place.key,
        "current": path == url if is_home else path.startswith(url),
    }
