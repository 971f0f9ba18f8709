"""The wheel on a real Valkey: order, turns, pace, budgets, parking, and what survives."""

import threading
import time
from bisect import bisect_left
from itertools import pairwise

import pytest
from redis import Redis

from sending import queue
from sending.models import Lane
from sending.pace import Budget
from sending.selectors.pace import pace_of

EU = "111122223333:eu-west-1"
US = "111122223333:us-east-1"
pytestmark = pytest.mark.usefixtures("redis")


def taken_ids(limit: int = 100) -> list[int]:
    taken = queue.take(limit)
    return [one for lease in taken.leases for group in lease.groups for one in group.ids]


def test_an_id_is_taken_once() -> None:
    queue.set_rate(EU, 10_000)
    queue.push(EU, Lane.CAMPAIGN, 1, [5, 6, 7])
    assert taken_ids() == [5, 6, 7]
    assert taken_ids() == []
    assert queue.take(10).wait == -1


def test_lanes_go_in_order_and_batches_take_turns() -> None:
    queue.set_rate(EU, 10_000)
    queue.push(EU, Lane.CAMPAIGN, 1, range(100, 110))
    queue.push(EU, Lane.CAMPAIGN, 2, range(200, 210))
    queue.push(EU, Lane.TRANSACTIONAL, 3, [300])
    groups = [
        (group.batch_id, len(group.ids)) for lease in queue.take(7).leases for group in lease.groups
    ]
    assert groups == [(3, 1), (1, 3), (2, 3)]


def test_what_comes_back_goes_in_front_in_its_order() -> None:
    queue.set_rate(EU, 10_000)
    queue.push(EU, Lane.CAMPAIGN, 1, [1, 2, 3, 4])
    taken = queue.take(2).leases[0]
    queue.put_back(EU, Lane.CAMPAIGN, 1, taken.groups[0].ids)
    assert taken_ids() == [1, 2, 3, 4]


def test_a_batch_that_is_dropped_is_gone_and_others_stay() -> None:
    queue.set_rate(EU, 10_000)
    queue.push(EU, Lane.CAMPAIGN, 1, range(9_000))
    queue.push(EU, Lane.CAMPAIGN, 2, [9_001])
    queue.drop(EU, Lane.CAMPAIGN, 1)
    assert queue.window(1) == (None, 0)
    assert taken_ids() == [9_001]


def test_slots_are_evenly_spaced_and_never_given_twice() -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(100))
    slots: list[float] = []
    while len(slots) < 40:
        taken = queue.take(7)
        for lease in taken.leases:
            slots += [lease.start + i * lease.interval for i in range(lease.size)]
        time.sleep(max(taken.wait, 0))
    gaps = [after - before for before, after in pairwise(slots)]
    assert min(gaps) > 1 / 200


def test_unused_slots_go_back() -> None:
    queue.set_rate(EU, 14)
    queue.push(EU, Lane.CAMPAIGN, 1, [1, 2, 3])
    lease = queue.take(1).leases[0]
    queue.release(lease, 1)
    again = queue.take(1).leases[0]
    assert again.start - lease.start < lease.interval / 2


def test_two_accounts_and_regions_do_not_slow_each_other() -> None:
    for key in (EU, US):
        queue.set_rate(key, 14)
        queue.push(key, Lane.CAMPAIGN, hash(key) % 1000, range(10))
    assert {lease.pace_key for lease in queue.take(100).leases} == {EU, US}


def test_an_unlimited_account_does_not_starve_a_slow_one() -> None:
    queue.set_rate(EU, 1_000_000)
    queue.set_rate(US, 14)
    queue.push(EU, Lane.CAMPAIGN, 1, range(5_000))
    queue.push(US, Lane.CAMPAIGN, 2, range(10_000, 10_005))
    seen = 0
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        seen += sum(lease.size for lease in queue.take(100).leases if lease.pace_key == US)
    assert seen == 5


def test_a_rate_that_valkey_lost_is_asked_for() -> None:
    queue.push(EU, Lane.CAMPAIGN, 1, [1])
    taken = queue.take(10)
    assert taken.unknown == [EU]
    assert not taken.leases
    queue.set_rate(EU, 100)
    time.sleep(1.05)
    assert taken_ids() == [1]


