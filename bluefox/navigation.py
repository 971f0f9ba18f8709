"""The sidebar: which places there are, and which one is open."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Place:
    label: str
    url_name: str
    icon: str  # a lucide icon of the sprite
    key: str  # pressed after g


PLACES = (
    Place("Home", "tenants:home", "house", "h"),
    Place("Campaigns", "campaigns:index", "send", "c"),
    Place("Contacts", "lists:contacts", "users", "o"),
    Place("Lists", "lists:lists", "list", "l"),
    Place("Forms", "lists:forms", "clipboard-pen", "f"),
    Place("Suppressions", "lists:suppressions", "shield-ban", "u"),
    Place("Sending", "sending:index", "server", "e"),
    Place("Developers", "tenants:developers", "code", "d"),
    Place("Settings", "tenants:settings", "settings", "s"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`navigation` for dashboard pages: label, url, icon, key, current."""
    tenant = getattr(request, "tenant", None)
    if tenant is None:
        return {}
    entries = []
    for place in PLACES:
        try:
            url = reverse(place.url_name, args=[tenant.slug])
        except NoReverseMatch:
            continue
        home = place.url_name == "tenants:home"
        current = request.path == url if home else request.path.startswith(url)
        entries.append(
            {
                "label": place.label,
                "url": url,
                "icon": place.icon,
                "key": place.key,
                "current": current,
            }
        )
    return {"navigation": entries}
