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
from tests.sending.clock import later_in_valkey

EU = "111122223333:eu-west-1"
US = "111122223333:us-east-1"
pytestmark = pytest.mark.usefixtures("redis")


def taken_ids(limit: int = 100) -> list[int]:
    taken = queue.take(limit)
    return [one for lease in taken.leases for group in lease.groups for one in group.ids]


def slots(count: int, within: float = 0.025) -> queue.Slots:
    return queue.reserve({EU: queue.Ask(count)}, within=within)[EU]


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


def test_slots_are_evenly_spaced_and_given_shortly_before_they_come(redis: Redis) -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(100))
    queue.take(100)
    given: list[float] = []
    while len(given) < 30:
        some = slots(100)
        seconds, micros = redis.time()
        given += [some.start + i * some.interval for i in range(some.count)]
        assert given[-1] <= seconds + micros / 1e6 + 0.025
        time.sleep(0.01)
    gaps = [after - before for before, after in pairwise(given)]
    assert min(gaps) > 1 / 200


def test_no_more_is_taken_than_soon_gets_slots() -> None:
    """What a worker that dies has claimed must be settled, so it is little."""
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(500))
    taken = queue.take(500)
    assert 39 <= sum(lease.size for lease in taken.leases) <= 50
    assert 0 < taken.wait <= 0.06
    assert taken_ids() == []
    queue.release({EU: 20})
    assert len(taken_ids()) == 20
    slots(40, within=1.0)
    time.sleep(0.06)
    assert len(taken_ids()) >= 10


def test_awaited_mail_does_not_wait_for_what_is_taken_before_it() -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(500))
    queue.take(500)
    queue.push(EU, Lane.TRANSACTIONAL, 2, [1_000])
    assert taken_ids() == [1_000]


def test_what_a_dead_worker_had_taken_does_not_hold_the_rest() -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(500))
    dead = len(taken_ids(500))
    time.sleep(0.3)
    assert taken_ids(500) == []
    time.sleep(0.25)
    assert len(taken_ids(500)) == dead


def test_messages_that_missed_their_slots_are_out_again() -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(500))
    queue.take(500)
    slots(40, within=1.0)
    assert queue.reserve({EU: queue.Ask(0, missed=40)}, within=1.0)[EU].count == 0
    assert taken_ids() == []


def test_late_sends_move_the_free_slots() -> None:
    queue.set_rate(EU, 200)
    queue.push(EU, Lane.CAMPAIGN, 1, range(10))
    queue.take(10)
    before = slots(1)
    after = queue.reserve({EU: queue.Ask(1, late=0.3)}, within=1.0)[EU]
    assert after.start == pytest.approx(before.free + 0.3)
    assert not queue.reserve({US: queue.Ask(1)}, within=1.0), "a slot without a rate"


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


def test_a_throttle_pauses_and_another_cuts_once_and_grows_back() -> None:
    queue.set_rate(EU, 100)
    queue.push(EU, Lane.CAMPAIGN, 1, range(100))
    queue.take(10)
    first = slots(1)
    assert queue.throttle(EU)
    assert not queue.throttle(EU)
    assert slots(1).count == 0
    after = slots(1, within=1.0)
    assert after.start - first.start > 0.49
    assert after.interval == first.interval
    time.sleep(0.55)
    assert queue.throttle(EU)
    assert not queue.throttle(EU)
    time.sleep(0.6)
    again = slots(1)
    assert 0.69 < first.interval / again.interval < 0.75
    assert pace_of(EU).throttles == 4


def test_a_throttle_long_after_the_last_cuts_nothing(redis: Redis) -> None:
    queue.set_rate(EU, 100)
    queue.throttle(EU)
    later_in_valkey(redis, 31)
    assert queue.throttle(EU)
    assert pace_of(EU).cut == 1


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
    given: list[float] = []
    end = time.monotonic() + 3

    def work() -> None:
        out = 0
        while time.monotonic() < end:
            out += len(taken_ids(50))
            some = slots(out)
            given.extend(some.start + i * some.interval for i in range(some.count))
            out -= some.count
            time.sleep(0.008)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    given.sort()
    worst = max(bisect_left(given, slot + 1) - i for i, slot in enumerate(given))
    assert quota < len(given)  # they go on after the first second
    assert worst <= quota


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
