"""What SES told of a tenant's mails, found by an index: of a mail, of an address, or feedback."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Lower

from lists.addresses import Address
from lists.models import Contact
from sending.models import EventKind, Lane, Message, MessageData, MessageEvent
from tenants.models import Tenant

# What is few, and has an index of its own in each workspace.
FEEDBACK = (EventKind.BOUNCE, EventKind.COMPLAINT)


@dataclass(frozen=True)
class EventFilter:
    """Which events are meant. One of email, address or a kind of FEEDBACK has to be there: all
    events of a workspace have no order of their own in the database.
    """

    kind: str = ""
    email: UUID | None = None
    address: Address | None = None
    since: datetime | None = None
    until: datetime | None = None


def find_events(tenant: Tenant, wanted: EventFilter) -> QuerySet[MessageEvent]:
    """The tenant's events, in no order, each with its message, batch, campaign and mail."""
    rows = MessageEvent.objects.for_tenant(tenant)
    if wanted.email is not None:
        mails = MessageData.objects.for_tenant(tenant).filter(
            public_id=wanted.email, message__batch__lane=Lane.TRANSACTIONAL
        )
        rows = rows.filter(message__in=mails.values("message"))
    if wanted.address is not None:
        rows = rows.filter(message__in=_messages_to(tenant, wanted.address))
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    found: QuerySet[MessageEvent] = rows.select_related(
        "message__batch__campaign", "message__extra"
    )
    return found


def _messages_to(tenant: Tenant, address: Address) -> list[int]:
    """Ids of the messages to an address: to its contact, and those without one."""
    owned = Message.objects.for_tenant(tenant)
    contacts = Contact.objects.for_tenant(tenant).filter(email_norm=address.email_norm)
    to_contact = owned.filter(contact__in=list(contacts))
    bare = owned.annotate(lower=Lower("email")).filter(contact=None, lower=address.email.lower())
    return [*to_contact.values_list("pk", flat=True), *bare.values_list("pk", flat=True)]
