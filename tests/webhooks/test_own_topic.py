"""The way back by hand: a topic of the tenant's own, confirmed safely."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact, Suppression
from sending.models import Batch, Message, MessageEvent, Outcome, SesAccount
from sending.selectors.feedback import HealthState, feedback_health
from sending.services import feedback
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person
from tests.webhooks.aws import aws, connected, until
from tests.webhooks.conftest import NOW, Post, Signer, make_message, payload
from webhooks import certificates, confirming, tasks
from webhooks.models import SnsMessage

__all__ = ["cloud", "connected", "simulator"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def page(alice: Person, account: SesAccount, **form: str) -> Any:
    url = f"/w/acme/sending/{account.public_id}/feedback/own/"
    if form:
        return alice.client.post(url, form, follow=True)
    return alice.client.get(url)


def make_topic(cloud: Cloud, version: str) -> str:
    """What the person does in the consoles: a topic, a set of their own, its event destination."""
    sns, ses = aws(cloud, "sns"), aws(cloud, "sesv2")
    arn: str = sns.create_topic(Name="theirs", Attributes={"SignatureVersion": version})["TopicArn"]
    ses.create_configuration_set(ConfigurationSetName="theirs")
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="theirs",
        EventDestinationName="sns",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"],
            "SnsDestination": {"TopicArn": arn},
        },
    )
    return arn


def subscribe(cloud: Cloud, arn: str) -> None:
    url = feedback.webhook_url(SesAccount.unscoped.get())
    aws(cloud, "sns").subscribe(TopicArn=arn, Protocol="http", Endpoint=url)
    until(lambda: SnsMessage.unscoped.filter(kind="SubscriptionConfirmation").exists())


def deny(cloud: Cloud, account: SesAccount) -> None:
    """The key that we were given may do nothing at SNS."""
    key = cloud.key(denied=["sns:*"])
    account.credentials = {"access_key_id": key.access_key, "secret_access_key": key.secret_key}
    account.save(update_fields=["credentials"])


@pytest.mark.parametrize(("version", "granted"), [("2", False), ("1", False), ("2", True)])
def test_from_a_pasted_arn_to_events(
    cloud: Cloud, connected: SesAccount, alice: Person, version: str, granted: bool
) -> None:
    if not granted:
        deny(cloud, connected)
    assert "Make a topic" in page(alice, connected).content.decode()
    arn = make_topic(cloud, version)
    answer = page(alice, connected, topic_arn=arn, configuration_set="theirs")
    account = SesAccount.unscoped.get()
    content = answer.content.decode()
    assert feedback.webhook_url(account) in content
    assert "Waiting for SNS to ask us" in content
    assert feedback_health(account).state == HealthState.WAITING
    subscribe(cloud, arn)
    tasks.confirm_subscriptions()
    account.refresh_from_db()
    assert account.subscription_arn.startswith(f"{arn}:")
    # Version 2 is pinned once the topic has shown it.
    assert account.topic_signature_version == ("2" if version == "2" else "")
    (subscription,) = cloud.region()["subscriptions"].values()
    assert (subscription["confirmed"], subscription["authenticated"]) == (True, granted)
    assert feedback_health(account).state == HealthState.QUIET
    assert (
        "Run the self-test"
        in alice.client.get(f"/w/acme/sending/{account.public_id}/").content.decode()
    )
    words = "no older one is accepted" if version == "2" else "Version 1: run the command"
    assert words in page(alice, connected).content.decode()

    aws(cloud, "sesv2").send_email(
        FromEmailAddress="news@acme.example",
        Destination={"ToAddresses": ["success@simulator.amazonses.com"]},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hi"}}}},
        ConfigurationSetName=account.configuration_set,
    )
    until(lambda: SnsMessage.unscoped.filter(kind="Notification").exists())
    tasks.translate()
    account.refresh_from_db()
    assert account.events_published
    assert feedback_health(account).state == HealthState.GOOD
    state = f"/w/acme/sending/{account.public_id}/feedback/own/state/"
    assert alice.client.get(state).status_code == 286


def test_notifications_of_an_identity_are_enough(
    cloud: Cloud, connected: SesAccount, alice: Person, add_contact: Callable[..., Contact]
) -> None:
    """The oldest way by hand: no configuration set, so no tags; SES's id finds the mail."""
    arn = aws(cloud, "sns").create_topic(Name="theirs")["TopicArn"]
    page(alice, connected, topic_arn=arn)
    subscribe(cloud, arn)
    tasks.confirm_subscriptions()
    for kind in ("Bounce", "Complaint", "Delivery"):
        aws(cloud, "ses").set_identity_notification_topic(
            Identity="acme.example", NotificationType=kind, SnsTopic=arn
        )
    account = SesAccount.unscoped.get()
    batch = Batch.unscoped.create(
        tenant=account.tenant, lane=3, ses_account=account, state="running", subject="Hello"
    )
    messages = {}
    for who in ("bounce", "complaint", "success"):
        message = make_message(batch, add_contact(f"{who}@simulator.amazonses.com"))
        sent = aws(cloud, "sesv2").send_email(
            FromEmailAddress="news@acme.example",
            Destination={"ToAddresses": [message.email]},
            Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hi"}}}},
        )
        Message.unscoped.filter(pk=message.pk).update(ses_message_id=sent["MessageId"])
        messages[who] = message

    def translated() -> bool:
        tasks.translate()
        return MessageEvent.unscoped.count() == 4  # one for each, and the complaint's Delivery

    until(translated)
    for message in messages.values():
        message.refresh_from_db()
    assert messages["bounce"].outcome == Outcome.HARD_BOUNCED
    assert messages["complaint"].outcome == Outcome.COMPLAINED
    assert messages["success"].outcome == Outcome.DELIVERED
    suppressed = dict(Suppression.unscoped.values_list("email_norm", "reason"))
    assert suppressed == {
        messages["bounce"].email: "hard_bounce",
        messages["complaint"].email: "complaint",
    }
    account.refresh_from_db()
    assert account.events_published
    assert feedback_health(account).state == HealthState.GOOD
    # SES's three greetings came too, and are done with.
    assert not SnsMessage.unscoped.filter(processed_at=None).exists()
    assert not SnsMessage.unscoped.exclude(error="").exists()
    assert cloud.sim.dead_letters() == []


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("theirs", "This is no ARN of a topic"),
        (f"arn:aws:sqs:{REGION}:{TENANT}:queue", "This is no ARN of a topic"),
        (f"arn:aws:sns:{REGION}:{TENANT}:theirs:0000", "This is no ARN of a topic"),
        (f"arn:aws:sns:us-east-1:{TENANT}:theirs", "This topic is in us-east-1"),
        (f"arn:aws:sns:{REGION}:999999999999:theirs", "belongs to AWS account 999999999999"),
    ],
)
def test_a_topic_elsewhere_is_refused(
    connected: SesAccount, alice: Person, arn: str, words: str
) -> None:
    answer = page(alice, connected, topic_arn=arn)
    assert answer.status_code == 422
    assert words in answer.content.decode().replace("&#x27;", "'")
    account = SesAccount.unscoped.get()
    assert (account.feedback_manual, account.webhook_token) == (False, {})


