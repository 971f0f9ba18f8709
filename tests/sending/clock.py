"""Time that passes at once: what PostgreSQL and Valkey remember moves into the past instead."""

from django.db import connection
from redis import Redis

_COLUMNS = {
    "sending_message": ("claimed_at",),
    "sending_sesaccount": ("last_event_at", "parked_until", "quota_read_at"),
}


def later_in_postgresql(seconds: float) -> None:
    """Makes claims, parkings and what was last heard so much older."""
    with connection.cursor() as cursor:
        for table, columns in _COLUMNS.items():
            moved = ", ".join(f"{name} = {name} - %s * interval '1 second'" for name in columns)
            cursor.execute(f"UPDATE {table} SET {moved}", [seconds] * len(columns))  # noqa: S608
        # By way of another decade: minutes are unique, and a moved one may meet one not moved yet.
        decade = 315_360_000
        for step in (-decade - seconds, decade):
            cursor.execute(
                "UPDATE sending_sentminute SET minute = minute + %s * interval '1 second'", [step]
            )


def later_in_valkey(redis: Redis, seconds: float) -> None:
    """Makes slots, rests, cuts and parkings of the wheel so much older."""
    for key in redis.zrange("{send}:wheel", 0, -1):
        redis.zincrby("{send}:wheel", -seconds, key)
    for key in redis.scan_iter("{send}:pace:*"):
        for name in ("tat", "rests", "cut_at", "until", "taken_at"):
            known = redis.hget(key, name)
            if known is not None:
                redis.hset(key, name, f"{float(known) - seconds:.6f}")
