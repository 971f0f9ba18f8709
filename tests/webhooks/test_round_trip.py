"""The whole way: SES reports through SNS to our webhook, and a worker acts on it."""

from collections.abc import Callable

import pytest

from lists.models import Contact, Suppression
from sending.models import Batch, MessageEvent, Outcome, SesAccount, Status
from sending.selectors.accounts import feedback_ready, feedback_steps
from sending.services import feedback
from sending.ses import client
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person
from tests.webhooks.aws import aws, connected, set_up, until
from tests.webhooks.conftest import make_message
from webhooks import tasks
from webhooks.models import SnsMessage

__all__ = ["cloud", "connected", "simulator"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_a_bounce_comes_all_the_way_back(
    cloud: Cloud, connected: SesAccount, alice: Person, add_contact: Callable[..., Contact]
) -> None:
    account = set_up(connected, alice.user)
    assert feedback_ready(account)
    assert [step.state for step in feedback_steps(account)] == ["done"] * 5
    (subscription,) = cloud.region()["subscriptions"].values()
    assert subscription["confirmed"] and subscription["authenticated"]

    batch = Batch.unscoped.create(
        tenant=account.tenant, lane=3, ses_account=account, state="running", subject="Hello"
    )
    contacts = [add_contact(f"{who}@simulator.amazonses.com") for who in ("bounce", "success")]
    messages = [make_message(batch, one, status=Status.UNKNOWN) for one in contacts]
    ses = aws(cloud, "sesv2")
    for message in messages:
        ses.send_email(
            FromEmailAddress="news@acme.example",
            Destination={"ToAddresses": [message.email]},
            Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hi"}}}},
            EmailTags=[{"Name": "bf_msg", "Value": str(message.pk)}],
            ConfigurationSetName=account.configuration_set,
        )

    def translated() -> bool:
        tasks.translate()
        return MessageEvent.unscoped.count() == 4  # Send twice, Bounce, Delivery

    until(translated)
    bounced, delivered = messages
    bounced.refresh_from_db()
    delivered.refresh_from_db()
    assert (bounced.outcome, bounced.status) == (Outcome.HARD_BOUNCED, Status.SENT)
    assert (delivered.outcome, delivered.status) == (Outcome.DELIVERED, Status.SENT)
    assert Suppression.unscoped.get().email_norm == bounced.email
    account.refresh_from_db()
    assert account.last_event_at is not None
    assert cloud.sim.dead_letters() == []
    # The greeting of SES came too; everything that came is done with.
    assert not SnsMessage.unscoped.filter(processed_at=None).exists()
    assert not SnsMessage.unscoped.exclude(error="").exists()


def test_a_confirmation_is_tried_again_while_aws_is_in_trouble(
    connected: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
) -> None:
    feedback.set_up_feedback(account=connected, actor=alice.user)
    row = until(lambda: SnsMessage.unscoped.filter(kind="SubscriptionConfirmation").first())
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
        client._new_client.cache_clear()
        tasks.confirm_subscriptions()
    client._new_client.cache_clear()
    row.refresh_from_db()
    assert row.processed_at is None and row.retry_at is not None
    tasks.confirm_subscriptions()  # not due yet
    assert SesAccount.unscoped.get().subscription_arn == ""
    SnsMessage.unscoped.update(retry_at=row.received_at)
    tasks.confirm_subscriptions()
    assert SesAccount.unscoped.get().subscription_arn
    row.refresh_from_db()
    assert row.processed_at is not None


def test_a_token_that_aws_refuses_is_not_tried_for_ever(connected: SesAccount) -> None:
    SesAccount.unscoped.update(topic_arn=f"arn:aws:sns:{REGION}:{TENANT}:gone")
    row = SnsMessage.unscoped.create(
        tenant=connected.tenant,
        ses_account=connected,
        sns_message_id="1",
        kind="SubscriptionConfirmation",
        body="token",
    )
    tasks.confirm_subscriptions()
    row.refresh_from_db()
    assert row.processed_at is not None
    assert row.error.startswith("NotFound")
    assert SesAccount.unscoped.get().feedback_failed_step == "subscription"


def test_unsubscribing_at_aws_is_noticed(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    account = set_up(connected, alice.user)
    aws(cloud, "sns").unsubscribe(SubscriptionArn=account.subscription_arn)
    until(lambda: SnsMessage.unscoped.filter(kind="UnsubscribeConfirmation").exists())
    tasks.translate()
    account = SesAccount.unscoped.get()
    assert account.events_stopped_at is not None
    assert not feedback_ready(account)
