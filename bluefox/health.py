"""/livez: the process answers. /readyz: it can do its work."""

import logging
from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from tenants.valkey import valkey

logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Answers both before anything else, as a probe calls us by an address of its own, which
    ALLOWED_HOSTS does not know."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._migrated = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/livez":
            return JsonResponse({"ok": True})
        if request.path == "/readyz":
            # Reading every migration file is slow, and what is applied stays applied.
            self._migrated = self._migrated or _migrations()
            checks = {"database": _database(), "valkey": _valkey(), "migrations": self._migrated}
            return JsonResponse(checks, status=200 if all(checks.values()) else 503)
        return self.get_response(request)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("PostgreSQL does not answer")
        return False
    return True


def _valkey() -> bool:
    try:
        return bool(valkey().ping())
    except RedisError:
        logger.exception("Valkey does not answer")
        return False


def _migrations() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False  # said by _database
