"""Erasing a person; docs/decisions/erasure.md."""

from django.db import transaction

from lists.erased import mark_of
from lists.models import Contact, LiftedSuppression, Source, Suppression, SuppressionReason
from lists.services import consent
from lists.signals import contact_erased
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services import audit


@transaction.atomic
def erase_contact(*, contact: Contact, actor: User, request: HasMeta | None = None) -> None:
    """Deletes the contact with everything known of them, for good.

    The apps above delete or anonymise what they keep (lists.signals.contact_erased). A hash of
    the address stays suppressed, so that it is never mailed again. Raises Contact.DoesNotExist
    where another has erased it meanwhile.
    """
    contact = consent.locked(contact)
    of_address = Suppression.unscoped.filter(tenant_id=contact.tenant_id)
    of_address.filter(email_norm=contact.email_norm).delete()
    LiftedSuppression.unscoped.filter(
        tenant_id=contact.tenant_id, email_norm=contact.email_norm
    ).delete()
    of_address.get_or_create(
        tenant_id=contact.tenant_id,
        email_norm=mark_of(contact.tenant_id, contact.email_norm),
        defaults={"reason": SuppressionReason.ERASED, "source": Source.MEMBER},
    )
    contact_erased.send(sender=Contact, contact=contact)
    public_id = str(contact.public_id)
    tenant = contact.tenant
    contact.delete()
    audit.record(
        tenant=tenant, actor=actor, action="contact.erased", target=public_id, request=request
    )
