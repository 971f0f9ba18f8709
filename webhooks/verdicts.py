"""What follows from an event: one table, no side effects.

Which bounces AWS counts, and which addresses must not be mailed again:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html#event-publishing-retrieving-sns-contents-bounce-types
"""

from dataclasses import dataclass, replace
from enum import Enum

from lists.models import SuppressionReason
from sending.models import CONTENT_REFUSED, Count, EventKind, Outcome
from webhooks.events import Event, Recipient


class Leaves(Enum):
    """What the recipient is taken off."""

    NOTHING = 0
    LISTS_OF_MAIL = 1
    EVERYTHING = 2


class Alert(Enum):
    """What the members are told of."""

    NOTHING = 0
    BOUNCE = 1
    COMPLAINT = 2
    CONTENT = 3  # of a campaign, once there are several
    AUTHENTICATION = 4  # of a domain, once a day


@dataclass(frozen=True)
class Verdict:
    """The message's outcome, and what happens to the address. `our_fault` pauses the batch.

    `counts`: what the event is for the account's standing with AWS.
    """

    outcome: Outcome = Outcome.NONE
    suppress: SuppressionReason | None = None
    leaves: Leaves = Leaves.NOTHING
    alert: Alert = Alert.NOTHING
    our_fault: bool = False
    counts: Count | None = None


_HARD = Verdict(
    Outcome.HARD_BOUNCED,
    SuppressionReason.HARD_BOUNCE,
    alert=Alert.BOUNCE,
    counts=Count.BOUNCED,
)
_HELD_BACK = Verdict(Outcome.REJECTED, SuppressionReason.PROVIDER, counts=Count.HELD_BACK)
_SOFT = Verdict(Outcome.SOFT_BOUNCED, counts=Count.SOFT_BOUNCED)
_REFUSED = replace(_SOFT, alert=Alert.CONTENT)
_COMPLAINT = Verdict(
    Outcome.COMPLAINED,
    SuppressionReason.COMPLAINT,
    alert=Alert.COMPLAINT,
    counts=Count.COMPLAINED,
)
_NOTHING = Verdict()

_BY_KIND = {
    EventKind.SEND: _NOTHING,
    EventKind.DELIVERY: Verdict(Outcome.DELIVERED, counts=Count.DELIVERED),
    EventKind.DELAY: Verdict(Outcome.DELAYED),
    EventKind.REJECT: Verdict(Outcome.REJECTED, counts=Count.REJECTED),
    EventKind.RENDERING_FAILURE: Verdict(Outcome.REJECTED, our_fault=True, counts=Count.REJECTED),
    EventKind.OPEN: _NOTHING,
    EventKind.CLICK: _NOTHING,  # scanners click too: a click never unsubscribes
}
_PERMANENT = {
    # SES did not even try: its own lists held the mail back, and its bounce rate leaves it out.
    "OnAccountSuppressionList": _HELD_BACK,
    "OnTenantSuppressionList": _HELD_BACK,
    # A guess about the address before anything was sent.
    "EmailValidationSuppressed": Verdict(Outcome.SOFT_BOUNCED, counts=Count.HELD_BACK),
    "UnsubscribedRecipient": Verdict(
        Outcome.REJECTED, leaves=Leaves.LISTS_OF_MAIL, counts=Count.HELD_BACK
    ),
}
_COMPLAINTS = {
    "not-spam": _NOTHING,
    # About the sender's DKIM, SPF and DMARC, not about the recipient.
    "auth-failure": Verdict(alert=Alert.AUTHENTICATION),
    "OnAccountSuppressionList": _HELD_BACK,
}
_SUBSCRIPTION = {
    "unsubscribe_all": Verdict(leaves=Leaves.EVERYTHING),
    "opt_out": Verdict(leaves=Leaves.LISTS_OF_MAIL),
}


def about(event: Event, address: str) -> Recipient | None:
    """What the event says about the one address that a message went to; None when nothing.

    With a single destination it can only be that one, whatever address the failing server names
    after forwarding. With several, only those named.
    """
    if len(event.destination) <= 1:
        return event.recipients[0] if event.recipients else Recipient(address)
    if event.kind not in (EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.DELAY):
        named = event.recipients or tuple(Recipient(one) for one in event.destination)
    else:
        named = event.recipients
    return next((one for one in named if one.address == address.lower()), None)


def judge(event: Event, recipient: Recipient) -> Verdict:
    """What follows from the event for this recipient of it."""
    match event.kind:
        case EventKind.BOUNCE:
            return _bounce(event, recipient)
        case EventKind.COMPLAINT:
            return _complaint(event)
        case EventKind.SUBSCRIPTION:
            return _SUBSCRIPTION.get(event.subtype, _NOTHING)
        case _:
            return _BY_KIND[event.kind]


def _bounce(event: Event, recipient: Recipient) -> Verdict:
    kind, _, subtype = event.subtype.partition("/")
    if kind == "Permanent":
        return _PERMANENT.get(subtype, _HARD)
    if event.subtype == "Transient/General" and recipient.status[:1] not in ("4", "5"):
        return _NOTHING  # an out-of-office answer: the mail arrived
    return _REFUSED if event.subtype in CONTENT_REFUSED else _SOFT


def _complaint(event: Event) -> Verdict:
    verdict = _COMPLAINTS.get(event.subtype, _COMPLAINT)
    if verdict is _COMPLAINT and len(event.destination) > 1 and len(event.recipients) > 1:
        # The provider hides who it was; these are the addresses it may have been.
        return replace(_COMPLAINT, suppress=None)
    return verdict
