"""How many messages a process keeps in flight: enough for the latency, not more.

Each is a connection. They are opened as answers come, for a few hundred TLS handshakes at once
take longer than a connection may take; and no more are opened once SES or this machine answers
slower for it, for then more in flight only wait longer (the idea of TCP Vegas, Brakmo and
Peterson 1995).
"""

_FIRST, _MOST = 32, 256
_SLOWER = 2.0  # times the quickest answer
_NOISE = 0.02  # seconds


class Window:
    """The number of messages that may be in hand, from the time that answers take."""

    def __init__(self) -> None:
        self.size = _FIRST
        self._quickest = float("inf")

    def answered(self, seconds: float) -> None:
        """Takes the time of one answer: one more fits, or one less."""
        self._quickest = min(self._quickest, seconds)
        if seconds <= self._quickest * _SLOWER + _NOISE:
            self.size = min(_MOST, self.size + 1)
        else:
            self.size = max(_FIRST, self.size - 1)
