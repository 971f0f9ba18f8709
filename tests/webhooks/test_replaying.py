"""What SNS could not deliver is fetched from the dead-letter queue, believed, stored, deleted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Suppression
from sending.models import Batch, MessageEvent, Outcome, SesAccount, Status
from sending.ses.client import Credentials
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person
from tests.webhooks.aws import aws, connected, set_up, until
from tests.webhooks.conftest import PAYLOADS, Signer, make_message, payload
from webhooks import inbox, replaying, sns, tasks
from webhooks.models import SnsMessage

__all__ = ["cloud", "connected", "simulator"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def ready(connected: SesAccount, alice: Person) -> SesAccount:
    return set_up(connected, alice.user)


def waiting(cloud: Cloud, account: SesAccount) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws(cloud, "sqs").get_queue_attributes(
        QueueUrl=account.dead_letter_url, AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)


def lose(cloud: Cloud, count: int) -> None:
    """Waits until SNS has given up so many notifications."""
    until(lambda: len(cloud.sim.dead_letters()) >= count)


def test_the_queue_is_made_for_the_topic_alone(cloud: Cloud, ready: SesAccount) -> None:
    [queue] = cloud.region()["queues"].values()
    assert queue["attributes"]["MessageRetentionPeriod"] == "1209600"
    [statement] = json.loads(queue["attributes"]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": ready.topic_arn}}
    [subscription] = cloud.region()["subscriptions"].values()
    target = json.loads(subscription["attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
    assert target == f"arn:aws:sqs:{REGION}:{TENANT}:{queue['name']}"


def test_a_subscription_of_before_gets_the_queue_too(
    cloud: Cloud, ready: SesAccount, alice: Person
) -> None:
    aws(cloud, "sns").set_subscription_attributes(
        SubscriptionArn=ready.subscription_arn, AttributeName="RedrivePolicy", AttributeValue=""
    )
    again = set_up(ready, alice.user)
    assert again.subscription_arn == ready.subscription_arn
    [subscription] = cloud.region()["subscriptions"].values()
    assert "dead-letters" in subscription["attributes"]["RedrivePolicy"]


def test_what_was_lost_is_fetched_and_counts_as_if_it_had_come(
    cloud: Cloud, ready: SesAccount, add_contact: Any
) -> None:
    batch = Batch.unscoped.create(
        tenant=ready.tenant, lane=3, ses_account=ready, state="running", subject="Hello"
    )
    message = make_message(
        batch, add_contact("bounce@simulator.amazonses.com"), status=Status.UNKNOWN
    )
    # Our web server answers as if it had never heard of the address: SNS does not repeat that.
    kept = bytes(ready.webhook_token_hash or b"")
    SesAccount.unscoped.update(webhook_token_hash=b"another")
    inbox._known.clear()
    aws(cloud, "sesv2").send_email(
        FromEmailAddress="news@acme.example",
        Destination={"ToAddresses": [message.email]},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hi"}}}},
        EmailTags=[{"Name": "bf_msg", "Value": str(message.pk)}],
        ConfigurationSetName=ready.configuration_set,
    )
    lose(cloud, 2)  # Send, Bounce
    SesAccount.unscoped.update(webhook_token_hash=kept, events_missing_since=timezone.now())
    before = waiting(cloud, ready)
    assert before >= 2

    now = timezone.now()
    assert replaying.due(now) == [ready.pk]
    tasks.fetch_dead_letters_of(ready.pk)
    tasks.translate()
    assert waiting(cloud, ready) == 0
    message.refresh_from_db()
    assert (message.status, message.outcome) == (Status.SENT, Outcome.HARD_BOUNCED)
    assert Suppression.unscoped.get().email_norm == message.email
    assert MessageEvent.unscoped.count() == 2
    found = SesAccount.unscoped.get()
    assert (found.dead_letters, found.dead_letters_read_at is not None) == (0, True)
    assert replaying.due(timezone.now()) == []
    assert replaying.due(timezone.now() + timedelta(minutes=3)) == [ready.pk]


def test_what_is_not_believed_stays(cloud: Cloud, ready: SesAccount, alice: Person) -> None:
    """Raw delivery has no signature: nobody can tell who wrote it."""
    own = aws(cloud, "sns")
    own.set_subscription_attributes(
        SubscriptionArn=ready.subscription_arn,
        AttributeName="RawMessageDelivery",
        AttributeValue="true",
    )
    own.publish(
        TopicArn=ready.topic_arn,
        Message=PAYLOADS.joinpath("event_complaint_abuse.json").read_text(),
    )
    until(lambda: waiting(cloud, ready) == 1)
    before = SnsMessage.unscoped.count()
    tasks.fetch_dead_letters_of(ready.pk)
    assert SnsMessage.unscoped.count() == before
    assert waiting(cloud, ready) == 1
    assert SesAccount.unscoped.get().dead_letters == 1
    page = alice.client.get(f"/w/acme/sending/{ready.public_id}/").content.decode()
    assert "1 report that SNS could not deliver waits in the dead-letter queue" in page


def test_a_letter_that_cannot_be_stored_is_not_deleted(
    cloud: Cloud, ready: SesAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    SesAccount.unscoped.update(webhook_token_hash=b"another")
    inbox._known.clear()
    aws(cloud, "sns").publish(TopicArn=ready.topic_arn, Message="{}")
    until(lambda: waiting(cloud, ready) == 1)
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "store", lambda *_: False)
        assert tasks.fetch_dead_letters_of(ready.pk) is None
    assert waiting(cloud, ready) == 1


def test_aws_refusing_is_left_for_later(
    cloud: Cloud, ready: SesAccount, caplog: pytest.LogCaptureFixture
) -> None:
    key: Credentials = cloud.key(denied=["sqs:ReceiveMessage"])
    ready.credentials = {
        "access_key_id": key.access_key, "secret_access_key": key.secret_key
    }  # fmt: skip
    ready.save(update_fields=["credentials"])
    assert replaying.replay_of(ready.pk, timezone.now()) == 0
    assert "sqs:receivemessage" in caplog.text


def test_the_button_calls_a_worker_once(
    ready: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(tasks.fetch_dead_letters_of, "delay", called.append)
    SesAccount.unscoped.update(dead_letters=3)
    page = alice.client.post(f"/w/acme/feedback/accounts/{ready.public_id}/fetch/", follow=True)
    assert "A worker fetches what waits" in page.content.decode()
    assert called == [ready.pk]


def test_only_the_age_rule_is_relaxed(account: SesAccount, trusted: Signer, signer: Signer) -> None:
    def believed(document: Any, age: timedelta) -> None:
        envelope = sns.parse(json.dumps(document).encode())
        inbox.verify(
            envelope,
            None,
            inbox.address_of(account),
            now=envelope.timestamp + age,
            max_age=replaying.MAX_AGE,
        )

    good = signer.envelope("{}")
    believed(good, timedelta(days=14))
    with pytest.raises(sns.Forged, match="older"):
        believed(good, timedelta(days=15))
    with pytest.raises(sns.Forged, match="signature"):
        believed(good | {"Message": "{ }"}, timedelta(days=1))
    with pytest.raises(sns.Forged, match="topic"):
        believed(payload("envelope_BAD_foreign_topic_validly_signed"), timedelta())
