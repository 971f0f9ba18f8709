"""Where a request came from, as far as it can be believed."""

import ipaddress
from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings


class HasMeta(Protocol):
    """What is needed of a request: the CGI variables of Django's HttpRequest or DRF's Request."""

    @property
    def META(self) -> Mapping[str, Any]: ...


def client_ip(request: HasMeta) -> str:
    """The address that sent the request, "" when there is none (a Unix socket).

    Each of the TRUSTED_PROXY_COUNT proxies in front of us appends the address it was called
    from to X-Forwarded-For, so only that many entries, counted from the right, were not written
    by the client. Without a proxy, or with fewer entries than proxies, the header is not used.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    proxies = settings.TRUSTED_PROXY_COUNT
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if not proxies or len(forwarded) < proxies:
        return peer
    try:
        return str(ipaddress.ip_address(forwarded[-proxies].strip()))
    except ValueError:
        return peer


def client_network(request: HasMeta) -> str:
    """What to count requests by: the IPv4 address, or the /64 of an IPv6 one.

    One subscriber has a whole /64, so counting its single addresses would count nothing.
    """
    ip = client_ip(request)
    return str(ipaddress.ip_network(f"{ip}/64", strict=False)) if ":" in ip else ip
