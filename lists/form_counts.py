"""What happens at sign-up forms, counted: in Valkey at once, in FormDay rows once a minute.

So a view of a page writes nothing to the database. A minute's counts may be lost with Valkey or
with the worker that folds them; nobody's subscription depends on them.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

import logging
from collections import defaultdict
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone
from psycopg2.extras import execute_values
from redis.exceptions import RedisError

from lists.models import SignupForm
from tenants.valkey import valkey

logger = logging.getLogger(__name__)


class Count(StrEnum):
    """What is counted: the columns of FormDay."""

    VIEWS = "views"
    SUBMITS = "submits"
    CONFIRMED = "confirmed"
    CAPTCHA = "refused_captcha"
    TRAP = "refused_trap"
    QUICK = "refused_quick"
    RATE = "refused_rate"
    ADDRESS = "refused_address"


_KEY = "form-counts"  # a hash: form id, day, column -> how many more
_TAKE = "local all = redis.call('HGETALL', KEYS[1]) redis.call('DEL', KEYS[1]) return all"
_COLUMNS = [str(one) for one in Count]
# A form that was deleted meanwhile is no row of the join, and stays until we are done.
_ADD = f"""
    INSERT INTO lists_formday AS d (tenant_id, form_id, day, {", ".join(_COLUMNS)})
    SELECT f.tenant_id, f.id, v.day::date, {", ".join(f"v.{name}" for name in _COLUMNS)}
    FROM (VALUES %s) AS v (form_id, day, {", ".join(_COLUMNS)})
    JOIN lists_signupform f ON f.id = v.form_id
    ORDER BY f.id, v.day
    FOR KEY SHARE OF f
    ON CONFLICT (form_id, day) DO UPDATE
    SET {", ".join(f"{name} = d.{name} + excluded.{name}" for name in _COLUMNS)}
"""


def count(form: SignupForm, what: Count) -> None:
    """Counts one more, on today's date in the workspace's zone. Never raises."""
    day = timezone.localdate(timezone=ZoneInfo(form.tenant.timezone))
    try:
        valkey().hincrby(_KEY, f"{form.pk} {day} {what}", 1)
    except RedisError:
        logger.warning("Valkey does not answer, so form %s does not count %s", form.pk, what)


def count_after_commit(form: SignupForm, what: Count) -> None:
    """Counts one more if the transaction that is open succeeds."""
    transaction.on_commit(lambda: count(form, what), robust=True)


def fold() -> int:
    """Adds what has been counted to FormDay; how many counts there were.

    Two folds at once take different counts. What cannot be stored is given back.
    """
    taken: list[bytes] = valkey().eval(_TAKE, 1, _KEY)
    counts = {key.decode(): int(value) for key, value in zip(taken[::2], taken[1::2], strict=True)}
    if not counts:
        return 0
    try:
        with connection.cursor() as cursor:
            execute_values(cursor, _ADD, _rows(counts), page_size=len(counts))
    except Exception:
        with valkey().pipeline() as pipe:
            for key, value in counts.items():
                pipe.hincrby(_KEY, key, value)
            pipe.execute()
        raise
    return len(counts)


def _rows(counts: dict[str, int]) -> list[tuple[Any, ...]]:
    days: defaultdict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for key, value in counts.items():
        form_id, day, column = key.split(" ")
        days[int(form_id), day][column] = value
    return [
        (form_id, day, *(found.get(name, 0) for name in _COLUMNS))
        for (form_id, day), found in sorted(days.items())
    ]
