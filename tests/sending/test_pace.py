"""The arithmetic of both quotas."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sending.pace import (
    Budget,
    ahead,
    budget,
    bulk_limit,
    effective_rate,
    freed_at,
    lease_size,
    soon,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@given(st.floats(min_value=0, max_value=100_000))
def test_the_scheduled_rate_stays_below_the_quota(quota: float) -> None:
    assert 0.97 * quota <= effective_rate(quota) <= quota


@pytest.mark.parametrize(("quota", "most"), [(1, 1), (14, 14), (49, 49), (200, 199), (500, 496)])
def test_a_second_of_slots_never_holds_more_than_the_quota(quota: float, most: int) -> None:
    interval = 1 / effective_rate(quota)
    slots_in_a_closed_second = int(1 / interval) + 1
    assert slots_in_a_closed_second <= most


@given(st.floats(min_value=0.01, max_value=1_000_000))
def test_a_lease_covers_a_twentieth_of_a_second(rate: float) -> None:
    size = lease_size(rate)
    assert 1 <= size <= 200
    assert size <= max(4, rate / 20 + 1)
    assert size == 1 or rate >= 10


@given(st.floats(min_value=0.01, max_value=1_000_000))
def test_what_is_taken_ahead_is_little_and_lasts_until_the_next_look(rate: float) -> None:
    assert 0.2 <= ahead(rate) <= 0.3


@given(st.integers(min_value=0, max_value=10_000))
def test_slots_are_given_shortly_before_they_come(accounts: int) -> None:
    """With what a send may be late: well below the second after which they must still be free."""
    assert 0.025 <= soon(accounts) <= 0.3


@given(st.integers(min_value=0, max_value=2_000_000), st.integers(min_value=0))
def test_bulk_mail_never_gets_into_the_reserve(quota: int, used: int) -> None:
    left = budget(quota, used)
    assert left.awaited is not None
    assert left.bulk is not None
    assert 0 <= left.bulk <= left.awaited <= quota
    assert used + left.bulk <= max(used, quota * 0.9)


def test_minus_one_is_no_limit() -> None:
    assert budget(-1, 10**9) == Budget(None, None)


def test_the_quota_is_free_again_when_enough_old_minutes_are_a_day_old() -> None:
    sent = [(NOW - timedelta(hours=20 - hour), 100) for hour in range(5)]
    # 500 used of 450 that bulk may use: the first minute alone frees it.
    assert bulk_limit(500) == 450
    freed = freed_at(sent, limit=450, used=500, now=NOW)
    assert freed == sent[0][0] + timedelta(hours=24, minutes=1)
    assert freed_at(sent, limit=301, used=500, now=NOW) == sent[1][0] + timedelta(
        hours=24, minutes=1
    )


def test_use_that_we_did_not_make_cannot_be_foretold() -> None:
    assert freed_at([(NOW, 10)], limit=100, used=500, now=NOW) is None