def test_a_throttle_pauses_cuts_once_and_grows_back() -> None:
    queue.set_rate(EU, 100)
    queue.push(EU, Lane.CAMPAIGN, 1, range(100))
    before = queue.take(1).leases[0]
    assert queue.throttle(EU)
    assert not queue.throttle(EU)
    time.sleep(0.6)
    after = queue.take(1).leases[0]
    assert after.start - before.start > 0.5
    assert 0.69 < before.interval / after.interval < 0.75
    assert pace_of(EU).throttles == 2


def test_the_days_budget_stops_campaigns_before_awaited_mail() -> None:
    queue.set_rate(EU, 10_000)
    queue.set_budget(EU, Budget(awaited=5, bulk=2))
    queue.push(EU, Lane.CAMPAIGN, 1, range(10))
    queue.push(EU, Lane.TRANSACTIONAL, 2, [100, 101])
    taken = queue.take(10)  # awaited mail counts into both budgets
    assert [group.ids for group in taken.leases[0].groups] == [[100, 101]]
    assert taken.spent == [EU]
    assert taken_ids() == []
    queue.push(EU, Lane.TRANSACTIONAL, 2, range(102, 110))
    assert taken_ids() == [102, 103, 104]
    queue.set_budget(EU, Budget(None, None))
    time.sleep(1.05)
    assert len(taken_ids()) == 15


def test_parking_holds_some_lanes_until_its_time() -> None:
    queue.set_rate(EU, 10_000)
    queue.park(EU, 0.3, from_lane=Lane.AUTOMATION)
    queue.push(EU, Lane.CAMPAIGN, 1, [1])
    queue.push(EU, Lane.SYSTEM, 2, [2])
    assert taken_ids() == [2]
    assert 0 < queue.take(10).wait <= 0.3
    time.sleep(0.35)
    assert taken_ids() == [1]
    queue.park(EU, 600)
    queue.push(EU, Lane.TRANSACTIONAL, 3, [3])
    assert taken_ids() == []
    queue.unpark(EU)
    assert taken_ids() == [3]


def test_only_one_of_two_refills_counts() -> None:
    queue.set_rate(EU, 10_000)
    assert queue.refill(EU, Lane.CAMPAIGN, 1, [1, 2], behind=0, more=True)
    assert not queue.refill(EU, Lane.CAMPAIGN, 1, [1, 2], behind=0, more=True)
    assert queue.window(1) == (2, 2)
    assert queue.refill(EU, Lane.CAMPAIGN, 1, [3], behind=2, more=False)
    group = queue.take(10).leases[0].groups[0]
    assert (group.ids, group.left, group.has_more) == ([1, 2, 3], 0, False)


@pytest.mark.parametrize("quota", [14, 200])
def test_no_second_holds_more_than_the_quota_with_three_takers(redis: Redis, quota: int) -> None:
    """The slots that three workers get at once, counted in every sliding second."""
    queue.set_rate(EU, quota)
    queue.push(EU, Lane.CAMPAIGN, 1, range(quota * 4))
    slots: list[float] = []
    end = time.monotonic() + 3

    def work() -> None:
        while time.monotonic() < end:
            taken = queue.take(50)
            for lease in taken.leases:
                slots.extend(lease.start + i * lease.interval for i in range(lease.size))
            time.sleep(min(max(taken.wait, 0), 0.01))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    slots.sort()
    worst = max(bisect_left(slots, slot + 1) - i for i, slot in enumerate(slots))
    assert worst <= quota
    assert len(slots) >= 0.95 * quota * (slots[-1] - slots[0])


def test_the_bell_rings_once_while_a_drain_waits(redis: Redis) -> None:
    queue.ring()
    queue.ring()
    assert redis.llen("send") == 1
    redis.delete("send")
    assert queue.say_idle("one")
    assert queue.say_idle("one")
    assert not queue.say_idle("two")
    queue.ring()
    assert redis.llen("send") == 0
    queue.end_idle("two")
    queue.ring()
    assert redis.llen("send") == 0
    queue.end_idle("one")
    queue.ring()
    assert redis.llen("send") == 1


def test_the_bell_works_after_valkey_lost_everything(redis: Redis) -> None:
    queue.ring()
    redis.flushdb()
    queue.ring()
    assert redis.llen("send") == 1
