"""Batches of one lane take turns, whatever the size of a lease."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from sending import queue
from sending.models import Lane
from tests.sending.clock import later_in_valkey

KEY = "111122223333:eu-west-1"


@given(
    batches=st.integers(2, 5),
    limits=st.lists(st.integers(1, 12), min_size=1, max_size=3),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_batches_of_a_lane_share_evenly(redis: Redis, batches: int, limits: list[int]) -> None:
    redis.flushdb()
    queue.set_rate(KEY, 1_000_000)
    for batch in range(batches):
        queue.push(KEY, Lane.CAMPAIGN, batch, range(batch * 1000, batch * 1000 + 1000))
    got: Counter[int] = Counter(dict.fromkeys(range(batches), 0))
    for limit in limits * 8:
        later_in_valkey(redis, 1)
        for lease in queue.take(limit).leases:
            for group in lease.groups:
                got[group.batch_id] += len(group.ids)
    assert sum(got.values()) == 8 * sum(limits)
    assert max(got.values()) - min(got.values()) <= max(limits)
