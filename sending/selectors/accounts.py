"""Reads of a tenant's SES accounts, and what their pages show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sending.models import (
    QUOTA_REACHED,
    QUOTA_REFUSED,
    Batch,
    BatchState,
    Message,
    SesAccount,
    SesState,
    Status,
)
from sending.pace import DAY
from sending.ses.explain import Explanation, explain_words
from tenants.models import Tenant


@dataclass(frozen=True)
class Quota:
    """What AWS allows one account, as last read; counts are recipients in the last 24 hours."""

    account: SesAccount
    allowed: int | None  # None: without limit
    used: int
    rate: float  # recipients a second

    @classmethod
    def of(cls, account: SesAccount) -> "Quota":
        return cls(
            account,
            allowed=None if account.max_24_hour_send < 0 else int(account.max_24_hour_send),
            used=int(account.sent_last_24_hours),
            rate=account.max_send_rate,
        )

    @property
    def left(self) -> int | None:
        return None if self.allowed is None else max(0, self.allowed - self.used)


def quota_of(account: SesAccount) -> Quota | None:
    """What AWS allows the account; None before it was read."""
    return Quota.of(account) if account.quota_read_at else None


def accounts_of(tenant: Tenant) -> QuerySet[SesAccount]:
    """The tenant's accounts, oldest first."""
    return SesAccount.objects.for_tenant(tenant).order_by("id")


def account_of(tenant: Tenant, public_id: UUID) -> SesAccount:
    """One account. Raises SesAccount.DoesNotExist for another tenant's."""
    account: SesAccount = SesAccount.objects.for_tenant(tenant).get(public_id=public_id)
    return account


def default_account(tenant: Tenant) -> SesAccount | None:
    """The account that mail leaves through when nobody chose one: the oldest connected one."""
    return accounts_of(tenant).filter(state=SesState.CONNECTED).first()


def parked_words(account: SesAccount) -> str:
    """Why mail of an account waits and when it goes on by itself, in the active time zone."""
    reason, until = account.parked_reason, account.parked_until
    if until is None:
        return reason
    if reason in (QUOTA_REACHED, QUOTA_REFUSED):
        return f"{reason}, resumes about {_clock(until)}"
    return f"{reason.rstrip('.')}. Bluefox tries again about {_clock(until)}"


def _clock(moment: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localdate()
    day = "" if local.date() == today else f"{local.day} {local:%b} "
    return f"{day}{local:%H:%M %Z}"


@dataclass(frozen=True)
class FeedbackStep:
    """A step of the way back as it stands; state as in the `step` tag."""

    number: int
    title: str
    text: str
    value: str
    state: str
    error: str
    meaning: Explanation | None


# The steps of sending.ses.provisioning as a person sees them: two calls make the topic.
_STEPS = [
    (("configuration_set",), "Configuration set", "Marks our mail, so that SES reports on it."),
    (
        ("topic", "topic_rules"),
        "SNS topic",
        "Carries the reports. Only your SES may publish to it.",
    ),
    (
        ("dead_letters",),
        "Dead-letter queue",
        "Keeps for 14 days what SNS could not deliver to us, for Bluefox to fetch.",
    ),
    (
        ("subscription",),
        "Webhook",
        "SNS posts each report to Bluefox and asks us to confirm first.",
    ),
    (
        ("event_destination",),
        "Event destination",
        "Sends deliveries, bounces and complaints of the configuration set to the topic.",
    ),
]


_OWN_STEPS = [
    (("topic",), "Your SNS topic", "Nothing else is believed."),
    (("subscription",), "Webhook", "SNS asks us to confirm the subscription that you make."),
    (
        ("event_destination",),
        "Events",
        "A configuration set, or the notifications of an identity, tell the topic of your mail.",
    ),
]


def feedback_steps(account: SesAccount) -> list[FeedbackStep]:
    """The parts of the way back: those that we make, or those of the tenant's own topic."""
    if account.feedback_manual:
        events = "They arrive" if account.events_published else ""
        values = [account.topic_arn, account.subscription_arn, events]
        return _steps(account, _OWN_STEPS, values)
    found = [
        account.configuration_set,
        account.topic_arn if account.topic_signature_version else "",
        account.dead_letter_url,
        account.subscription_arn,
        "Enabled" if account.events_published else "",
    ]
    return _steps(account, _STEPS, found)


def _steps(
    account: SesAccount, parts: Sequence[tuple[tuple[str, ...], str, str]], found: Sequence[str]
) -> list[FeedbackStep]:
    steps = []
    for number, ((keys, title, text), value) in enumerate(zip(parts, found, strict=True), 1):
        failed = account.feedback_failed_step in keys
        waiting = "subscription" in keys and account.subscription_requested_at is not None
        state = "failed" if failed else "done" if value else "waiting" if waiting else "todo"
        error = account.feedback_error if failed else ""
        meaning = explain_words(error) if failed else None
        steps.append(FeedbackStep(number, title, text, value, state, error, meaning))
    return steps


def feedback_ready(account: SesAccount) -> bool:
    """Whether bounces and complaints reach us, as far as we have set up and been told."""
    return bool(
        account.subscription_arn and account.events_published and not account.events_stopped_at
    )


def may_test_feedback(account: SesAccount) -> bool:
    """Whether events could reach us: of a tenant's own topic only the test can tell."""
    own = account.feedback_manual and account.subscription_arn and not account.events_stopped_at
    return bool(own) or feedback_ready(account)


def has_work() -> Exists:
    """Over SesAccount: whether something leaves through it, or is about to."""
    under_way = (BatchState.PREPARING, BatchState.RUNNING)
    return Exists(Batch.unscoped.filter(ses_account=OuterRef("pk"), state__in=under_way))


def in_hand(accounts: QuerySet[SesAccount] | Sequence[int]) -> QuerySet[Message]:
    """Messages of these accounts that a worker has claimed and not answered for.

    What was claimed a day ago is long called unknown; the bound keeps the search off those.
    """
    return Message.unscoped.filter(
        status=Status.SENDING,
        claimed_at__gt=timezone.now() - DAY,
        batch__ses_account__in=accounts,
    )


# GetAccount may be asked once a minute; an account that sends nothing can wait for its figures.
_SENDING = timedelta(seconds=50)
_IDLE = timedelta(minutes=15)


def due_for_quota(now: datetime) -> list[int]:
    """Ids of the connected accounts whose quota is to be read again, of all tenants."""
    old = (
        Q(quota_read_at=None)
        | Q(quota_read_at__lte=now - _IDLE)
        | Q(has_work(), quota_read_at__lte=now - _SENDING)
    )
    connected = SesAccount.unscoped.filter(old, state=SesState.CONNECTED)
    return list(connected.order_by("quota_read_at").values_list("pk", flat=True))
