"""Double opt-in: somebody asks, the owner of the address confirms."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from lists.addresses import normalise
from lists.errors import BadToken, ConfirmationExpired, SignupClosed, TooManySignups
from lists.models import (
    Confirmation,
    ConsentRecord,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from lists.services import consent
from tenants.limits import hit

VALID_FOR = timedelta(days=7)
# One address gets one confirmation mail of a form in this time, however often it is typed in,
# and no more than so many of the whole workspace in a day.
WINDOW = timedelta(minutes=15)
MAILS_A_DAY = 6
SIGNUPS_PER_NETWORK = 30  # in ten minutes: a class room behind one address still gets through
SIGNUPS_PER_FORM = 3_000  # in ten minutes


def admit(*, form: SignupForm, network: str) -> None:
    """Counts one sign-up of this network through this form. Raises TooManySignups.

    `network` as tenants.clients.client_network gives it.
    """
    if not hit(f"signup:network:{network}", limit=SIGNUPS_PER_NETWORK, seconds=600):
        raise TooManySignups
    if not hit(f"signup:form:{form.pk}", limit=SIGNUPS_PER_FORM, seconds=600):
        raise TooManySignups


@transaction.atomic
def request_subscription(
    *, form: SignupForm, email: str, name: str, ip: str, user_agent: str
) -> Confirmation | None:
    """The confirmation that is to be mailed now, or None when this address gets no mail.

    None for a suppressed address, for a member of all the form's lists (a stranger cannot undo
    their consent), and for an address that had its mail within the window. The caller answers
    all of them the same, so that nobody learns who is known. Nothing of a known contact is
    changed before the click. Raises InvalidAddress.
    """
    address = normalise(email)
    tenant = form.tenant
    if Suppression.objects.for_tenant(tenant).filter(email_norm=address.email_norm).exists():
        return None
    contact, _ = Contact.objects.for_tenant(tenant).get_or_create(
        tenant=tenant, email_norm=address.email_norm, defaults={"email": address.email}
    )
    return _open(
        form=form,
        contact=consent.locked(contact),
        lists=form.lists.order_by("name"),
        name=name,
        ip=ip,
        user_agent=user_agent,
    )


@transaction.atomic
def request_again(*, confirmation: Confirmation, ip: str, user_agent: str) -> Confirmation | None:
    """A new confirmation for a link that has expired, under the same limits.

    Raises SignupClosed when its form takes nobody any more.
    """
    form = confirmation.form
    if form is None or not form.is_active:
        raise SignupClosed
    contact = consent.locked(confirmation.contact)
    if (
        Suppression.objects.for_tenant(contact.tenant)
        .filter(email_norm=contact.email_norm)
        .exists()
    ):
        return None
    return _open(
        form=form,
        contact=contact,
        lists=confirmation.lists.order_by("name"),
        name=confirmation.name,
        ip=ip,
        user_agent=user_agent,
    )


def _open(
    *,
    form: SignupForm,
    contact: Contact,
    lists: Iterable[List],
    name: str,
    ip: str,
    user_agent: str,
) -> Confirmation | None:
    wanted = _not_member_of(contact, lists)
    now = timezone.now()
    if not wanted or _mailed_enough(contact, form):
        return None
    Subscription.unscoped.bulk_create(
        [
            Subscription(
                tenant_id=contact.tenant_id,
                contact=contact,
                list=one,
                status=SubscriptionStatus.UNCONFIRMED,
                source=Source.FORM,
            )
            for one in wanted
        ],
        ignore_conflicts=True,
    )
    confirmation = Confirmation.unscoped.create(
        tenant_id=contact.tenant_id,
        contact=contact,
        form=form,
        name=name,
        wording=form.consent_wording,
        expires_at=now + VALID_FOR,
    )
    confirmation.lists.set(wanted)
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.REQUESTED,
        source=Source.FORM,
        lists=wanted,
        ip=ip,
        user_agent=user_agent,
        wording=form.consent_wording,
        form_name=form.name,
    )
    return confirmation


def _not_member_of(contact: Contact, lists: Iterable[List]) -> list[List]:
    if contact.unsubscribed_at is not None:
        return list(lists)
    active = set(
        Subscription.unscoped.filter(contact=contact, status=SubscriptionStatus.ACTIVE).values_list(
            "list_id", flat=True
        )
    )
    return [one for one in lists if one.pk not in active]


def _mailed_enough(contact: Contact, form: SignupForm) -> bool:
    """Exact because the contact is locked: twenty posts at once make one confirmation."""
    now = timezone.now()
    sent = Confirmation.unscoped.filter(contact=contact)
    return (
        sent.filter(form=form, created_at__gt=now - WINDOW).exists()
        or sent.filter(created_at__gt=now - timedelta(days=1)).count() >= MAILS_A_DAY
    )


@transaction.atomic
def confirm(*, confirmation_id: int, contact_id: int, ip: str, user_agent: str) -> Confirmation:
    """Makes the subscription active, once; a second click changes nothing, not even later.

    Suppression stays: the place on the list is active, and still nothing is sent. Raises
    BadToken when there is no such confirmation, ConfirmationExpired, and SignupClosed when all
    its lists are gone.
    """
    contact = Contact.unscoped.select_for_update().filter(pk=contact_id).first()
    confirmation = (
        Confirmation.unscoped.select_related("form", "tenant")
        .filter(pk=confirmation_id, contact_id=contact_id)
        .first()
    )
    if contact is None or confirmation is None:
        raise BadToken
    if confirmation.confirmed_at is not None:
        return confirmation
    if confirmation.expires_at <= timezone.now():
        raise ConfirmationExpired
    lists = list(confirmation.lists.all())
    if not lists:
        raise SignupClosed
    consent.activate(contact=contact, lists=lists, source=Source.FORM)
    _take_name(contact, confirmation.name)
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.CONFIRMED,
        source=Source.FORM,
        lists=lists,
        ip=ip,
        user_agent=user_agent,
        wording=confirmation.wording,
        form_name=confirmation.form.name if confirmation.form else "",
    )
    confirmation.contact = contact
    confirmation.confirmed_at = timezone.now()
    confirmation.save(update_fields=["confirmed_at"])
    return confirmation


def _take_name(contact: Contact, name: str) -> None:
    """Fills in a name that is missing; one that the workspace has is not overwritten by a form."""
    if name and not contact.first_name and not contact.last_name:
        first, _, last = name.partition(" ")
        contact.first_name, contact.last_name = first[:120], last.strip()[:120]
        contact.save(update_fields=["first_name", "last_name", "updated_at"])
