"""Prepared statements: once a connection, whatever becomes of the transaction or the connection."""

import pytest
from django.db import connection, transaction

from tenants.prepared import Prepared

ADD = Prepared("test_add", "SELECT $1::int + $2::int, $3::text")


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = 'test_add'")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_values_are_values() -> None:
    assert ADD.rows(1, 2, "'; --%s") == [(3, "'; --%s")]
    assert ADD.rows(4, None, None) == [(None, None)]


@pytest.mark.django_db(transaction=True)
def test_it_outlives_a_rollback_and_comes_back_with_a_new_connection() -> None:
    connection.close()
    with transaction.atomic():
        ADD.rows(1, 2, "")
        transaction.set_rollback(True)
    assert prepared() == 1
    assert ADD.rows(1, 2, "") == [(3, "")]
    connection.close()
    assert prepared() == 0
    assert ADD.rows(1, 2, "") == [(3, "")]
