"""Contacts and suppressions as CSV, streamed: memory stays the same at any size.

Contacts are read a window at a time, not by one long cursor: no transaction is held open while
somebody's slow line takes the file.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from lists.csvexport import csv_lines
from lists.fields import show
from lists.models import Contact, ContactTag, List, Subscription, Suppression
from lists.selectors.contacts import add_states
from lists.selectors.fields import fields_of
from lists.selectors.filters import STATES
from lists.selectors.windows import end_of_window, newest_id
from tenants.models import Tenant

_WINDOW = 2_000
_NAMED = ("email", "first_name", "last_name")
_SUPPRESSION_COLUMNS = ("email", "reason", "source", "diagnostic", "suppressed_at")


def contact_lines(*, tenant: Tenant, contacts: QuerySet[Contact]) -> Iterator[str]:
    """A CSV file of these contacts of the tenant, the oldest first: fields, tags, status, and the
    place on each list.

    `contacts` is any queryset of contacts without an order: it is narrowed to one window of ids
    after the other.
    """
    fields = [field.key for field in fields_of(tenant)]
    lists = list(List.objects.for_tenant(tenant).order_by("name"))
    header = [*_NAMED, *fields, "tags", "status", "added_at", "unsubscribed_at", "paused_until"]
    rows = (
        row for chunk in _windows(tenant, contacts) for row in _rows(tenant, chunk, fields, lists)
    )
    return csv_lines([*header, *(f"list: {one.name}" for one in lists)], rows)


def suppression_lines(suppressions: QuerySet[Suppression]) -> Iterator[str]:
    """A CSV file of these suppressions, the newest first; those of erased people hold no address
    and are left out by the caller.
    """
    rows = (
        (one.email_norm, one.reason, one.source, one.diagnostic, one.created_at.isoformat())
        for one in suppressions.order_by("-id").iterator(chunk_size=_WINDOW)
    )
    return csv_lines(_SUPPRESSION_COLUMNS, rows)


def _windows(tenant: Tenant, contacts: QuerySet[Contact]) -> Iterator[list[Contact]]:
    after, newest = 0, newest_id(tenant)
    while True:
        end = end_of_window(tenant=tenant, after=after, up_to=newest, size=_WINDOW)
        if end is None:
            return
        yield list(contacts.filter(pk__gt=after, pk__lte=end).order_by("pk"))
        after = end


def _rows(
    tenant: Tenant, contacts: list[Contact], fields: list[str], lists: list[List]
) -> Iterator[list[Any]]:
    if not contacts:
        return
    add_states(tenant, contacts)
    tags: dict[int, list[str]] = {}
    tagged = ContactTag.objects.for_tenant(tenant).filter(contact__in=contacts)
    for contact_id, name in tagged.order_by("tag__name").values_list("contact_id", "tag__name"):
        tags.setdefault(contact_id, []).append(name)
    places = {
        (contact_id, list_id): status
        for contact_id, list_id, status in Subscription.objects.for_tenant(tenant)
        .filter(contact__in=contacts)
        .values_list("contact_id", "list_id", "status")
    }
    for contact in contacts:
        own = [contact.fields.get(key) for key in fields]
        yield [
            contact.email,
            contact.first_name,
            contact.last_name,
            *("" if value is None else show(value) for value in own),
            ", ".join(tags.get(contact.pk, ())),
            STATES[contact.state].lower(),  # type: ignore[attr-defined]
            contact.created_at.isoformat(),
            contact.unsubscribed_at.isoformat() if contact.unsubscribed_at else "",
            contact.paused_until.isoformat() if contact.paused_until else "",
            *(places.get((contact.pk, one.pk), "") for one in lists),
        ]
