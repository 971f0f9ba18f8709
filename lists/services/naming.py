"""What every thing of a workspace has that nothing else of its kind may have: its name."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from tenants.errors import BluefoxError


@contextmanager
def name_of_its_own(taken: BluefoxError) -> Iterator[None]:
    """A transaction that stores a thing; raises `taken` where another one has its name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise taken from error
