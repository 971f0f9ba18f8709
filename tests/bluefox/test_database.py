"""What every connection to PostgreSQL asks for."""

import pytest
from django.db import connection


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [("idle_in_transaction_session_timeout", "1min"), ("tcp_keepalives_idle", "30")],
)
def test_a_host_that_was_cut_off_does_not_keep_its_locks(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        assert cursor.fetchone() == (value,)
