"""Transactions that are tried again where others were in their way."""

from collections.abc import Callable, Collection
from itertools import count
from typing import TypeVar

from django.db import IntegrityError, OperationalError, transaction
from psycopg2.errorcodes import DEADLOCK_DETECTED

ATTEMPTS = 5

T = TypeVar("T")


class TryAgain(Exception):
    """Nothing of this attempt is to stay; the next one may find what this one has missed."""


def try_again(act: Callable[[int], T], *, on: Collection[str] = (DEADLOCK_DETECTED,)) -> T:
    """What `act` returns, run in a transaction of its own and told how often it was tried before.

    It is tried again where it raises TryAgain, or PostgreSQL one of the errors `on`: a deadlock
    says that somebody else changed the same rows in another order, and that PostgreSQL chose us.
    The last of ATTEMPTS raises what is wrong.
    """
    for tried in count():
        try:
            with transaction.atomic():
                return act(tried)
        except (OperationalError, IntegrityError) as error:
            if tried + 1 == ATTEMPTS or getattr(error.__cause__, "pgcode", "") not in on:
                raise
        except TryAgain:
            if tried + 1 == ATTEMPTS:
                raise
    raise AssertionError
