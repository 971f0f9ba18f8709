"""When a member is mailed: a table of what is wanted, what waits and what has been."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from webhooks.cadence import EACH_PER_HOUR, Past, Step, Waiting, decide, is_quiet
from webhooks.models import AlertChoice, Cadence

NOW = datetime.fromisoformat("2026-11-20T10:00:00+00:00")
ZONE = ZoneInfo("Europe/Berlin")  # 11:00 there
EACH, QUARTER, HOUR, DAY = Cadence.EACH, Cadence.QUARTER, Cadence.HOUR, Cadence.DAY


def before(**ago: float) -> datetime:
    return NOW - timedelta(**ago)


def news(count: int = 1, share: float = 0.0, **ago: float) -> Waiting:
    return Waiting(count, before(**(ago or {"minutes": 2})), share)


FULL = EACH_PER_HOUR
CASES = [
    (Cadence.NONE, {}, news(99), Past(), Step.WAIT),
    (QUARTER, {}, news(0), Past(), Step.WAIT),
    (QUARTER, {}, news(), Past(), Step.TOGETHER),
    (QUARTER, {}, news(seconds=59), Past(), Step.WAIT),
    (QUARTER, {}, news(9), Past(before(minutes=14)), Step.WAIT),
    (QUARTER, {}, news(9), Past(before(minutes=15)), Step.TOGETHER),
    (HOUR, {}, news(9), Past(before(minutes=59)), Step.WAIT),
    (HOUR, {}, news(9), Past(before(minutes=60)), Step.TOGETHER),
    # Ten o'clock in Berlin was an hour ago.
    (DAY, {"daily_at": 10}, news(hours=2), Past(), Step.TOGETHER),
    (DAY, {"daily_at": 10}, news(minutes=30), Past(), Step.WAIT),
    (DAY, {"daily_at": 10}, news(hours=2), Past(before(minutes=55)), Step.WAIT),
    (DAY, {"daily_at": 10}, news(hours=2), Past(before(hours=25)), Step.TOGETHER),
    (DAY, {"daily_at": 12}, news(hours=2), Past(), Step.WAIT),
    (DAY, {"daily_at": 12}, news(hours=23, minutes=30), Past(), Step.TOGETHER),
    (EACH, {}, news(1, seconds=0), Past(), Step.EACH),
    (EACH, {}, news(FULL), Past(), Step.EACH),
    (EACH, {}, news(FULL + 1), Past(), Step.GATHERED),
    (EACH, {}, news(2), Past(NOW, FULL - 2), Step.EACH),
    (EACH, {}, news(3), Past(NOW, FULL - 2), Step.GATHERED),
    (EACH, {}, news(1), Past(NOW, FULL), Step.WAIT),
    (EACH, {}, news(1), Past(before(minutes=59), 1, gathered=True), Step.WAIT),
    (EACH, {}, news(1), Past(before(minutes=60), 0, gathered=True), Step.EACH),
    # From so many on, or from a share on.
    (QUARTER, {"at_least": 5}, news(4), Past(), Step.WAIT),
    (QUARTER, {"at_least": 5}, news(5), Past(), Step.TOGETHER),
    (QUARTER, {"at_share": 2.0}, news(500, 1.9), Past(), Step.WAIT),
    (QUARTER, {"at_share": 2.0}, news(1, 2.0), Past(), Step.TOGETHER),
    (QUARTER, {"at_least": 5, "at_share": 2.0}, news(1, 3.0), Past(), Step.TOGETHER),
    (QUARTER, {"at_least": 5, "at_share": 2.0}, news(9, 0.1), Past(), Step.TOGETHER),
    (QUARTER, {"at_least": 5, "at_share": 2.0}, news(1, 0.1), Past(), Step.WAIT),
    # Quiet from 10 to 12 there; it comes afterwards.
    (EACH, {"quiet_from": 10, "quiet_until": 12}, news(), Past(), Step.WAIT),
    (EACH, {"quiet_from": 9, "quiet_until": 11}, news(), Past(), Step.EACH),
]


@pytest.mark.parametrize(("cadence", "values", "waiting", "past", "step"), CASES)
def test_what_is_written(
    cadence: Cadence, values: dict[str, Any], waiting: Waiting, past: Past, step: Step
) -> None:
    choice = AlertChoice(cadence=cadence, **values)
    assert decide(choice, waiting, past, zone=ZONE, now=NOW) is step


@pytest.mark.parametrize(
    ("start", "end", "quiet"),
    [(None, None, False), (22, 8, False), (22, 12, True), (11, 12, True), (12, 11, False)],
)
def test_quiet_hours_may_go_over_midnight(start: int | None, end: int | None, quiet: bool) -> None:
    choice = AlertChoice(quiet_from=start, quiet_until=end)
    assert is_quiet(choice, zone=ZONE, now=NOW) is quiet
