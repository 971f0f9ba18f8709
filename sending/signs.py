"""What processes leave in Valkey for the operator: that they live, and what went wrong.

Nothing depends on it. Valkey may lose it, and what is older is in the log.
"""

import logging
import threading
import time
from collections import deque
from contextlib import suppress

import orjson
from redis.exceptions import RedisError

from sending.queue import valkey

# Sorted sets of names by when they were last heard of, in seconds since 1970.
WORKERS = "{send}:workers"
DRAINS = "{send}:drains"
# A list of JSON, the newest first.
FAULTS = "{send}:faults"
KEPT_FAULTS = 50
_FORGOTTEN_AFTER = 86_400  # seconds


def heard(kind: str, name: str) -> None:
    """Notes that one of a kind (WORKERS, DRAINS) lives. Without Valkey nothing happens."""
    now = time.time()
    pipe = valkey().pipeline(transaction=False)
    pipe.zadd(kind, {name: now})
    pipe.zremrangebyscore(kind, 0, now - _FORGOTTEN_AFTER)
    with suppress(RedisError):
        pipe.execute()


def gone(name: str) -> None:
    """Notes that a worker has ended in order."""
    with suppress(RedisError):
        valkey().zrem(WORKERS, name)


class FaultLog(logging.Handler):
    """Keeps the newest warnings of a logger where the operator's page finds them.

    The formatter must redact. A thread writes, for who logs may be an event loop that sends mail;
    what comes faster than it can be written is dropped, the oldest first.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._new: deque[bytes] = deque(maxlen=KEPT_FAULTS)
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a record; its `pace_key`, if it has one, says whose mail it is about."""
        fault = {
            "at": record.created,
            "pace_key": getattr(record, "pace_key", ""),
            "source": record.name,
            "text": self.format(record)[:500],
        }
        self._new.append(orjson.dumps(fault))
        # After a fork the thread is the parent's, and not alive.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._write, name="faults", daemon=True)
            self._thread.start()

    def _write(self) -> None:
        while faults := self._take():
            with suppress(RedisError):  # the log has them
                pipe = valkey().pipeline(transaction=False)
                pipe.lpush(FAULTS, *faults)
                pipe.ltrim(FAULTS, 0, KEPT_FAULTS - 1)
                pipe.execute()

    def _take(self) -> list[bytes]:
        """What is to be written; when that is nothing, the thread is about to end."""
        self.acquire()
        try:
            faults = list(self._new)
            self._new.clear()
            if not faults:
                self._thread = None
            return faults
        finally:
            self.release()
