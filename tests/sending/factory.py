"""Rows that the tests of the send engine start from."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from lists.models import Contact, List, Source, Subscription, SubscriptionStatus
from sending import tally
from sending.models import Batch, BatchState, Lane, Message, SesAccount


def make_batch(account: SesAccount, lists: Sequence[List] = (), **fields: Any) -> Batch:
    """A running batch that its content makes sendable; a campaign when it has lists."""
    return Batch.unscoped.create(
        **{
            "tenant": account.tenant,
            "ses_account": account,
            "lane": Lane.CAMPAIGN if lists else Lane.TRANSACTIONAL,
            "state": BatchState.RUNNING,
            "from_header": "Acme <news@acme.example>",
            "subject": "Hello {{ contact.first_name }}",
            "html": "<p>Hello {{ contact.first_name }}</p>"
            '<p>Acme, 1 Acme Street <a href="{{ unsubscribe_url }}">unsubscribe</a></p>',
            "text": "Hello {{ contact.first_name }}\n{{ unsubscribe_url }}",
            "list_ids": [one.pk for one in lists],
            **fields,
        }
    )


def make_contacts(subscribed: List, count: int, prefix: str = "p") -> list[Contact]:
    """Active members of a list, in bulk."""
    contacts = Contact.unscoped.bulk_create(
        Contact(
            tenant_id=subscribed.tenant_id,
            email=f"{prefix}{i}@example.net",
            email_norm=f"{prefix}{i}@example.net",
            first_name=f"N{i}",
        )
        for i in range(count)
    )
    Subscription.unscoped.bulk_create(
        Subscription(
            tenant_id=subscribed.tenant_id,
            contact=contact,
            list=subscribed,
            status=SubscriptionStatus.ACTIVE,
            source=Source.IMPORT,
            confirmed_at=timezone.now(),
        )
        for contact in contacts
    )
    return contacts


def make_messages(batch: Batch, contacts: Sequence[Contact], **fields: Any) -> list[Message]:
    """Queued messages to contacts."""
    total = {(batch.tenant_id, batch.pk): {"total": len(contacts)}}
    tally.add(total, now=timezone.now())
    return Message.unscoped.bulk_create(
        Message(
            tenant_id=batch.tenant_id,
            batch=batch,
            contact=contact,
            email=contact.email,
            **fields,
        )
        for contact in contacts
    )
