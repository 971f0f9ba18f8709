"""The window of messages in flight."""

from hypothesis import given
from hypothesis import strategies as st

from sending.flight import Window


def after(seconds: float, answers: int, window: Window | None = None) -> Window:
    """A window that was full when each of so many answers came."""
    window = window or Window()
    for _ in range(answers):
        window.answered(seconds, in_flight=window.size)
    return window


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=60), st.integers(0, 256))))
def test_it_stays_within_its_bounds(answers: list[tuple[float, int]]) -> None:
    window = Window()
    for seconds, in_flight in answers:
        window.answered(seconds, in_flight=in_flight)
        assert 32 <= window.size <= 256


def test_it_grows_by_four_in_the_time_of_one_answer() -> None:
    assert after(0.05, 32).size == 35
    assert after(0.05, 32 + 36).size == 39
    assert after(0.05, 10_000).size == 256


def test_it_shrinks_while_answers_take_twice_as_long_and_recovers() -> None:
    window = after(0.05, 1_000)
    wide = window.size
    assert 32 < after(0.3, 300, window).size < wide
    assert after(0.3, 3_000, window).size == 32
    assert after(0.06, 1_000, window).size == wide


def test_what_leaves_half_of_it_free_does_not_widen_it() -> None:
    window = Window()
    for _ in range(1_000):
        window.answered(0.05, in_flight=15)
    assert window.size == 32


def test_connections_that_cannot_be_opened_narrow_it() -> None:
    window = after(0.05, 10_000)
    window.failed()
    assert window.size == 128
    for _ in range(9):
        window.failed()
    assert window.size == 32
