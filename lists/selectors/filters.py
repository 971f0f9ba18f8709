"""Which contacts are meant: a filter, as pages, exports and bulk actions share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from lists.errors import FilterGone
from lists.models import (
    Contact,
    ContactTag,
    List,
    Segment,
    Subscription,
    SubscriptionStatus,
    Suppression,
    Tag,
)
from lists.segments.reading import parse
from lists.segments.sql import Compiled
from lists.selectors.segments import compiled, holds
from tenants.models import Tenant

_SEARCH_LENGTH, _WORDS = 200, 10

# What a contact is as a whole, in one word. Suppressed beats all, then come unsubscribed from
# everything and paused; see _state().
STATES = {
    "active": "Active",
    "unconfirmed": "Unconfirmed",
    "paused": "Paused",
    "unsubscribed": "Unsubscribed",
    "suppressed": "Suppressed",
    "none": "On no list",
}


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts are meant; blank means all of them.

    `status` is a key of STATES; with a list, that of the place on it (suppressed beats it).
    `only` are public ids: nobody else is meant.
    """

    search: str = ""
    list: List | None = None
    status: str = ""
    tag: Tag | None = None
    only: tuple[UUID, ...] = ()
    segment: Segment | None = None

    @classmethod
    def read(cls, tenant: Tenant, given: Mapping[str, Any]) -> "ContactFilter":
        """The filter that the parameters q, list, status, tag, segment and only of a page say.

        Raises FilterGone where it names what is not there: it must not widen to everyone.
        """
        status = str(given.get("status") or "")
        if status and status not in STATES:
            raise FilterGone
        try:
            only = tuple(UUID(str(one)) for one in given.get("only") or ())
        except ValueError as error:
            raise FilterGone from error
        words = str(given.get("q") or "").replace("\0", "")[:_SEARCH_LENGTH].split()
        return cls(
            search=" ".join(words[:_WORDS]),
            list=_named(List.objects.for_tenant(tenant), given.get("list")),
            status=status,
            tag=_named(Tag.objects.for_tenant(tenant), given.get("tag")),
            only=only,
            segment=_named(
                Segment.objects.for_tenant(tenant).select_related("tenant"), given.get("segment")
            ),
        )

    def parameters(self) -> dict[str, Any]:
        """What read() reads, without what is blank."""
        given = {
            "q": self.search,
            "list": str(self.list.public_id) if self.list else "",
            "status": self.status,
            "tag": str(self.tag.public_id) if self.tag else "",
            "segment": str(self.segment.public_id) if self.segment else "",
            "only": [str(one) for one in self.only],
        }
        return {name: value for name, value in given.items() if value}

    def in_segment(self) -> Compiled | None:
        """The condition of the segment as of now: what it names may have gone since."""
        if self.segment is None:
            return None
        return compiled(self.segment.tenant, parse(self.segment.definition))

    def words(self) -> str:
        """Who that is, for people: "On News, active, with “ann” in address or name"."""
        if self.only:
            count = len(self.only)
            return f"{count:,} chosen contact{'s' if count > 1 else ''}"
        parts = [
            f"on {self.list}" if self.list else "",
            STATES[self.status].lower() if self.status else "",
            f"with the tag {self.tag}" if self.tag else "",
            f"in the segment {self.segment}" if self.segment else "",
            f"with “{self.search}” in address or name" if self.search else "",
        ]
        said = ", ".join(filter(None, parts))
        return f"{said[0].upper()}{said[1:]}" if said else "Everyone"


def _named(owned: QuerySet[Any], public_id: Any) -> Any:
    if not public_id:
        return None
    try:
        found = owned.filter(public_id=UUID(str(public_id))).first()
    except ValueError as error:
        raise FilterGone from error
    if found is None:
        raise FilterGone
    return found


def find_contacts(*, tenant: Tenant, wanted: ContactFilter) -> QuerySet[Contact]:
    """Contacts that match, in no order. Where a page of them is enough, walking.page_of()."""
    rows: QuerySet[Contact] = Contact.objects.for_tenant(tenant)
    if wanted.only:
        rows = rows.filter(public_id__in=wanted.only)
    for word in wanted.search.split():
        rows = rows.filter(
            Q(email_norm__contains=word.lower())
            | Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
        )
    if wanted.list is not None:
        rows = rows.filter(Exists(_places(list=wanted.list)))
    if wanted.tag is not None:
        rows = rows.filter(
            Exists(ContactTag.unscoped.filter(contact=OuterRef("pk"), tag=wanted.tag))
        )
    if (condition := wanted.in_segment()) is not None:
        rows = rows.filter(holds(tenant, condition))
    if wanted.status:
        rows = rows.filter(_in_state(wanted.status, wanted.list))
    return rows


def _places(**conditions: Any) -> QuerySet[Subscription]:
    return Subscription.unscoped.filter(contact=OuterRef("pk"), **conditions)


def _in_state(state: str, list_: List | None) -> Q:
    """The same decision as _state(), for the database."""
    now = timezone.now()
    on = {"list": list_} if list_ else {}
    suppressed = Exists(
        Suppression.unscoped.filter(tenant=OuterRef("tenant"), email_norm=OuterRef("email_norm"))
    )
    active = _places(status=SubscriptionStatus.ACTIVE, **on)
    running = Exists(active.filter(Q(paused_until=None) | Q(paused_until__lte=now)))
    is_active, waits = Exists(active), Exists(_places(status=SubscriptionStatus.UNCONFIRMED, **on))
    gone = Q(unsubscribed_at__isnull=False)
    paused = Q(paused_until__gt=now)
    unsuppressed = ~suppressed & ~gone
    conditions = {
        "suppressed": suppressed,
        "unsubscribed": ~suppressed
        & (gone | (~paused & Q(Exists(_places(**on))) & ~Q(is_active) & ~Q(waits))),
        "paused": unsuppressed & (paused | (Q(is_active) & ~Q(running))),
        "active": unsuppressed & ~paused & Q(running),
        "unconfirmed": unsuppressed & ~paused & ~Q(is_active) & Q(waits),
        "none": unsuppressed & ~paused & ~Q(Exists(_places(**on))),
    }
    return Q(conditions[state])