def test_one_click_afterwards_makes_our_own_beside_theirs(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    arn = make_topic(cloud, "2")
    feedback.use_own_topic(account=connected, actor=None, topic_arn=arn, configuration_set="theirs")
    feedback.set_up_feedback(account=connected, actor=None)
    account = SesAccount.unscoped.get()
    assert not account.feedback_manual
    assert account.configuration_set.startswith("bluefox-")
    assert account.topic_arn.endswith(f"{account.configuration_set}-events")


# --- what may never be opened -------------------------------------------------------------------


class Opened(list[str]):
    """Addresses that were opened, and what they answer."""

    answer: bytes = b""

    def open(self, url: str, **_: object) -> Any:
        self.append(url)
        opened = self

        class Answer:
            def __enter__(self) -> "Answer":
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def read(self, most: int) -> bytes:
                return opened.answer[:most]

        return Answer()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Nothing leaves this machine: what would be opened is written down."""
    seen = Opened()
    monkeypatch.setattr(confirming, "opener", lambda: seen)
    return seen


@pytest.fixture
def awaiting(account: SesAccount, monkeypatch: pytest.MonkeyPatch) -> SesAccount:
    """A topic by hand whose confirmation is awaited; the API refuses us."""
    monkeypatch.setattr(tasks.confirm_subscriptions, "delay", lambda: None)
    SesAccount.unscoped.update(
        feedback_manual=True, subscription_arn="", subscription_requested_at=NOW
    )

    def denied(**_: object) -> None:
        raise confirming.SesError("AuthorizationError", "not authorized", 403, "Confirm")

    monkeypatch.setattr(confirming, "confirm_subscription", denied)
    return account


def test_only_an_address_made_of_the_pinned_topic_is_opened(
    awaiting: SesAccount, opened: Opened, post: Post, trusted: Signer
) -> None:
    document = payload("envelope_v2_subscription_confirmation")
    signed = trusted.sign(document | {"Timestamp": timezone.now().isoformat()})
    assert post(signed).status_code == 200
    opened.answer = f"<SubscriptionArn>{awaiting.topic_arn}:1-2-3-4-5</SubscriptionArn>".encode()
    tasks.confirm_subscriptions()
    [url] = opened
    assert url.startswith(
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn="
        "arn%3Aaws%3Asns%3Aeu-west-1%3A111122223333%3Abyo-ses-events&Token="
    )
    assert SesAccount.unscoped.get().subscription_arn == f"{awaiting.topic_arn}:1-2-3-4-5"


@pytest.mark.parametrize(
    "name",
    [
        "envelope_BAD_ssrf_subscribeurl_unsigned",
        "envelope_BAD_ssrf_subscribeurl_validly_signed_foreign_host",
        "envelope_BAD_foreign_topic_validly_signed",
    ],
)
@pytest.mark.usefixtures("awaiting", "fetched")
def test_an_address_elsewhere_is_neither_stored_nor_opened(
    name: str, opened: Opened, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    assert post(payload(name)).status_code == 403
    tasks.confirm_subscriptions()
    assert opened == []
    assert not SnsMessage.unscoped.exists()


@pytest.mark.parametrize(
    "answer",
    [b"", b"<SubscriptionArn>arn:aws:sns:eu-west-1:999999999999:other:1</SubscriptionArn>"],
)
def test_an_answer_that_names_another_subscription_confirms_nothing(
    awaiting: SesAccount, opened: Opened, answer: bytes
) -> None:
    opened.answer = answer
    row = SnsMessage.unscoped.create(
        tenant=awaiting.tenant, ses_account=awaiting, sns_message_id="1",
        kind="SubscriptionConfirmation", body="https://169.254.169.254/?x=&TopicArn=evil",
    )  # fmt: skip
    tasks.confirm_subscriptions()
    [url] = opened
    assert url.startswith("https://sns.eu-west-1.amazonaws.com/?")
    assert "169.254" not in url.partition("Token=")[0]
    row.refresh_from_db()
    assert "named no subscription" in row.error
    assert SesAccount.unscoped.get().subscription_arn == ""


def test_redirects_are_not_followed() -> None:
    handlers = {type(one).__name__ for one in certificates.opener().handlers}  # type: ignore[attr-defined]
    assert "_NoRedirects" in handlers and "HTTPRedirectHandler" not in handlers


def test_one_click_accounts_are_never_confirmed_by_an_address(
    awaiting: SesAccount, opened: Opened
) -> None:
    SesAccount.unscoped.update(feedback_manual=False)
    SnsMessage.unscoped.create(
        tenant=awaiting.tenant, ses_account=awaiting, sns_message_id="1",
        kind="SubscriptionConfirmation", body="token",
    )  # fmt: skip
    tasks.confirm_subscriptions()
    assert opened == []
