"""What every change of consent shares: the proof, and the place on a list that follows from it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.utils import timezone

from lists.models import (
    ConsentRecord,
    Contact,
    List,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
)

MAX_USER_AGENT = 300


def locked(contact: Contact) -> Contact:
    """The contact as it is now, held until the caller's transaction ends.

    Two clicks at once, or a click during a one-click unsubscribe, come one after the other.
    """
    return Contact.unscoped.select_for_update().get(pk=contact.pk)


def held(lists: Iterable[List]) -> list[List]:
    """Those of the lists that still exist, which they do until the caller's transaction ends."""
    wanted = {one.pk: one for one in lists}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM lists_list WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
            [list(wanted)],
        )
        return [wanted[list_id] for (list_id,) in cursor.fetchall()]


def record(
    *,
    contact: Contact,
    act: ConsentRecord.Act,
    source: Source,
    lists: Iterable[List],
    ip: str = "",
    user_agent: str = "",
    wording: str = "",
    form_name: str = "",
) -> ConsentRecord:
    """Writes the proof of one act. `lists` are kept by name: the proof outlives them."""
    return ConsentRecord.unscoped.create(
        tenant_id=contact.tenant_id,
        contact=contact,
        act=act,
        source=source,
        list_names=sorted(one.name for one in lists),
        wording=wording,
        form_name=form_name,
        ip=ip or None,
        user_agent=user_agent[:MAX_USER_AGENT],
    )


def activate(
    *, contact: Contact, lists: Iterable[List], source: Source, form: SignupForm | None = None
) -> None:
    """Makes a locked contact an active member of exactly these lists, by their own act.

    Somebody who had unsubscribed from everything comes back to these lists only: the others
    are closed one by one before the flag that closed all of them is taken away.
    """
    now = timezone.now()
    lists = list(lists)
    if contact.unsubscribed_at is not None:
        Subscription.unscoped.filter(contact=contact, status=SubscriptionStatus.ACTIVE).exclude(
            list__in=lists
        ).update(
            status=SubscriptionStatus.UNSUBSCRIBED,
            unsubscribed_at=contact.unsubscribed_at,
            paused_until=None,
        )
        contact.unsubscribed_at = None
        contact.save(update_fields=["unsubscribed_at", "updated_at"])
    _put(
        contact,
        lists,
        Subscription(
            status=SubscriptionStatus.ACTIVE,
            source=source,
            form=form,
            confirmed_at=now,
            unsubscribed_at=None,
            paused_until=None,
        ),
    )


def close(*, contact: Contact, lists: Iterable[List], source: Source, at: datetime) -> None:
    """Takes a locked contact off these lists.

    Also where they are no member: the row is what keeps an import from adding them later.
    """
    _put(
        contact,
        lists,
        Subscription(
            status=SubscriptionStatus.UNSUBSCRIBED,
            source=source,
            confirmed_at=None,
            unsubscribed_at=at,
            paused_until=None,
        ),
    )


def _put(contact: Contact, lists: Iterable[List], like: Subscription) -> None:
    kept = ["status", "unsubscribed_at", "paused_until"]
    if like.confirmed_at is not None:
        kept += ["confirmed_at", "source", "form"]
    Subscription.unscoped.bulk_create(
        [
            Subscription(
                tenant_id=contact.tenant_id,
                contact=contact,
                list=one,
                status=like.status,
                source=like.source,
                form_id=like.form_id,
                confirmed_at=like.confirmed_at,
                unsubscribed_at=like.unsubscribed_at,
                paused_until=like.paused_until,
            )
            for one in held(lists)
        ],
        update_conflicts=True,
        unique_fields=["contact", "list"],
        update_fields=kept,
    )
