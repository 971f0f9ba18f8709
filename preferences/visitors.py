"""Who sent a public request, as far as it is known."""

from dataclasses import dataclass

from preferences import languages
from tenants.clients import client_ip, client_network


@dataclass(frozen=True)
class Visitor:
    ip: str  # "" when it is not known
    network: str  # what limits count by
    user_agent: str
    language: str = ""  # one that we offer, or "" when nothing tells

    @classmethod
    def of(cls, request: languages.Request) -> "Visitor":
        """The visitor behind this request."""
        return cls(
            ip=client_ip(request),
            network=client_network(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
            language=languages.chosen(request) or languages.browsers(request),
        )
