"""Late sends move the slots behind them by just enough."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from sending.lateness import Lateness
from sending.ledger import Claimed
from sending.outbound import Outbound
from sending.pace import effective_rate, soon
from sending.schedule import Job
from sending.skeleton import Skeleton

OUT = Outbound(1, 3, 1, "111122223333:eu-west-1", cast(Skeleton, None))


def job() -> Job:
    return Job(cast(Claimed, None), OUT, claimed_at=0.0)


def test_a_little_late_moves_nothing() -> None:
    late = Lateness()
    one = job()
    late.planned(one, slot=10.0, interval=0.07)
    assert late.allows(one, 10.005)
    late.left(one, 10.005)
    assert not late.take_slips()
    assert not late.news.is_set()


def test_sends_that_were_held_up_together_move_the_slots_once() -> None:
    late = Lateness()
    one, other = job(), job()
    late.planned(one, slot=10.0, interval=0.07)
    late.planned(other, slot=10.02, interval=0.07)
    assert late.allows(one, 10.056)
    assert late.allows(other, 10.056)
    late.left(one, 10.058)  # the turn of the loop took as long
    late.left(other, 10.058)
    assert late.news.is_set()
    slips = late.take_slips()
    assert slips.keys() == {OUT.pace_key}
    assert abs(slips[OUT.pace_key] - 0.05) < 1e-9
    assert not late.take_slips()


def test_a_new_slot_is_cheaper_than_to_move_all_by_more() -> None:
    late = Lateness()
    one = job()
    late.planned(one, slot=10.0, interval=0.01)
    assert not late.allows(one, 10.05)
    assert not late.take_slips()


def test_a_slot_of_long_ago_is_given_up_at_any_rate() -> None:
    late = Lateness()
    one = job()
    late.planned(one, slot=10.0, interval=1.0)
    assert not late.allows(one, 10.3)


@given(
    st.sampled_from([1, 2, 5, 14, 30, 50, 100]),
    st.lists(st.floats(0, 0.25), min_size=150, max_size=150),
    st.integers(1, 3),
    st.sampled_from([1, 20, 1000]),
)
def test_no_second_holds_more_than_the_quota_however_late_sends_are(
    quota: int, delays: list[float], workers: int, accounts: int
) -> None:
    """Workers ask in turn, as early as they get slots; each send is late as the list says."""
    rate = effective_rate(quota)
    interval, within = 1 / rate, soon(accounts)
    senders = [Lateness() for _ in range(workers)]
    tat, now, sent = 0.0, 0.0, list[float]()
    waiting: list[tuple[float, int, Job]] = []  # when it leaves, whose it is

    def leave_until(moment: float) -> None:
        nonlocal tat
        for leaves, whose, one in sorted(waiting, key=lambda each: each[0]):
            if leaves <= moment:
                waiting.remove((leaves, whose, one))
                if senders[whose].allows(one, leaves):
                    sent.append(leaves)
                    senders[whose].left(one, leaves)
                    tat += senders[whose].take_slips().get(OUT.pace_key, 0.0)

    turn = 0
    while delays:
        now = max(now, tat - within)
        leave_until(now)
        now = max(now, tat - within)
        start = max(tat, now)
        count = min(len(delays), int((now + within - start) * rate) + 1)
        tat, turn = start + count * interval, turn + 1
        for i in range(count):
            one, slot = job(), start + i * interval
            senders[turn % workers].planned(one, slot=slot, interval=interval)
            waiting.append((slot + delays.pop(), turn % workers, one))
    leave_until(float("inf"))
    sent.sort()
    assert sent
    # Up to `quota` in any second: the quota-th after a send comes at least a second later.
    assert all(late - early >= 1 for early, late in zip(sent, sent[quota:], strict=False))
