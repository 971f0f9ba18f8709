"""How the last self-test of an account went."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from sending.models import EventKind, SelfTest, SesAccount
from sending.ses.explain import Explanation, explain_words

LIMIT = timedelta(seconds=60)
_SEND, _DELIVERY = EventKind.SEND, EventKind.DELIVERY
MAILBOXES = {
    "success": (_SEND, _DELIVERY),
    "bounce": (_SEND, EventKind.BOUNCE),
    "complaint": (_SEND, _DELIVERY, EventKind.COMPLAINT),
}
_TITLES = {
    "success": "A mail that arrives",
    "bounce": "A mail to nobody",
    "complaint": "A mail that is complained of",
}


def expected(account: SesAccount) -> dict[str, tuple[EventKind, ...]]:
    """Which events each mail must bring. Notifications of an identity know no Send."""
    if account.configuration_set:
        return MAILBOXES
    return {box: tuple(k for k in kinds if k != _SEND) for box, kinds in MAILBOXES.items()}


@dataclass(frozen=True)
class Line:
    """One event that must come back; `seconds` after its mail, None until it came."""

    mail: str
    event: str
    seconds: float | None
    late: bool


@dataclass(frozen=True)
class Run:
    """A run as the page shows it. `state`: waiting, running, passed or failed."""

    test: SelfTest
    state: str
    lines: list[Line]
    seconds_left: int
    advice: list[str]
    refusal: Explanation | None


def latest_run(account: SesAccount) -> Run | None:
    """The account's newest self-test; None before the first."""
    test = account.self_tests.order_by("-pk").first()
    if test is None:
        return None
    lines = [
        _line(test, mailbox, kind) for mailbox, kinds in expected(account).items() for kind in kinds
    ]
    last = max(_at(test, mailbox) or test.created_at for mailbox in MAILBOXES)
    left = (last + LIMIT - timezone.now()).total_seconds()
    state = _state(test, left)
    advice = _advice(account, lines) if state == "failed" and not test.error else []
    refusal = explain_words(test.error) if test.error else None
    return Run(test, state, lines, max(0, int(left)), advice, refusal)


def _state(test: SelfTest, seconds_left: float) -> str:
    if test.passed_at:
        return "passed"
    if test.error:
        return "failed"
    if test.sent_at is None:
        return "waiting"
    return "running" if seconds_left > 0 else "failed"


def _line(test: SelfTest, mailbox: str, kind: EventKind) -> Line:
    start = _at(test, mailbox)
    came = test.mails.get(mailbox, {}).get("events", {}).get(kind.value)
    seconds = None
    if came is not None and start is not None:
        # The event may be stored before SES has answered us.
        seconds = max(0.0, (datetime.fromisoformat(came) - start).total_seconds())
    late = seconds is not None and seconds > LIMIT.total_seconds()
    return Line(_TITLES[mailbox], kind.label, seconds, late)


def _at(test: SelfTest, mailbox: str) -> datetime | None:
    at = test.mails.get(mailbox, {}).get("at")
    return datetime.fromisoformat(at) if at else None


def _advice(account: SesAccount, lines: list[Line]) -> list[str]:
    """What to look at, by what did not come back in time."""
    missing = {line.event for line in lines if line.seconds is None}
    if not missing:
        return ["Everything came back, but later than a minute. Run it again: SES may be busy."]
    if len(missing) == len({line.event for line in lines}):
        return [
            "Nothing came back. In the SNS console open the topic and look whether the "
            "subscription of our webhook is confirmed, and raw message delivery is off.",
            "In the SES console look whether the configuration set has an event destination that "
            "is enabled and names this topic."
            if account.configuration_set
            else "In the SES console open the identity, Notifications, and choose this topic for "
            "bounces, complaints and deliveries.",
            "The topic's access policy must let ses.amazonaws.com publish.",
        ]
    where = (
        f"the event destination of the configuration set {account.configuration_set}"
        if account.configuration_set
        else "the notifications of the identity"
    )
    return [f"Not told: {', '.join(sorted(missing))}. Tick them in {where}, then run it again."]
