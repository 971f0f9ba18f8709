"""Writes to single contacts and their places on lists."""

from collections.abc import Iterable, Mapping

from django.db import transaction

from lists.addresses import normalise
from lists.errors import InvalidContact
from lists.fields import Value
from lists.mapping import NAME_LENGTH
from lists.models import (
    ConsentRecord,
    Contact,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.services import consent
from lists.suppressing import keep_erased
from tenants.models import Tenant

CONSENT_WORDING = (
    "This person has agreed to be mailed about this, or there is another lawful ground, and I can "
    "prove it."
)


@transaction.atomic
def upsert_contact(
    *,
    tenant: Tenant,
    email: str,
    first_name: str = "",
    last_name: str = "",
    fields: Mapping[str, Value] | None = None,
    source: Source,
) -> Contact:
    """The contact with this address, made or brought up to date; no list changes.

    Blank values overwrite nothing, other fields stay; `fields` are values of their kinds, as
    lists.fields.parse() reads them. `source` is kept with what is subscribed
    later, not here. Raises InvalidAddress or InvalidContact.
    """
    address = normalise(email)
    values = {
        "first_name": _name("first_name", first_name),
        "last_name": _name("last_name", last_name),
    }
    own = {key: value for key, value in (fields or {}).items() if value != ""}
    found: tuple[Contact, bool] = (
        Contact.objects.for_tenant(tenant)
        .select_for_update()
        .get_or_create(
            tenant=tenant,
            email_norm=address.email_norm,
            defaults={"email": address.email, "fields": own, **values},
        )
    )
    contact, created = found
    if created:
        keep_erased(tenant.pk, [contact.email_norm])
        return contact
    changed = [name for name, value in values.items() if value and value != getattr(contact, name)]
    for name in changed:
        setattr(contact, name, values[name])
    if own and not own.items() <= contact.fields.items():
        contact.fields = contact.fields | own
        changed.append("fields")
    if changed:
        contact.save(update_fields=[*changed, "updated_at"])
    return contact


@transaction.atomic
def edit_contact(
    *, contact: Contact, first_name: str, last_name: str, fields: Mapping[str, Value]
) -> Contact:
    """Sets exactly these values; a field that is not given goes. The address stays: consent was
    given for it.
    """
    contact = consent.locked(contact)
    contact.first_name = _name("first_name", first_name)
    contact.last_name = _name("last_name", last_name)
    contact.fields = dict(fields)
    contact.save(update_fields=["first_name", "last_name", "fields", "updated_at"])
    return contact


@transaction.atomic
def change_contact(
    *,
    contact: Contact,
    first_name: str | None = None,
    last_name: str | None = None,
    fields: Mapping[str, Value | None],
) -> Contact:
    """Sets what is given and leaves the rest; None takes a field away. Raises InvalidContact."""
    contact = consent.locked(contact)
    if first_name is not None:
        contact.first_name = _name("first_name", first_name)
    if last_name is not None:
        contact.last_name = _name("last_name", last_name)
    changed = contact.fields | fields
    contact.fields = {key: value for key, value in changed.items() if value is not None}
    contact.save(update_fields=["first_name", "last_name", "fields", "updated_at"])
    return contact


@transaction.atomic
def subscribe(
    *, contact: Contact, lists: Iterable[List], source: Source, consent_wording: str = ""
) -> list[List]:
    """Makes the contact an active member of these lists; returns those where that is new.

    A place that is there already stays as it is, whatever its status: nobody is subscribed again
    or confirmed by anyone but themselves. Somebody who unsubscribed from everything stays so.
    Suppression is untouched. Where a place is new, the wording is kept as the proof of consent.
    """
    contact = consent.locked(contact)
    gone = contact.unsubscribed_at
    wanted = consent.held(lists)
    there = set(
        Subscription.unscoped.filter(contact=contact, list__in=wanted).values_list(
            "list_id", flat=True
        )
    )
    new = [one for one in wanted if one.pk not in there and one.tenant_id == contact.tenant_id]
    Subscription.unscoped.bulk_create(
        Subscription(
            tenant_id=contact.tenant_id,
            contact=contact,
            list=one,
            status=SubscriptionStatus.UNSUBSCRIBED if gone else SubscriptionStatus.ACTIVE,
            source=source,
            unsubscribed_at=gone,
        )
        for one in new
    )
    if gone or not new:
        return []
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.ATTESTED,
        source=source,
        lists=new,
        wording=consent_wording,
    )
    return new


def _name(param: str, value: str) -> str:
    value = " ".join(value.split())
    if len(value) > NAME_LENGTH:
        raise InvalidContact(
            f"{len(value):,} characters are too many; {NAME_LENGTH:,} are the most.", param=param
        )
    if "\0" in value:
        raise InvalidContact("A NUL character cannot be stored; delete it.", param=param)
    return value
