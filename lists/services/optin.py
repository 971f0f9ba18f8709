"""Double opt-in: somebody asks, the owner of the address confirms."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from lists.addresses import Address, normalise
from lists.errors import BadToken, ConfirmationExpired, SignupClosed, TooManySignups
from lists.fields import Value
from lists.form_counts import Count, count_after_commit
from lists.models import (
    Confirmation,
    ConsentRecord,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.selectors.audience import suppressed_among
from lists.services import consent
from lists.services.answers import take_values
from lists.services.tags import add_tags
from tenants.limits import hit
from tenants.models import Tenant

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
    *,
    form: SignupForm,
    email: str,
    lists: Sequence[List],
    values: Mapping[str, Value],
    ip: str,
    user_agent: str,
    language: str = "",
) -> Confirmation | None:
    """The confirmation that is to be mailed now, or None when this address gets no mail.

    `lists` are of the form, `values` what was typed, by key of lists.signup_fields. None for a
    suppressed address, for a member of all the lists (a stranger cannot undo their consent), and
    for an address that had its mail within the window. The caller answers all of them the same, so
    that nobody learns who is known. Nothing of a known contact is changed before the click, but
    for a list that asks for no confirmation: who was never on it is a member at once. Raises
    InvalidAddress.
    """
    address = normalise(email)
    tenant = form.tenant
    contact, is_new = _found_or_made(tenant, address)
    # Asked once the contact is held: an erasure that had it has ended, and says so here.
    if suppressed_among(tenant=tenant, email_norms=[address.email_norm]):
        transaction.set_rollback(True)
        return None
    wanted = list(lists) if is_new else _not_member_of(contact, lists)
    if free := _ask_for_no_click(contact, wanted, is_new=is_new):
        _sign_up(
            form=form, contact=contact, lists=free, values=values, ip=ip, user_agent=user_agent
        )
        wanted = [one for one in wanted if one not in free]
    if not wanted or (not is_new and _mailed_enough(contact, form)):
        return None
    return _open(
        form=form,
        contact=contact,
        lists=wanted,
        values=values,
        ip=ip,
        user_agent=user_agent,
        language=language,
    )


def _found_or_made(tenant: Tenant, address: Address) -> tuple[Contact, bool]:
    """The contact, locked, and whether it is new."""
    made = Contact(tenant=tenant, email=address.email, email_norm=address.email_norm)
    Contact.unscoped.bulk_create([made], ignore_conflicts=True)
    contacts = Contact.objects.for_tenant(tenant)
    found: Contact = contacts.select_for_update().get(email_norm=address.email_norm)
    return found, found.public_id == made.public_id


@transaction.atomic
def request_again(*, confirmation: Confirmation, ip: str, user_agent: str) -> Confirmation | None:
    """A new confirmation for a link that has expired, under the same limits.

    Raises SignupClosed when its form takes nobody any more.
    """
    form = confirmation.form
    if form is None or not form.is_active:
        raise SignupClosed
    contact = consent.locked(confirmation.contact)
    if suppressed_among(tenant=contact.tenant, email_norms=[contact.email_norm]):
        return None
    wanted = _not_member_of(contact, confirmation.lists.order_by("name"))
    if not wanted or _mailed_enough(contact, form):
        return None
    return _open(
        form=form,
        contact=contact,
        lists=wanted,
        values=confirmation.values,
        ip=ip,
        user_agent=user_agent,
        language=confirmation.language,
    )


def _open(
    *,
    form: SignupForm,
    contact: Contact,
    lists: Sequence[List],
    values: Mapping[str, Value],
    ip: str,
    user_agent: str,
    language: str,
) -> Confirmation:
    Subscription.unscoped.bulk_create(
        [
            Subscription(
                tenant_id=contact.tenant_id,
                contact=contact,
                list=one,
                status=SubscriptionStatus.UNCONFIRMED,
                source=Source.FORM,
            )
            for one in lists
        ],
        ignore_conflicts=True,
    )
    confirmation: Confirmation = Confirmation.unscoped.create(
        tenant=form.tenant,
        contact=contact,
        form=form,
        values=dict(values),
        wording=form.consent_wording,
        language=language,
        expires_at=timezone.now() + VALID_FOR,
    )
    confirmation.lists.through.objects.bulk_create(
        confirmation.lists.through(confirmation=confirmation, list=one) for one in lists
    )
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.REQUESTED,
        source=Source.FORM,
        lists=lists,
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


def _ask_for_no_click(contact: Contact, lists: Iterable[List], *, is_new: bool) -> list[List]:
    """Lists without double opt-in, where the contact never was. Who has left, or has not confirmed
    yet, needs the click there too: a stranger must not bring them back.
    """
    free = [one for one in lists if not one.double_opt_in]
    if is_new or not free:
        return consent.held(free) if free else []
    if contact.unsubscribed_at is not None:
        return []
    places = Subscription.unscoped.filter(contact=contact, list__in=free)
    known = set(places.values_list("list_id", flat=True))
    return consent.held(one for one in free if one.pk not in known)


def _sign_up(
    *,
    form: SignupForm,
    contact: Contact,
    lists: Sequence[List],
    values: Mapping[str, Value],
    ip: str,
    user_agent: str,
) -> None:
    Subscription.unscoped.bulk_create(
        Subscription(
            tenant_id=contact.tenant_id,
            contact=contact,
            list=one,
            status=SubscriptionStatus.ACTIVE,
            source=Source.FORM,
        )
        for one in lists
    )
    _let_in(contact, form, values)
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.SIGNED_UP,
        source=Source.FORM,
        lists=lists,
        ip=ip,
        user_agent=user_agent,
        wording=form.consent_wording,
        form_name=form.name,
    )


def _let_in(contact: Contact, form: SignupForm | None, values: Mapping[str, Value]) -> None:
    """What a sign-up brings once it counts: the tags that the form has now, and the answers."""
    if form is not None:
        add_tags(contact=contact, tags=form.tags.all())
        count_after_commit(form, Count.CONFIRMED)
    take_values(contact, values)


def _mailed_enough(contact: Contact, form: SignupForm) -> bool:
    """Exact because the contact is locked: twenty posts at once make one confirmation."""
    now = timezone.now()
    sent = list(
        Confirmation.unscoped.filter(
            contact=contact, created_at__gt=now - timedelta(days=1)
        ).values_list("form_id", "created_at")
    )
    return len(sent) >= MAILS_A_DAY or any(
        form_id == form.pk and at > now - WINDOW for form_id, at in sent
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
    _let_in(contact, confirmation.form, confirmation.values)
    if confirmation.language and not contact.language:
        contact.language = confirmation.language
        contact.save(update_fields=["language", "updated_at"])
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
