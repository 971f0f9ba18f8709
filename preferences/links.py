"""What a link in a mail names: whose it is, and which lists the mail went to."""

from dataclasses import dataclass

from lists import tokens
from lists.models import Contact, List
from sending.models import Batch


@dataclass(frozen=True)
class Link:
    """`contact` is None for a test mail, and for somebody whose data has been erased."""

    contact: Contact | None
    is_test: bool
    lists: tuple[List, ...] = ()  # of the mail; empty when it had none or they are gone
    batch: Batch | None = None  # None when it is gone


def read(token: str) -> Link:
    """What a RECIPIENT token names. Raises BadToken.

    Works as long as the contact exists, whatever became of campaign, batch and lists.
    """
    batch_id, contact_id = tokens.read(tokens.Kind.RECIPIENT, token)
    if contact_id == 0:
        return Link(contact=None, is_test=True)
    contact = Contact.unscoped.select_related("tenant").filter(pk=contact_id).first()
    if contact is None:
        return Link(contact=None, is_test=False)
    batch = Batch.objects.for_tenant(contact.tenant).filter(pk=batch_id).first()
    list_ids = batch.list_ids if batch else []
    lists = List.objects.for_tenant(contact.tenant).filter(pk__in=list_ids).order_by("name")
    return Link(contact=contact, is_test=False, lists=tuple(lists), batch=batch)
