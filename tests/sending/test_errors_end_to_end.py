"""Each refusal in SES's table, through a drain: rows, what stands still, the words, going on."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import boto3
import pytest
from django.utils import timezone

from lists.models import List
from sending import delivery, queue, sweeping, transport
from sending.models import Batch, BatchState, Message, SenderIdentity, SesAccount, Status
from sending.selectors.batches import progress
from sending.services.accounts import test_connection as ask_aws_again
from sending.services.batches import resume_batch
from sending.services.identities import refresh_identities
from tests.sending.conftest import ACCOUNT, REGION, Ses, statuses
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@dataclass
class World:
    """Acme's campaign to five people, and the SES that refuses it."""

    ses: Ses
    account: SesAccount
    batch: Batch
    patch: pytest.MonkeyPatch
    good: dict[str, str] = field(default_factory=dict)

    def use_key(self, **credentials: str) -> None:
        self.account.credentials = credentials or self.good
        self.account.save(update_fields=["credentials"])

    def aws(self) -> object:
        return boto3.client(
            "sesv2",
            region_name=REGION,
            aws_access_key_id=self.good["access_key_id"],
            aws_secret_access_key=self.good["secret_access_key"],
            verify=str(self.ses.environment["AWS_CA_BUNDLE"]),
        )


@pytest.fixture
def world(ses: Ses, ses_account: SesAccount, news: List, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(delivery, "_LINGER", 0.3)
    batch = make_batch(ses_account, [news])
    messages = make_messages(batch, make_contacts(news, 5))
    queue.set_rate(ses_account.pace_key, 100_000)
    queue.push(ses_account.pace_key, batch.lane, batch.pk, [one.pk for one in messages])
    return World(ses, ses_account, batch, monkeypatch, dict(ses_account.credentials))


Step = Callable[[World], None]


def fault(kind: str, count: int = 1, **fields: int) -> Step:
    return lambda world: world.ses.fault(kind, count=count, **fields)


def region(**fields: object) -> Step:
    return lambda world: world.ses.quota(**fields)


def wait(world: World) -> None:
    """The time comes at which it tries again by itself."""
    SesAccount.unscoped.update(parked_until=timezone.now())
    sweeping.sweep()


def ask_again(world: World) -> None:
    """A member has mended it and presses "test connection"."""
    world.account.refresh_from_db()
    ask_aws_again(account=world.account, actor=None)
    sweeping.sweep()


def verified_again(world: World) -> None:
    """The sender is verified; a member resumes what was paused for it."""
    refresh_identities(account=world.account)
    assert not SenderIdentity.unscoped.exclude(paused_reason="").exists()
    resume_batch(batch=world.batch)
    sweeping.sweep()


def identity(status: str) -> Step:
    return lambda world: world.ses.client.set_identity(ACCOUNT, REGION, "acme.example", status)


def unverified_in_the_sandbox(world: World) -> None:
    """SES names the sender and each recipient: nobody's message may be spent on it."""
    identity("PENDING")(world)
    world.ses.quota(sandbox=True)


def verified_out_of_the_sandbox(world: World) -> None:
    identity("SUCCESS")(world)
    world.ses.quota(sandbox=False)


def mail_from(behaviour: str) -> Step:
    def set_behaviour(world: World) -> None:
        world.aws().put_email_identity_mail_from_attributes(  # type: ignore[attr-defined]
            EmailIdentity="acme.example",
            MailFromDomain="bounce.acme.example",
            BehaviorOnMxFailure=behaviour,
        )

    return set_behaviour


def configuration_set(name: str) -> Step:
    def use(world: World) -> None:
        world.account.configuration_set = name
        world.account.save(update_fields=["configuration_set"])

    return use


def may_not_send(world: World) -> None:
    key = world.ses.client.add_key(ACCOUNT, user="reader", denied=["ses:Send*"])
    world.use_key(access_key_id=key["id"], secret_access_key=key["secret"])


def right_key(world: World) -> None:
    world.use_key()


def clock(seconds: float) -> Step:
    """Sets the clock of this machine wrong, as far as signatures go."""
    real = transport.time.time
    return lambda world: world.patch.setattr(
        transport, "time", SimpleNamespace(time=lambda: real() + seconds)
    )


def no_faults(world: World) -> None:
    world.ses.client.clear_faults(ACCOUNT)


@dataclass(frozen=True)
class Parked:
    """The AWS account or the connection stands still; nothing of a message is lost or counted."""

    cause: Step
    words: str
    by_itself: bool
    cure: Step


PARKED = {
    "daily quota": Parked(fault("daily_quota"), "Daily quota reached", True, no_faults),
    "sending paused": Parked(
        region(sending_enabled=False), "paused", True, region(sending_enabled=True)
    ),
    "suspended": Parked(
        region(enforcement="SHUTDOWN"), "suspended", False, region(enforcement="HEALTHY")
    ),
    "configuration set gone": Parked(
        configuration_set("gone"),
        "Configuration set <gone> does not exist",
        False,
        configuration_set(""),
    ),
    "not allowed": Parked(may_not_send, "ses:Send", False, right_key),
    "session never renewed": Parked(fault("expired_token", count=100), "token", False, no_faults),
    "key deleted": Parked(
        lambda world: world.use_key(access_key_id="AKIAGONE", secret_access_key="x"),
        "security token",
        False,
        right_key,
    ),
    "wrong secret": Parked(
        lambda world: world.use_key(**{**world.good, "secret_access_key": "wrong"}),
        "signature",
        False,
        right_key,
    ),
    "clock slow": Parked(clock(-900), "Signature expired", False, clock(0)),
    "clock fast": Parked(clock(900), "Signature", False, clock(0)),
}


@pytest.mark.parametrize("name", PARKED)
def test_what_stands_still_says_why_and_goes_on(
    world: World, drain: Callable[..., None], name: str
) -> None:
    case = PARKED[name]
    case.cause(world)
    drain(seconds=15)
    counted = statuses()
    assert counted.keys() <= {Status.QUEUED, Status.SENT}
    assert counted[Status.QUEUED]
    queued = Message.unscoped.filter(status=Status.QUEUED)
    assert set(queued.values_list("attempts", "reason")) == {(0, "")}
    account = SesAccount.unscoped.get()
    assert case.words in account.parked_reason
    batch = Batch.unscoped.get()
    assert batch.state == BatchState.RUNNING
    assert progress(batch).holding.startswith(account.parked_reason)
    assert (account.parked_until is not None) == case.by_itself
    if account.parked_until:
        assert account.parked_until - timezone.now() <= timedelta(minutes=10)

    case.cure(world)
    (wait if case.by_itself else ask_again)(world)
    drain(seconds=15)
    assert statuses() == {Status.SENT: 5}
    assert Counter(world.ses.arrived().values()) == {1: 5}
    assert SesAccount.unscoped.get().parked_reason == ""


@pytest.mark.parametrize(
    ("cause", "words", "cure"),
    [
        (identity("PENDING"), "not verified", identity("SUCCESS")),
        (unverified_in_the_sandbox, "not verified", verified_out_of_the_sandbox),
        (mail_from("REJECT_MESSAGE"), "MAIL FROM", mail_from("USE_DEFAULT_VALUE")),
    ],
    ids=["not verified", "not verified, sandbox", "MAIL FROM"],
)
def test_a_sender_that_ses_refuses_pauses_its_batch(
    world: World, drain: Callable[..., None], cause: Step, words: str, cure: Step
) -> None:
    cause(world)
    drain(seconds=15)
    assert statuses() == {Status.QUEUED: 5}
    batch = Batch.unscoped.get()
    assert batch.state == BatchState.PAUSED
    assert words in progress(batch).holding
    assert words in SenderIdentity.unscoped.get().paused_reason
    assert SesAccount.unscoped.get().parked_reason == ""

    cure(world)
    verified_again(world)
    drain(seconds=15)
    assert statuses() == {Status.SENT: 5}
    assert Counter(world.ses.arrived().values()) == {1: 5}


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [
        (region(sandbox=True), Status.FAILED, "sandbox"),
        (fault("error", count=5, status=400), Status.FAILED, "Amazon SES: An internal failure"),
        (fault("error", count=5, status=500), Status.UNKNOWN, "Amazon SES: An internal failure"),
        (fault("error", count=5, status=503), Status.UNKNOWN, "Amazon SES: An internal failure"),
        (fault("reset_before_accept", count=5), Status.UNKNOWN, "No answer from Amazon SES"),
        (fault("reset_after_accept", count=5), Status.UNKNOWN, "No answer from Amazon SES"),
        (fault("error_after_accept", count=5), Status.UNKNOWN, "Amazon SES: An internal failure"),
    ],
    ids=["sandbox", "400", "500", "503", "reset before", "reset after", "500 after"],
)
def test_what_is_about_the_message_stops_nothing_else(
    world: World, drain: Callable[..., None], cause: Step, status: Status, words: str
) -> None:
    cause(world)
    drain(seconds=15)
    assert statuses() == {status: 5}
    for reason in Message.unscoped.values_list("reason", flat=True):
        assert reason.startswith(words) or words in reason
    assert Batch.unscoped.get().state == BatchState.RUNNING
    assert SesAccount.unscoped.get().parked_reason == ""
    assert set(world.ses.arrived().values()) <= {1}


