"""How fast long work goes."""

from datetime import datetime

from django.utils import timezone


def pace_of(done: int, total: int, since: datetime | None) -> dict[str, float | None]:
    """`rate` a second and `seconds_left`, once there is something to reckon with; None before."""
    if not done or since is None:
        return {"rate": None, "seconds_left": None}
    rate = done / max((timezone.now() - since).total_seconds(), 0.1)
    return {"rate": rate, "seconds_left": max(total - done, 0) / rate}
