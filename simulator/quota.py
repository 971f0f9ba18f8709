"""The two SES quotas, both counted in recipients (SES Developer Guide, "Service quotas")."""

import math
from collections import deque

from simulator.web import ApiError

DAY = 86_400.0
WINDOW = 1.0
MARGIN = 1e-6  # over what a float of seconds since 1970 can tell apart


def rate_exceeded() -> ApiError:
    """Return SES's refusal above the maximum send rate."""
    return ApiError("TooManyRequestsException", "Maximum sending rate exceeded.", 429)


def day_exceeded() -> ApiError:
    """Return SES's refusal above the rolling 24-hour quota."""
    return ApiError("LimitExceededException", "Daily message quota exceeded.", 400)


class SendQuota:
    """Counters of one account in one region; times are seconds since any fixed moment.

    Mode "strict" refuses whatever would put more than the rate into any sliding second. Mode
    "bucket" is a token bucket that holds one second's worth and may go into debt, as AWS's blog
    describes (a five-recipient message at 1/s is taken, then all is refused for five seconds).
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()
        self._recent_sum = 0
        self._blocked_until = 0.0
        self._tokens = math.inf
        self._refilled = 0.0
        self._day: deque[tuple[float, int]] = deque()
        self._day_sum = 0

    def admit(self, now: float, recipients: int, counted: int, limits: "Limits") -> None:
        """Count one message, or raise the refusal and count nothing.

        `counted` is how many recipients count to the day (simulator addresses do not).
        """
        if limits.max_24_hours >= 0 and self.sent(now) + counted > limits.max_24_hours:
            raise day_exceeded()
        if limits.mode == "bucket":
            self._take_tokens(now, recipients, limits.rate)
        else:
            self._take_window(now, recipients, limits.rate)
        self.add_day(now, counted)

    def sent(self, now: float) -> int:
        """Return the recipients of the last 24 hours."""
        day = self._day
        while day and day[0][0] <= now - DAY:
            self._day_sum -= day.popleft()[1]
        return self._day_sum

    def add_day(self, now: float, recipients: int) -> None:
        """Count recipients to the day only, as another sender of the same account would."""
        if not recipients:
            return
        day = self._day
        if day and now - day[-1][0] < WINDOW:
            day[-1] = (day[-1][0], day[-1][1] + recipients)
        else:
            day.append((now, recipients))
        self._day_sum += recipients

    def _take_window(self, now: float, recipients: int, rate: float) -> None:
        recent = self._recent
        while recent and recent[0][0] <= now - WINDOW - MARGIN:
            self._recent_sum -= recent.popleft()[1]
        if now < self._blocked_until or (recent and self._recent_sum + recipients > rate):
            raise rate_exceeded()
        if recipients > rate:  # larger than any second: taken from rest, then paid off
            self._blocked_until = now + recipients / rate
        recent.append((now, recipients))
        self._recent_sum += recipients

    def _take_tokens(self, now: float, recipients: int, rate: float) -> None:
        full = math.ceil(rate)
        self._tokens = min(full, self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        if self._tokens < 1:
            raise rate_exceeded()
        self._tokens -= recipients


class Limits:
    """The limits in force: recipients per rolling 24 hours (-1: none) and per second."""

    __slots__ = ("max_24_hours", "mode", "rate")

    def __init__(self, max_24_hours: float, rate: float, mode: str) -> None:
        self.max_24_hours = max_24_hours
        self.rate = rate
        self.mode = mode
