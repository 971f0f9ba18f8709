"""How fast one key may ask."""

import logging
from typing import Any

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.clients import client_network
from tenants.limits import Allowance, take
from tenants.models import ApiKey

logger = logging.getLogger(__name__)

_LIMIT, _SECONDS = 1_000, 10


class KeyThrottle(BaseThrottle):
    """1,000 requests per 10 seconds for a key, or for a network that calls without one.

    Leaves the allowance on Django's request, where bluefox.middleware makes headers of it.
    Fails open: this shares the server fairly among known callers, and mail that was handed over
    must not be refused because Valkey restarts.
    """

    allowance: Allowance | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            caller = f"key:{request.auth.pk}"
        else:
            caller = f"net:{client_network(request)}"
        try:
            self.allowance = take(f"api:{caller}", limit=_LIMIT, seconds=_SECONDS)
        except RedisError:
            logger.exception("Valkey does not answer, so requests are not counted")
            return True
        request._request.allowance = self.allowance  # type: ignore[attr-defined]
        return self.allowance.allowed

    def wait(self) -> float | None:
        return self.allowance.retry_after if self.allowance else None
