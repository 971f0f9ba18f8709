"""What the app below asks of sending."""

from typing import Any

from django.dispatch import receiver

from lists.models import Contact
from lists.signals import contact_erased, contact_exported
from sending.forgetting import anonymise, known_of


@receiver(contact_exported)
def add_mails(contact: Contact, **_: Any) -> dict[str, Any]:
    """The person's mails."""
    return known_of(contact)


@receiver(contact_erased)
def forget_mails(contact: Contact, **_: Any) -> None:
    """Their mails stay without them."""
    anonymise(contact)
