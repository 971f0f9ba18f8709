"""The window of messages in flight."""

from hypothesis import given
from hypothesis import strategies as st

from sending.flight import Window


def after(seconds: float, answers: int, window: Window | None = None) -> Window:
    window = window or Window()
    for _ in range(answers):
        window.answered(seconds)
    return window


@given(st.lists(st.floats(min_value=0, max_value=60), max_size=600))
def test_it_stays_within_its_bounds(answers: list[float]) -> None:
    window = Window()
    for seconds in answers:
        window.answered(seconds)
        assert 32 <= window.size <= 256


def test_it_grows_by_one_with_each_quick_answer() -> None:
    assert after(0.05, 10).size == 42
    assert after(0.05, 1_000).size == 256


def test_it_shrinks_while_answers_take_twice_as_long_and_recovers() -> None:
    window = after(0.05, 100)
    assert after(0.3, 60, window).size == 72
    assert after(0.3, 600, window).size == 32
    assert after(0.06, 50, window).size == 82
