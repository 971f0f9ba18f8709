"""Keyset paging, newest first: every page costs the same, however deep."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

PAGE_SIZE = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, and the cursors of the pages beside them ("" where there is none).

    `stopped` where the page ends before it is full, though more may be found behind it.
    """

    rows: list[Row]
    next: str
    previous: str
    stopped: bool = False


def keyset(
    rows: QuerySet[Row], *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Page[Row]:
    """The rows behind `after`, or those just before `before`; a cursor is the id of a row.

    A cursor that is no number is taken as the beginning.
    """
    backwards = before.isdecimal() and not after
    forwards = after.isdecimal()
    if backwards:
        rows = rows.filter(id__gt=_id(before)).order_by("id")
    else:
        rows = rows.order_by("-id")
        if forwards:
            rows = rows.filter(id__lt=_id(after))
    found = list(rows[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_next, has_previous = (bool(found), more) if backwards else (more, forwards)
    return Page(
        found,
        next=str(found[-1].pk) if found and has_next else "",
        previous=str(found[0].pk) if found and has_previous else "",
    )


def _id(cursor: str) -> int:
    return min(int(cursor[:19]), 2**63 - 1)


def count_up_to(rows: QuerySet[Any], most: int = 10_000) -> int | None:
    """How many rows, or None where there are more than `most`: counting a million takes long."""
    found = rows.order_by()[: most + 1].count()
    return found if found <= most else None
