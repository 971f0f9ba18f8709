"""The limiter: as many as allowed, not one more, and closed when Valkey is away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings
from redis import Redis
from redis.exceptions import RedisError

from tenants.limits import hit, take
from tenants.valkey import valkey


def test_allows_the_limit_at_once_and_then_says_when_to_come_back(redis: Redis) -> None:
    first = [take("k", limit=3, seconds=60) for _ in range(3)]
    assert [(a.allowed, a.remaining) for a in first] == [(True, 2), (True, 1), (True, 0)]
    refused = take("k", limit=3, seconds=60)
    assert not refused.allowed
    assert (refused.retry_after, refused.reset) == (20, 60)


def test_gives_back_one_at_a_time_and_forgets_the_key(redis: Redis) -> None:
    assert [hit("k", limit=2, seconds=1) for _ in range(3)] == [True, True, False]
    time.sleep(0.55)
    assert [hit("k", limit=2, seconds=1) for _ in range(2)] == [True, False]
    time.sleep(1.1)
    assert redis.keys("limit:*") == []


def test_keys_do_not_share(redis: Redis) -> None:
    assert hit("a", limit=1, seconds=60)
    assert hit("b", limit=1, seconds=60)


def test_concurrent_hits_get_exactly_the_limit(redis: Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hit("k", limit=10, seconds=3600), range(80)))
    assert answers.count(True) == 10


@pytest.fixture
def no_valkey(settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    valkey.cache_clear()
    yield
    valkey.cache_clear()


@pytest.mark.usefixtures("no_valkey")
def test_without_valkey_a_hit_is_refused_and_a_take_says_so() -> None:
    assert not hit("k", limit=10, seconds=60)
    with pytest.raises(RedisError):
        take("k", limit=10, seconds=60)
