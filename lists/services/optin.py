"""Double opt-in: somebody asks, the owner of the address confirms."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import orjson
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
from tenants.limits import Limit, hit_all
from tenants.models import Tenant
from tenants.prepared import Prepared

VALID_FOR = timedelta(days=7)
# One address gets one confirmation mail of a form in this time, however often it is typed in,
# and no more than so many of the whole workspace in a day.
WINDOW = timedelta(minutes=15)
MAILS_A_DAY = 6
SIGNUPS_PER_NETWORK = 30  # in ten minutes: a class room behind one address still gets through
SIGNUPS_PER_FORM = 3_000  # in ten minutes

_MAKE = Prepared(
    "optin_make_contact",
    """
    INSERT INTO lists_contact (tenant_id, public_id, email, email_norm, first_name, last_name,
                               fields, created_at, updated_at)
    VALUES ($1, $2, $3, $4, '', '', '{}', $5, $5)
    ON CONFLICT (tenant_id, email_norm) DO NOTHING
    RETURNING id
    """,
)
_UNMAKE = Prepared("optin_unmake_contact", "DELETE FROM lists_contact WHERE id = $1 RETURNING id")
# All that a request writes, and consent.record() beside it, in one statement.
_ASK = Prepared(
    "optin_ask",
    f"""
    WITH place AS (
        INSERT INTO lists_subscription
            (tenant_id, contact_id, list_id, status, source, form_id, created_at)
        SELECT $1::bigint, $2::bigint, list_id, '{SubscriptionStatus.UNCONFIRMED}',
               '{Source.FORM}', $5::bigint, $4::timestamptz
        FROM unnest($3::bigint[]) AS list_id
        ON CONFLICT (contact_id, list_id) DO NOTHING
    ), asked AS (
        INSERT INTO lists_confirmation (tenant_id, contact_id, form_id, "values", wording,
                                        language, created_at, expires_at)
        VALUES ($1, $2, $5, $6, $7, $8, $4, $9)
        RETURNING id
    ), its_lists AS (
        INSERT INTO lists_confirmation_lists (confirmation_id, list_id)
        SELECT id, list_id FROM asked, unnest($3::bigint[]) AS list_id
    ), proof AS (
        INSERT INTO lists_consentrecord (tenant_id, contact_id, act, source, list_names, wording,
                                         form_name, ip, user_agent, at)
        VALUES ($1, $2, '{ConsentRecord.Act.REQUESTED}', '{Source.FORM}', $10, $7, $11, $12, $13,
                $4)
    )
    SELECT id FROM asked
    """,  # noqa: S608 (only constants are written into it; every value is a parameter)
)


def admit(*, form: SignupForm, network: str) -> None:
    """Counts one sign-up of this network through this form. Raises TooManySignups.

    `network` as tenants.clients.client_network gives it.
    """
    limits = [
        Limit(f"signup:network:{network}", SIGNUPS_PER_NETWORK, seconds=600),
        Limit(f"signup:form:{form.pk}", SIGNUPS_PER_FORM, seconds=600),
    ]
    if not hit_all(limits):
        raise TooManySignups


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
    # The caller's transaction ends when this fails: a savepoint costs as much as two statements.
    with transaction.atomic(savepoint=False):
        tenant = form.tenant
        contact, is_new = _found_or_made(tenant, address)
        # Asked once the contact is held: an erasure that had it has ended, and says so here.
        if suppressed_among(tenant=tenant, email_norms=[address.email_norm]):
            if is_new:
                _UNMAKE.rows(contact.pk)
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
    if rows := _MAKE.rows(
        tenant.pk, made.public_id, address.email, address.email_norm, timezone.now()
    ):
        [(made.pk,)] = rows
        return made, True
    contacts = Contact.objects.for_tenant(tenant)
    return contacts.select_for_update().get(email_norm=address.email_norm), False


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
    now = timezone.now()
    confirmation = Confirmation(
        tenant=form.tenant,
        contact=contact,
        form=form,
        values=dict(values),
        wording=form.consent_wording,
        language=language,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    [(confirmation.pk,)] = _ASK.rows(
        contact.tenant_id,
        contact.pk,
        [one.pk for one in lists],
        now,
        form.pk,
        orjson.dumps(confirmation.values).decode(),
        confirmation.wording,
        language,
        confirmation.expires_at,
        sorted(one.name for one in lists),
        form.name,
        ip or None,
        user_agent[: consent.MAX_USER_AGENT],
    )
    confirmation.asked_lists = list(lists)
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
            form=form,
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
    consent.activate(contact=contact, lists=lists, source=Source.FORM, form=confirmation.form)
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
