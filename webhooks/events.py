"""What SES tells: its JSON turned into frozen values. Nothing further in reads vendor JSON.

Shapes: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
and, for notifications of an identity, .../notification-contents.html.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

import orjson

from sending.models import MACHINE, PERSON, EventKind

MESSAGE_TAG = "bf_msg"
TEST_TAG = "bf_test"


class UnreadableEvent(Exception):
    """Says what of the event is missing or malformed."""


@dataclass(frozen=True)
class Recipient:
    """One address that an event is about, lower-cased, without display name."""

    address: str
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that SES tells about one mail.

    `subtype`: Permanent/General and the like of a bounce, the feedback type of a complaint (or
    the list that held the mail back), the delay's type, the reason of a rejection; person or
    machine of an open or a click.
    `destination`: all addresses of the mail. `message_id`: ours, from our tag, or None. `test`:
    which mail of which self-test, from its tag, or "".
    `dedupe`: the same for every copy of this event.
    """

    kind: EventKind
    subtype: str
    at: datetime
    recipients: tuple[Recipient, ...]
    destination: tuple[str, ...]
    message_id: int | None
    test: str
    ses_message_id: str
    sending_account_id: str
    dedupe: str


_KINDS = {
    "Send": (EventKind.SEND, "send"),
    "Delivery": (EventKind.DELIVERY, "delivery"),
    "DeliveryDelay": (EventKind.DELAY, "deliveryDelay"),
    "Bounce": (EventKind.BOUNCE, "bounce"),
    "Complaint": (EventKind.COMPLAINT, "complaint"),
    "Reject": (EventKind.REJECT, "reject"),
    "Rendering Failure": (EventKind.RENDERING_FAILURE, "failure"),
    "Open": (EventKind.OPEN, "open"),
    "Click": (EventKind.CLICK, "click"),
    "Subscription": (EventKind.SUBSCRIPTION, "subscription"),
}
_RECIPIENTS = {
    EventKind.BOUNCE: "bouncedRecipients",
    EventKind.COMPLAINT: "complainedRecipients",
    EventKind.DELAY: "delayedRecipients",
}
# Said once by SES itself when a topic is first wired; not JSON.
_GREETING = "Successfully validated SNS topic"


def parse(message: str) -> Event | None:
    """The event in an SNS message; None for SES's greeting and for types that we do not know.

    Raises UnreadableEvent for anything else.
    """
    if message.startswith(_GREETING):
        return None
    document = _object(message)
    name = document.get("eventType") or document.get("notificationType")
    if not isinstance(name, str):
        raise UnreadableEvent("neither eventType nor notificationType")
    if name not in _KINDS:
        return None
    kind, key = _KINDS[name]
    try:
        return _event(kind, document.get(key) or {}, document["mail"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableEvent(f"{name} is malformed: {type(error).__name__} {error}") from error


def _object(message: str) -> dict[str, Any]:
    try:
        document = orjson.loads(message)
        if isinstance(document, str):  # encoded twice by whoever forwards it
            document = orjson.loads(document)
    except ValueError as error:
        raise UnreadableEvent("not JSON") from error
    if not isinstance(document, dict):
        raise UnreadableEvent("not an object")
    return document


def _event(kind: EventKind, detail: dict[str, Any], mail: dict[str, Any]) -> Event:
    at = _time(detail.get("timestamp") or mail["timestamp"])
    return Event(
        kind=kind,
        subtype=_subtype(kind, detail, mail)[:60],
        at=at,
        recipients=_recipients(kind, detail),
        destination=tuple(_address(text) for text in mail.get("destination") or ()),
        message_id=_our_id(mail),
        test=_tag(mail, TEST_TAG),
        ses_message_id=str(mail["messageId"]),
        sending_account_id=str(mail.get("sendingAccountId") or ""),
        dedupe=str(detail.get("feedbackId") or at.isoformat())[:150],
    )


def _recipients(kind: EventKind, detail: dict[str, Any]) -> tuple[Recipient, ...]:
    if kind == EventKind.DELIVERY:
        response = str(detail.get("smtpResponse") or "")
        return tuple(
            Recipient(_address(text), diagnostic=response)
            for text in detail.get("recipients") or ()
        )
    return tuple(
        Recipient(
            _address(given["emailAddress"]),
            str(given.get("status") or ""),
            str(given.get("diagnosticCode") or ""),
        )
        for given in detail.get(_RECIPIENTS.get(kind, "")) or ()
    )


def _subtype(kind: EventKind, detail: dict[str, Any], mail: dict[str, Any]) -> str:
    match kind:
        case EventKind.OPEN | EventKind.CLICK:
            return _who(detail, mail)
        case EventKind.BOUNCE:
            return f"{detail['bounceType']}/{detail.get('bounceSubType') or 'Undetermined'}"
        case EventKind.COMPLAINT:
            return str(detail.get("complaintSubType") or detail.get("complaintFeedbackType") or "")
        case EventKind.DELAY:
            return str(detail.get("delayType") or "")
        case EventKind.REJECT:
            return str(detail.get("reason") or "")
        case EventKind.SUBSCRIPTION:
            return _subscription(detail.get("newTopicPreferences") or {})
        case _:
            return ""


# Programs that fetch what nobody has opened: scanners of links, previews, and Apple's Mail Privacy
# Protection, whose agent is these eleven characters and no more. The image proxies of Gmail and
# Yahoo are not among them: they fetch when the mail is opened.
_PROGRAM = re.compile(
    r"bot\b|crawl|spider|scan|preview|safelinks|urldefense|proofpoint|mimecast|barracuda|"
    r"python|curl|wget|okhttp|go-http|headless|libwww|java/|\A(mozilla/5\.0)?\Z",
    re.IGNORECASE,
)
# Nobody reads a mail so soon after SES has taken it.
_TOO_SOON = timedelta(seconds=3)


def _who(detail: dict[str, Any], mail: dict[str, Any]) -> str:
    """PERSON, or MACHINE where a program is known to have opened or clicked."""
    agent = str(detail.get("userAgent") or "").strip()
    sent, at = mail.get("timestamp"), detail.get("timestamp")
    soon = sent and at and _time(at) - _time(sent) < _TOO_SOON
    return MACHINE if soon or _PROGRAM.search(agent) else PERSON


def _subscription(preferences: dict[str, Any]) -> str:
    """unsubscribe_all, opt_out (of one topic), or "" for a change that takes nothing away."""
    if preferences.get("unsubscribeAll") is True:
        return "unsubscribe_all"
    topics = preferences.get("topicSubscriptionStatus") or ()
    return "opt_out" if any(t.get("subscriptionStatus") == "OptOut" for t in topics) else ""


def _our_id(mail: dict[str, Any]) -> int | None:
    value = _tag(mail, MESSAGE_TAG)
    # A number of another size was not written by us, and would not fit the column.
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _tag(mail: dict[str, Any], name: str) -> str:
    values = (mail.get("tags") or {}).get(name) or ()
    return str(values[0]) if values else ""


def _address(text: str) -> str:
    """The bare address: Final-Recipient may carry a display name."""
    return (parseaddr(text)[1] or text).strip().lower()


def _time(text: str) -> datetime:
    """SES writes 2026-11-20T10:00:02.500Z, and has written 2018-10-08T14:05:45 +0000."""
    moment = datetime.fromisoformat(text.replace(" ", ""))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
