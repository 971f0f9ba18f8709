"""When mail last left through each account, and when SES last told of any: exact to ten seconds.

So often, and not for each mail, the account's row is written: processes need not wait for each
other there. Whoever writes several locks them in one order.
"""
# ruff: noqa: S608 (only constants are written into the SQL; every value is a parameter)

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection

EXACT_TO = timedelta(seconds=10)
# Who was told of something within that time is told of everything.
EVENTS_FLOW = timedelta(hours=1)
_OF_BATCHES = "SELECT ses_account_id FROM sending_batch WHERE id = ANY(%(ids)s)"


def _note(column: str, accounts: str) -> str:
    return f"""
        WITH stale AS (
            SELECT id FROM sending_sesaccount
            WHERE id = ANY(ARRAY({accounts}))
              AND ({column} IS NULL OR {column} < %(now)s - interval '{EXACT_TO.seconds} seconds')
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE sending_sesaccount a SET {column} = %(now)s FROM stale WHERE a.id = stale.id
    """


_SENT = _note("last_sent_at", _OF_BATCHES)
_HEARD = _note("last_event_at", "SELECT unnest(%(ids)s)")


def sent(batch_ids: Collection[int], now: datetime) -> None:
    """Mails of these batches have left."""
    _write(_SENT, batch_ids, now)


def heard(account_ids: Collection[int], now: datetime) -> None:
    """Events of these accounts have come."""
    _write(_HEARD, account_ids, now)


def _write(statement: str, ids: Collection[int], now: datetime) -> None:
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"ids": list(ids), "now": now})
