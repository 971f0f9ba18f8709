"""How many messages a process keeps in flight: enough for the latency, not more.

Each is a connection, and to open one costs as much CPU as to send several mails. So more are opened
a few at a time as answers come, and no more once SES or this machine answers slower for it, for
then more in flight only wait longer (the idea of TCP Vegas, Brakmo and Peterson 1995).

It is for mail without a pace. Paced mail asks for no more than its pace does, and what waits for a
place misses its slot: it keeps to MOST only.
"""

MOST = 256
_FIRST = 32
_STEP = 4  # more, or less, in the time of one answer
_SLOWER = 2.0  # times the quickest answer
_NOISE = 0.02  # seconds


class Window:
    """The number of messages that may be in flight, from the time that answers take."""

    def __init__(self) -> None:
        self._size = float(_FIRST)
        self._quickest = float("inf")

    @property
    def size(self) -> int:
        return int(self._size)

    def answered(self, seconds: float, *, in_flight: int) -> None:
        """Takes the time of one answer. Quick ones prove nothing while half the window is free."""
        self._quickest = min(self._quickest, seconds)
        if seconds > self._quickest * _SLOWER + _NOISE:
            self._size = max(_FIRST, self._size - _STEP / self._size)
        elif in_flight * 2 >= self._size:
            self._size = min(MOST, self._size + _STEP / self._size)

    def failed(self) -> None:
        """No connection could be made: this machine or SES has too many already."""
        self._size = max(_FIRST, self._size / 2)
