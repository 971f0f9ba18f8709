"""What the owner of an address decides on the preference page or by one click.

All of it is idempotent, and takes effect on mails that are already queued: the claim asks who is
sendable just before each send.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lists.models import (
    Confirmation,
    ConsentRecord,
    Contact,
    LeaveReason,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.services import consent
from tenants.errors import BluefoxError

LONGEST_PAUSE = timedelta(days=366)


class BadPause(BluefoxError):
    code = "bad_pause"


@transaction.atomic
def unsubscribe(
    *,
    contact: Contact,
    lists: Iterable[List] | None,
    source: Source,
    ip: str = "",
    user_agent: str = "",
) -> bool:
    """Takes the contact off these lists, or off everything with None. Whether that was news.

    Sign-ups that still wait for their click end with it: an older mail does not bring back
    somebody who has left since.
    """
    contact = consent.locked(contact)
    now = timezone.now()
    lists = None if lists is None else list(lists)
    waiting = Confirmation.unscoped.filter(contact=contact, confirmed_at=None, expires_at__gt=now)
    if lists is not None:
        waiting = waiting.filter(lists__in=lists)
    Confirmation.unscoped.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(
        expires_at=now
    )
    left = _still_on(contact, lists)
    if not left and (lists is not None or contact.unsubscribed_at is not None):
        return False
    if lists is None:
        contact.unsubscribed_at = contact.unsubscribed_at or now
        contact.save(update_fields=["unsubscribed_at", "updated_at"])
    consent.close(contact=contact, lists=left, source=source, at=now)
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.UNSUBSCRIBED,
        source=source,
        lists=left,
        ip=ip,
        user_agent=user_agent,
        wording="Everything" if lists is None else "",
    )
    return True


def _still_on(contact: Contact, lists: list[List] | None) -> list[List]:
    """Those of the lists (None: of all) that are to be closed for the contact."""
    places = dict(Subscription.unscoped.filter(contact=contact).values_list("list_id", "status"))
    open_ids = {pk for pk, status in places.items() if status != SubscriptionStatus.UNSUBSCRIBED}
    if lists is None:
        return list(List.unscoped.filter(pk__in=open_ids))
    return [one for one in lists if one.pk in open_ids or one.pk not in places]


@transaction.atomic
def resubscribe(
    *, contact: Contact, lists: Iterable[List], ip: str = "", user_agent: str = ""
) -> None:
    """Makes the contact an active member of these lists, by their own act on the page."""
    contact = consent.locked(contact)
    lists = list(lists)
    consent.activate(contact=contact, lists=lists, source=Source.PREFERENCES)
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.RESUBSCRIBED,
        source=Source.PREFERENCES,
        lists=lists,
        ip=ip,
        user_agent=user_agent,
    )


@transaction.atomic
def pause(
    *,
    contact: Contact,
    only: List | None,
    until: datetime,
    ip: str = "",
    user_agent: str = "",
) -> bool:
    """Sends nothing of this list, or of any with None, before `until`; then it ends by itself.

    False where the contact is no member of the list: then nothing is changed. Raises BadPause
    when `until` is past or more than a year away.
    """
    now = timezone.now()
    if not now < until <= now + LONGEST_PAUSE:
        raise BadPause(_("Choose a date between tomorrow and a year from now."), param="until")
    contact = consent.locked(contact)
    if not _set_pause(contact, only, until):
        return False
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.PAUSED,
        source=Source.PREFERENCES,
        lists=[only] if only else [],
        ip=ip,
        user_agent=user_agent,
        wording=f"Until {until.isoformat(timespec='minutes')}",
    )
    return True


@transaction.atomic
def resume(*, contact: Contact, only: List | None, ip: str = "", user_agent: str = "") -> bool:
    """Ends the pause of this list, or the one over everything with None.

    False where the contact is no member of the list: then nothing is changed.
    """
    contact = consent.locked(contact)
    if not _set_pause(contact, only, None):
        return False
    consent.record(
        contact=contact,
        act=ConsentRecord.Act.RESUMED,
        source=Source.PREFERENCES,
        lists=[only] if only else [],
        ip=ip,
        user_agent=user_agent,
    )
    return True


def keep_language(*, contact: Contact, language: str) -> None:
    """Their pages and mails are in this language from now on, whatever browser opens them."""
    Contact.unscoped.filter(pk=contact.pk).exclude(language=language).update(
        language=language, updated_at=timezone.now()
    )


@transaction.atomic
def give_reason(
    *, contact: Contact, lists: Iterable[List], reason: LeaveReason.Reason, text: str = ""
) -> int:
    """Keeps why the contact left these lists; for how many of them.

    Only where they have left. Saying it again replaces what they said.
    """
    contact = consent.locked(contact)
    gone = Subscription.unscoped.filter(
        contact=contact, list__in=lists, status=SubscriptionStatus.UNSUBSCRIBED
    )
    reasons = [
        LeaveReason(
            tenant_id=contact.tenant_id,
            contact=contact,
            list_id=list_id,
            reason=reason,
            text=text,
            at=timezone.now(),
        )
        for list_id in gone.values_list("list_id", flat=True)
    ]
    LeaveReason.unscoped.bulk_create(
        reasons,
        update_conflicts=True,
        unique_fields=["contact", "list"],
        update_fields=["reason", "text", "at"],
    )
    return len(reasons)


def _set_pause(contact: Contact, one: List | None, until: datetime | None) -> bool:
    """Whether there was anything to pause."""
    if one is None:
        contact.paused_until = until
        contact.save(update_fields=["paused_until", "updated_at"])
        return True
    places = Subscription.unscoped.filter(
        contact=contact, list=one, status=SubscriptionStatus.ACTIVE
    )
    return bool(places.update(paused_until=until))
