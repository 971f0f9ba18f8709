"""What PostgreSQL has on its disk, and what it has written."""

from django.db import connection


def bytes_of(table: str) -> int:
    """A table with its indexes as they lie now, dead versions of rows included."""
    return _one("SELECT pg_total_relation_size(%s)", table)


def wal_bytes() -> int:
    """How much write-ahead log there has been since the cluster was made."""
    return _one("SELECT pg_current_wal_lsn() - '0/0'")


def _one(sql: str, *parameters: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.fetchone()[0])
