"""How statements about many rows reach PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection

REASON_LENGTH, SES_ID_LENGTH = 300, 80


def column(said: str, length: int) -> str:
    """What AWS said, as PostgreSQL takes it: no NUL, and no longer than its column."""
    return said[:length].replace("\0", "")


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as one parameter, for json_to_recordset.

    Adapting each value of each row costs the client three times as much.
    """
    return orjson.dumps(rows).decode()


def execute(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Runs a statement and returns its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
