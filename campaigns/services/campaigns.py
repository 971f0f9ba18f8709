"""A campaign from draft to launch, and the brakes while it runs."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from campaigns.checklist import Checklist, checklist, content_of
from campaigns.errors import NoSender, NotReady
from campaigns.models import Campaign, CampaignStatus
from campaigns.selectors.audience import audience_of
from campaigns.selectors.senders import account_for
from lists.addresses import normalise
from lists.models import List
from sending.content import complete
from sending.models import Batch, Lane, Message, SesAccount
from sending.services.batches import (
    cancel_batch,
    create_batch,
    launch_batch,
    pause_batch,
    resend_unknown,
    resume_batch,
    send_one,
)
from sending.skeleton import mailbox
from tenants.models import Tenant, User
from tenants.services.audit import record

MAX_TEST_ADDRESSES = 5
# From these a campaign may be sent, now or at a time.
SENDABLE = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED, CampaignStatus.MISSED)
_NOT_NOW = {
    CampaignStatus.DRAFT: "This campaign is not scheduled: it is a draft.",
    CampaignStatus.SCHEDULED: "This campaign is scheduled. Take it off the schedule to change it.",
    CampaignStatus.MISSED: "This campaign has missed its time. Say first what becomes of it.",
    CampaignStatus.LAUNCHED: "This campaign was sent already. Copy it to send it again.",
}
AUDIENCE_FIELDS = ("lists", "segments", "excluded_lists", "excluded_segments")
_DRAFT_FIELDS = ("name", "from_name", "from_email", "reply_to", "subject", "preheader", "html")


@transaction.atomic
def create_campaign(*, tenant: Tenant, actor: User, name: str) -> Campaign:
    """An empty draft; its From and audience are those of the newest campaign, if there is one."""
    last = Campaign.objects.for_tenant(tenant).order_by("-id").first()
    campaign = Campaign.unscoped.create(
        tenant=tenant,
        name=name,
        created_by=actor,
        from_name=last.from_name if last else tenant.name,
        from_email=last.from_email if last else "",
        reply_to=last.reply_to if last else "",
        leave_out_unengaged=last.leave_out_unengaged if last else False,
    )
    if last:
        for part in AUDIENCE_FIELDS:
            getattr(campaign, part).set(getattr(last, part).all())
    return campaign


@transaction.atomic
def save_draft(*, campaign: Campaign, lists: Iterable[List], **values: Any) -> Campaign:
    """Stores what the composer holds; what it does not name of the audience is emptied.

    Raises NotReady when it is no draft any more.
    """
    campaign = locked(campaign, CampaignStatus.DRAFT)
    for name in _DRAFT_FIELDS:
        setattr(campaign, name, values[name])
    campaign.leave_out_unengaged = values.get("leave_out_unengaged", False)
    campaign.save()
    campaign.lists.set(lists)
    for name in ("segments", "excluded_lists", "excluded_segments"):
        getattr(campaign, name).set(values.get(name, ()))
    return campaign


@transaction.atomic
def delete_draft(*, campaign: Campaign) -> None:
    """Raises NotReady for a campaign that was launched: its report stays."""
    locked(campaign, CampaignStatus.DRAFT).delete()


@transaction.atomic
def send_campaign(*, campaign: Campaign, actor: User) -> Campaign:
    """Launches it to everyone who may be mailed now. Raises NotReady with the first error.

    A second press finds it launched and is refused, so nobody is mailed twice.
    """
    campaign = locked(campaign, *SENDABLE)
    campaign.scheduled_at = None
    checked = checklist(campaign)
    launch_locked(campaign, checked)
    record(
        tenant=campaign.tenant,
        actor=actor,
        action="campaign.sent",
        target=campaign.name,
        detail={"recipients": checked.recipients},
    )
    return campaign


def ready(checked: Checklist) -> SesAccount:
    """The account that the campaign leaves through. Raises NotReady with the first error."""
    if not checked.ready or checked.account is None:
        first = checked.findings[0]
        raise NotReady(first.message, param=first.part)
    return checked.account


def launch_locked(campaign: Campaign, checked: Checklist) -> None:
    """Makes its batch and launches it. The caller holds the lock on the campaign's row.

    Raises NotReady with the first error of the checklist, and ContentError.
    """
    campaign.ses_account = ready(checked)
    content = complete(
        content_of(campaign),
        postal_address=campaign.tenant.postal_address,
        unsubscribable=True,
    )
    campaign.batch = create_batch(
        tenant=campaign.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=campaign.ses_account,
        from_header=mailbox(campaign.from_name, campaign.from_email),
        reply_to=campaign.reply_to,
        subject=content.subject,
        html=content.html,
        text=content.text,
        audience=audience_of(campaign),
    )
    campaign.status, campaign.held_reason = CampaignStatus.LAUNCHED, ""
    campaign.save()
    launch_batch(batch=campaign.batch)


@transaction.atomic
def send_test(*, campaign: Campaign, actor: User, addresses: Iterable[str]) -> list[Message]:
    """Sends the draft, marked [Test], to up to five addresses, ahead of every campaign.

    Raises NoSender, InvalidAddress or ContentError; then nobody gets it.
    """
    wanted = list(dict.fromkeys(normalise(address).email for address in addresses))
    if not wanted or len(wanted) > MAX_TEST_ADDRESSES:
        raise NotReady(f"Name one to {MAX_TEST_ADDRESSES} addresses.", param="addresses")
    account = account_for(campaign.tenant, campaign.from_email)
    if account is None:
        raise NoSender(
            f"No connected SES account may send from {campaign.from_email or 'nobody'}. "
            "Choose a From address of a verified domain.",
            param="from_email",
        )
    content = complete(
        content_of(campaign),
        postal_address=campaign.tenant.postal_address,
        unsubscribable=True,
    )
    batch = create_batch(
        tenant=campaign.tenant,
        lane=Lane.SYSTEM,
        ses_account=account,
        from_header=mailbox(campaign.from_name, campaign.from_email),
        reply_to=campaign.reply_to,
        subject=f"[Test] {content.subject}",
        html=content.html,
        text=content.text,
    )
    record(
        tenant=campaign.tenant,
        actor=actor,
        action="campaign.tested",
        target=campaign.name,
        detail={"addresses": len(wanted)},
    )
    return [
        send_one(batch=batch, email=address, data={"contact": sample_contact(actor)})
        for address in wanted
    ]


def pause_campaign(*, campaign: Campaign, actor: User) -> None:
    """Holds it: what is not yet handed to SES waits."""
    _brake(campaign, actor, "paused")


def resume_campaign(*, campaign: Campaign, actor: User) -> None:
    """Goes on where it was held."""
    _brake(campaign, actor, "resumed")


def cancel_campaign(*, campaign: Campaign, actor: User) -> None:
    """Ends it for good: who has not got it will not."""
    _brake(campaign, actor, "cancelled")


@transaction.atomic
def resend_unknown_of(*, campaign: Campaign, actor: User) -> int:
    """Sends again to those of whom SES has never said anything; returns how many."""
    again = resend_unknown(batch=_batch_of(campaign))
    record(
        tenant=campaign.tenant,
        actor=actor,
        action="campaign.unknown_sent_again",
        target=campaign.name,
        detail={"recipients": again},
    )
    return again


@transaction.atomic
def _brake(campaign: Campaign, actor: User, act: str) -> None:
    batch = _batch_of(campaign)
    if act == "paused":
        pause_batch(batch=batch, reason=f"by {actor}")
    elif act == "cancelled":
        cancel_batch(batch=batch, reason=f"by {actor}")
    else:
        resume_batch(batch=batch)
    record(tenant=campaign.tenant, actor=actor, action=f"campaign.{act}", target=campaign.name)


def _batch_of(campaign: Campaign) -> Batch:
    if campaign.batch is None:
        raise NotReady("This campaign has not been sent yet.")
    return campaign.batch


def locked(campaign: Campaign, *statuses: CampaignStatus) -> Campaign:
    """The campaign, locked against a second press. Raises NotReady for any other status."""
    found = (
        Campaign.unscoped.select_for_update(of=("self",))
        .select_related("tenant")
        .get(pk=campaign.pk)
    )
    if found.status not in statuses:
        raise NotReady(_NOT_NOW[CampaignStatus(found.status)])
    return found


def sample_contact(reader: User) -> dict[str, str]:
    """Merge values of preview and test, so that the reader sees a name where a name would be."""
    first, _, last = (reader.name or "Alex Example").partition(" ")
    return {"email": reader.email, "first_name": first, "last_name": last}
