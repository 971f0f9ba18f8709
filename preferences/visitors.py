"""Who sent a public request, as far as it is known."""

from dataclasses import dataclass

from tenants.clients import HasMeta, client_ip, client_network


@dataclass(frozen=True)
class Visitor:
    ip: str  # "" when it is not known
    network: str  # what limits count by
    user_agent: str

    @classmethod
    def of(cls, request: HasMeta) -> "Visitor":
        """The visitor behind this request."""
        return cls(
            ip=client_ip(request),
            network=client_network(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
        )
