"""What the app below asks of sending."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from lists.models import Contact
from lists.signals import (
    contact_erased,
    contact_exported,
    suppressed_by_us,
    suppression_lifted,
)
from sending import outbox
from sending.forgetting import anonymise, known_of
from sending.tasks import mirror_suppressions
from tenants.models import Tenant


@receiver(contact_exported)
def add_mails(contact: Contact, **_: Any) -> dict[str, Any]:
    """The person's mails."""
    return known_of(contact)


@receiver(contact_erased)
def forget_mails(contact: Contact, **_: Any) -> None:
    """Their mails stay without them."""
    anonymise(contact)
    outbox.forget(contact)


@receiver(suppressed_by_us)
def put_on_list(tenant_id: int, rows: Sequence[tuple[str, str, str]], **_: Any) -> None:
    """SES is to suppress them, too."""
    outbox.queue_puts(tenant_id, rows)


@receiver(suppression_lifted)
def take_off_list(tenant: Tenant, email_norm: str, **_: Any) -> None:
    """SES is to let the address be mailed again, too; the clock sees to it if the ring is lost."""
    if outbox.queue_removal(tenant.pk, email_norm):
        transaction.on_commit(mirror_suppressions.delay, robust=True)
