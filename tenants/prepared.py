"""Statements that PostgreSQL parses and plans once a connection, for the paths that run most.

Planning a small statement costs PostgreSQL more than running it. psycopg2 prepares nothing by
itself; a connection keeps what SQL's PREPARE made until it is closed, also over a rollback.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections

_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


class Prepared:
    """A statement with $1, $2, … for its parameters; `name` is its own in the whole product.

    PostgreSQL reads a parameter's type from where it stands: cast where that tells nothing.
    """

    def __init__(self, name: str, sql: str) -> None:
        self._name = name
        self._sql = sql

    def rows(self, *parameters: Any) -> list[tuple[Any, ...]]:
        """Runs it with these parameters on the connection of this thread; its rows."""
        database = connections[DEFAULT_DB_ALIAS]
        with database.cursor() as cursor:
            known = _prepared.setdefault(database.connection, set())
            if self._name not in known:
                cursor.execute(f"PREPARE {self._name} AS {self._sql}")
                known.add(self._name)
            places = ", ".join(["%s"] * len(parameters))
            cursor.execute(f"EXECUTE {self._name} ({places})", parameters)
            return list(cursor.fetchall())
