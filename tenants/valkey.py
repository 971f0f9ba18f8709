"""The connection to Valkey for small, quick questions: limits, health."""

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def valkey() -> Redis:
    """One client for the process; it keeps a pool, and notices a fork by itself.

    A question takes well under a millisecond, so an answer that takes a second is an outage:
    the caller gets redis.exceptions.RedisError instead of a request that hangs.
    """
    return Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