def test_an_address_that_ses_refuses_fails_alone(world: World, drain: Callable[..., None]) -> None:
    first = Message.unscoped.earliest("pk")
    Message.unscoped.filter(pk=first.pk).update(email="no-domain")
    drain(seconds=15)
    assert statuses() == {Status.SENT: 4, Status.FAILED: 1}
    first.refresh_from_db()
    assert first.reason == "Amazon SES: Missing final '@domain'"


def test_a_storm_of_429_slows_down_costs_nobody_an_attempt_and_passes(
    world: World, drain: Callable[..., None]
) -> None:
    key = world.account.pace_key
    world.ses.fault("throttle")
    for _ in range(5):  # the first throttle cuts nothing; how many come is the machine's own
        drain(seconds=2)
        assert statuses() == {Status.QUEUED: 5}
        assert set(Message.unscoped.values_list("attempts", flat=True)) == {0}
        cut = float(queue.valkey().hget(f"{{send}}:pace:{key}", "cut") or 1)
        if cut < 1:
            break
    assert cut < 1
    no_faults(world)
    drain(seconds=10)
    assert statuses() == {Status.SENT: 5}
    assert set(Message.unscoped.values_list("attempts", flat=True)) == {1}
    assert Counter(world.ses.arrived().values()) == {1: 5}
