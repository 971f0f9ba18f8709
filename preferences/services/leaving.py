"""Leaving through a link in a mail."""

from collections.abc import Iterable

from django.db import transaction

from lists.models import List, Source
from lists.services.preferences import unsubscribe
from preferences.links import Link
from preferences.visitors import Visitor
from sending.services.batches import count_unsubscribe


@transaction.atomic
def leave(*, link: Link, lists: Iterable[List] | None, source: Source, visitor: Visitor) -> None:
    """Takes the link's contact off these lists, or off everything with None.

    What is news counts, once, for the batch whose mail brought the link.
    """
    if link.contact is None:
        return
    left = unsubscribe(
        contact=link.contact,
        lists=lists,
        source=source,
        ip=visitor.ip,
        user_agent=visitor.user_agent,
    )
    if left and link.batch:
        count_unsubscribe(batch=link.batch)
