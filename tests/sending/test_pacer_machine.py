"""The wheel under any interleaving: never above a quota, nothing lost, nobody forgotten.

A longer search than the one of every run: EXAMPLES=5000 STEPS=100 python -m pytest
tests/sending/test_pacer_machine.py
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from sending import queue
from sending.models import Lane
from sending.pace import Budget, effective_rate, lease_size
from tests.sending.clock import later_in_valkey
from tests.sending.machines import brief

KEYS = ("111122223333:eu-west-1", "111122223333:us-east-1")
# Lanes of the batches of each key; a batch's id is its place in this list.
LANES = (Lane.TRANSACTIONAL, Lane.AUTOMATION, Lane.CAMPAIGN, Lane.CAMPAIGN)
BATCHES = [(key, lane) for key in KEYS for lane in LANES]
# Times and intervals travel as text with six decimals, for up to 50 slots of a lease here.
ROUNDING = 0.00003
PICK = st.integers(0, 11)


@dataclass
class Slot:
    at: float
    interval: float
    quota: float


@dataclass
class Key:
    """What a pace key must be like."""

    quota: float | None = None
    slots: list[Slot] = field(default_factory=list)
    awaited: int | None = None
    bulk: int | None = None
    parked_until: float = 0.0
    parked_lane: int = 0
    rests_until: float = 0.0


class PacerMachine(RuleBasedStateMachine):
    """Workers, refreshes, refusals and time, in any order; times are those of a shifted clock."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        redis.flushdb()
        self.redis = redis
        self.passed = 0.0
        self.keys = {key: Key() for key in KEYS}
        self.waiting: dict[int, list[int]] = {batch: [] for batch in range(len(BATCHES))}
        self.in_hand: list[tuple[int, list[int]]] = []
        self.intervals: list[float] = []
        self.pushed = 0

    def now(self) -> float:
        seconds, micros = self.redis.time()
        return float(seconds + micros / 1e6 + self.passed)

    def cut(self, name: str) -> float:
        return float(self.redis.hget(f"{{send}}:pace:{name}", "cut") or 1)

    @initialize(quota=st.sampled_from([14, 200, 1000]))
    def begin(self, quota: int) -> None:
        for name in KEYS:
            self.set_rate(name, quota)
        for batch in range(len(BATCHES)):
            self.push(batch, 10)

    # --- what callers do -----------------------------------------------------------------------
    @rule(batch=st.integers(0, len(BATCHES) - 1), count=st.integers(1, 30))
    def push(self, batch: int, count: int) -> None:
        ids = list(range(self.pushed, self.pushed + count))
        self.pushed += count
        queue.push(*BATCHES[batch], batch, ids)
        self.waiting[batch] += ids

    @rule(limit=st.integers(1, 40))
    def take(self, limit: int) -> None:
        taken = queue.take(limit)
        at = taken.server_time + self.passed
        assert sum(lease.size for lease in taken.leases) <= limit
        for lease in taken.leases:
            self._check_lease(lease, at)
        for name in taken.unknown:
            assert self.keys[name].quota is None
        for name in taken.spent:
            key = self.keys[name]
            assert 0 in (key.awaited, key.bulk) or (key.bulk or 0) < 0

    def _check_lease(self, lease: queue.Lease, at: float) -> None:
        key = self.keys[lease.pace_key]
        assert key.quota
        assert lease.size <= lease_size(effective_rate(key.quota))
        parked = key.parked_until > at + ROUNDING
        for group in lease.groups:
            assert BATCHES[group.batch_id] == (lease.pace_key, group.lane)
            waiting = self.waiting[group.batch_id]
            assert group.ids == waiting[: len(group.ids)], "not in order, popped twice, or lost"
            del waiting[: len(group.ids)]
            assert group.left == len(waiting)
            for batch, (name, lane) in enumerate(BATCHES):
                if name == lease.pace_key and lane < group.lane:
                    assert not self.waiting[batch], "a later lane went first"
            assert not (parked and group.lane >= key.parked_lane), "left while parked"
            self._spend(key, group)
            self.in_hand.append((group.batch_id, group.ids))
        self.intervals.append(lease.interval)

    def _spend(self, key: Key, group: queue.Group) -> None:
        if key.awaited is not None:
            key.awaited -= len(group.ids)
            assert key.awaited >= 0, "more than the day allows"
        if key.bulk is not None:
            key.bulk -= len(group.ids)
            assert key.bulk >= 0 or group.lane < Lane.AUTOMATION, "into the reserve"

    def _grant(self, name: str, slots: queue.Slots) -> None:
        key = self.keys[name]
        assert key.quota
        first = slots.start + self.passed
        assert slots.interval >= 1 / effective_rate(key.quota) - ROUNDING
        if slots.count:
            assert first >= key.rests_until - ROUNDING, "a slot within a rest"
            assert abs(slots.free - slots.start - slots.count * slots.interval) <= ROUNDING
        key.slots += [
            Slot(first + i * slots.interval, slots.interval, key.quota) for i in range(slots.count)
        ]

    # No precondition here and below: what was taken depends on the real clock, so a busy machine
    # would make a repeated example draw other rules.
    @rule(pick=PICK, count=st.integers(1, 10))
    def put_back(self, pick: int, count: int) -> None:
        if not self.in_hand:
            return
        batch, ids = self.in_hand.pop(pick % len(self.in_hand))
        returned, kept = ids[-count:], ids[:-count]
        queue.put_back(*BATCHES[batch], batch, returned)
        self.waiting[batch] = returned + self.waiting[batch]
        if kept:
            self.in_hand.append((batch, kept))

    @rule(name=st.sampled_from(KEYS), count=st.integers(1, 10))
    def release(self, name: str, count: int) -> None:
        """What was taken and is not sent from this worker's hand."""
        out = self.out(name)
        queue.release({name: count})
        assert self.out(name) == max(0, out - count)
        key = self.keys[name]
        if key.awaited is not None:
            key.awaited += count
        if key.bulk is not None:
            key.bulk += count

    def out(self, name: str) -> int:
        return int(self.redis.hget(f"{{send}}:pace:{name}", "out") or 0)

    @rule(
        name=st.sampled_from(KEYS),
        wanted=st.integers(0, 30),
        missed=st.integers(0, 3),
        within=st.sampled_from([0.025, 0.3]),
    )
    def reserve(self, name: str, wanted: int, missed: int, within: float) -> None:
        out, before = self.out(name), self.now()
        found = queue.reserve({name: queue.Ask(wanted, missed)}, within=within)
        assert found.keys() == ({name} if self.keys[name].quota else set())
        if found:
            slots = found[name]
            assert slots.count <= wanted
            if slots.count:
                last = slots.start + (slots.count - 1) * slots.interval + self.passed
                assert before < slots.start + self.passed + ROUNDING
                assert last <= self.now() + within + ROUNDING, "a slot too early"
            assert self.out(name) == max(0, out + missed - slots.count)
            self._grant(name, slots)

    @rule(name=st.sampled_from(KEYS), seconds=st.floats(0.001, 0.3))
    def slip(self, name: str, seconds: float) -> None:
        if not self.keys[name].quota:
            return
        before = float(self.redis.hget(f"{{send}}:pace:{name}", "tat") or 0)
        queue.reserve({name: queue.Ask(0, late=seconds)}, within=0.025)
        after = float(self.redis.hget(f"{{send}}:pace:{name}", "tat") or 0)
        assert abs(after - before - seconds) < ROUNDING

    @rule(name=st.sampled_from(KEYS), quota=st.sampled_from([0, 1, 14, 50, 200, 1000]))
    def set_rate(self, name: str, quota: int) -> None:
        queue.set_rate(name, quota)
        self.keys[name].quota = quota

    @rule(
        name=st.sampled_from(KEYS),
        awaited=st.none() | st.integers(0, 40),
        reserve=st.integers(0, 10),
    )
    def set_budget(self, name: str, awaited: int | None, reserve: int) -> None:
        bulk = None if awaited is None else max(0, awaited - reserve)
        queue.set_budget(name, Budget(awaited, bulk))
        key = self.keys[name]
        key.awaited, key.bulk = self.lower(name, "awaited", awaited), self.lower(name, "bulk", bulk)

    def lower(self, name: str, which: str, wanted: int | None) -> int | None:
        """What a budget was set to: as wanted, or less while what was taken may be unclaimed."""
        found = self.redis.hget(f"{{send}}:pace:{name}", which)
        if wanted is None or found is None:
            assert wanted is found is None
            return None
        assert int(found) <= wanted
        return int(found)

    @rule(name=st.sampled_from(KEYS))
    def throttle(self, name: str) -> None:
        before, cut = self.now(), self.cut(name)
        last = float(self.redis.hget(f"{{send}}:pace:{name}", "cut_at") or 0) + self.passed
        if queue.throttle(name):
            key = self.keys[name]
            key.rests_until = max(key.rests_until, before + queue._REST)
            if self.now() - last < queue._MEMORY:
                assert queue._FLOOR <= self.cut(name) <= max(queue._FLOOR, queue._CUT)
            else:
                assert self.cut(name) >= cut
        else:
            assert self.cut(name) == cut

    @rule(name=st.sampled_from(KEYS), seconds=st.sampled_from([0.2, 2.0]))
    def rest(self, name: str, seconds: float) -> None:
        before = self.now()
        queue.rest(name, seconds)
        key = self.keys[name]
        key.rests_until = max(key.rests_until, before + seconds)

    @rule(name=st.sampled_from(KEYS), seconds=st.sampled_from([0.5, 600.0]), lane=st.integers(0, 3))
    def park(self, name: str, seconds: float, lane: int) -> None:
        before = self.now()
        queue.park(name, seconds, from_lane=lane)
        key = self.keys[name]
        key.parked_until, key.parked_lane = before + seconds, lane

    @rule(name=st.sampled_from(KEYS))
    def unpark(self, name: str) -> None:
        queue.unpark(name)
        self.keys[name].parked_until = 0.0

    @rule(batch=st.integers(0, len(BATCHES) - 1))
    def drop(self, batch: int) -> None:
        queue.drop(*BATCHES[batch], batch)
        self.waiting[batch] = []

    @rule(seconds=st.sampled_from([0.02, 0.1, 0.6, 1.1, 5.0]))
    def wait(self, seconds: float) -> None:
        later_in_valkey(self.redis, seconds)
        self.passed += seconds

    # --- what must be true -----------------------------------------------------------------------
    @invariant()
    def rings_hold_what_waits_once(self) -> None:
        for name in KEYS:
            for lane in Lane:
                ring = self.redis.lrange(f"{{send}}:ring:{name}:{lane}", 0, -1)
                wanted = [
                    batch
                    for batch, ids in self.waiting.items()
                    if ids and BATCHES[batch] == (name, lane)
                ]
                assert sorted(int(batch) for batch in ring) == wanted

    @invariant()
    def no_key_that_waits_is_forgotten(self) -> None:
        now = self.now()
        for name, key in self.keys.items():
            if any(ids for batch, ids in self.waiting.items() if BATCHES[batch][0] == name):
                due = self.redis.zscore("{send}:wheel", name)
                assert due is not None, "waits, and no worker will look"
                tat = float(self.redis.hget(f"{{send}}:pace:{name}", "tat") or 0)
                latest = max(now + 10, tat + self.passed, key.parked_until)
                assert (
                    due + self.passed <= latest + 0.1
                )  # a virtual machine's clock may be set back

    def teardown(self) -> None:
        for key in self.keys.values():
            check_pace(key.slots)
        self._everything_leaves()

    def _everything_leaves(self) -> None:
        """Once nothing holds it, all that waits leaves, and at the full rate again."""
        for name in KEYS:
            self.unpark(name)
            self.set_rate(name, 1000)
            self.set_budget(name, None, 0)
        later_in_valkey(self.redis, 60)  # the cuts have grown back by then
        self.passed += 60
        intervals = []
        for _ in range(1000):
            if not any(self.waiting.values()):
                break
            self.intervals.clear()
            self.take(40)
            intervals += self.intervals
            self.wait(1.1)
        assert not any(self.waiting.values()), "it never leaves"
        assert all(abs(one - 1 / effective_rate(1000)) <= ROUNDING for one in intervals)


def check_pace(slots: list[Slot]) -> None:
    """Slots keep their distance, and no sliding second holds more than the quota in force in it."""
    ordered = sorted(slots, key=lambda slot: slot.at)
    for before, after in pairwise(ordered):
        assert after.at - before.at >= before.interval - ROUNDING, "two slots too near"
    for first, slot in enumerate(ordered):
        window = list(_until(ordered, first, slot.at + 1))
        assert len(window) <= max(one.quota for one in window), "a second above the quota"


def _until(slots: list[Slot], first: int, end: float) -> Iterator[Slot]:
    for slot in slots[first:]:
        if slot.at >= end:
            return
        yield slot


def test_no_interleaving_breaks_a_quota_or_loses_a_message(redis: Redis) -> None:
    class Machine(PacerMachine):
        def __init__(self) -> None:
            super().__init__(redis)

    run_state_machine_as_test(Machine, settings=brief(40))
