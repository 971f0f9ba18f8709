"""Topics, the handshake, signatures checked by code of the test's own, retries, dead letters."""

import base64
import json
import re
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.accounts import Subscription, Topic
from simulator.sns_policy import DEFAULT_RETRY, retry_delays, retry_policy, ses_may_publish
from tests.simulator.conftest import REGION, Cloud, Listener, Post, until

CERTIFICATE = re.compile(
    r"https://sns\.eu-west-1\.amazonaws\.com/SimpleNotificationService-[0-9a-f]{32}\.pem"
)
NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]


def checked(cloud: Cloud, post: Post) -> dict[str, Any]:
    """Return the envelope after checking headers and signature as the AWS guide says."""
    envelope: dict[str, Any] = json.loads(post.body)
    assert post.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert post.headers["User-Agent"] == "Amazon Simple Notification Service Agent"
    assert post.headers["x-amz-sns-message-type"] == envelope["Type"]
    assert post.headers["x-amz-sns-message-id"] == envelope["MessageId"]
    assert post.headers["x-amz-sns-topic-arn"] == envelope["TopicArn"]
    assert CERTIFICATE.fullmatch(envelope["SigningCertURL"])
    path = envelope["SigningCertURL"].removeprefix("https://sns.eu-west-1.amazonaws.com")
    pem = requests.get(cloud.process.url + path, timeout=5).content
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    fields = NOTIFICATION if envelope["Type"] == "Notification" else CONFIRMATION
    text = "".join(f"{name}\n{envelope[name]}\n" for name in fields if name in envelope)
    # version 1 is SHA-1 by definition
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303
    signature = base64.b64decode(envelope["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), digest)
    with pytest.raises(InvalidSignature):
        key.verify(signature, text.encode() + b"x", padding.PKCS1v15(), digest)
    return envelope


def subscribed(cloud: Cloud, listener: Listener, **attributes: str) -> str:
    """Return the ARN of a topic to which the listener is subscribed and confirmed."""
    sns = cloud.client("sns")
    topic: str = sns.create_topic(Name="events", Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    [post] = listener.wait(1)
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(post.body)["Token"])
    listener.posts.clear()
    return topic


def test_topics(cloud: Cloud) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="events")["TopicArn"]
    assert topic == f"arn:aws:sns:{REGION}:{cloud.id}:events"
    assert sns.create_topic(Name="events")["TopicArn"] == topic
    assert "SignatureVersion" not in sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SignatureVersion"] == "2"
    with pytest.raises(ClientError) as bad:
        sns.set_topic_attributes(
            TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="3"
        )
    assert bad.value.response["Error"]["Code"] == "InvalidParameter"
    assert [t["TopicArn"] for t in sns.list_topics()["Topics"]] == [topic]
    sns.delete_topic(TopicArn=topic)
    with pytest.raises(ClientError) as gone:
        sns.get_topic_attributes(TopicArn=topic)
    assert gone.value.response["Error"]["Code"] == "NotFound"


def test_another_account_s_topic_is_closed(cloud: Cloud) -> None:
    sns = cloud.client("sns")
    with pytest.raises(ClientError) as caught:
        sns.get_topic_attributes(TopicArn=f"arn:aws:sns:{REGION}:999999999999:events")
    assert caught.value.response["Error"]["Code"] == "AuthorizationError"


@pytest.mark.parametrize("version", ["1", "2"])
def test_handshake_by_api(cloud: Cloud, listener: Listener, version: str) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="e", Attributes={"SignatureVersion": version})["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    [post] = listener.wait(1)
    envelope = checked(cloud, post)
    assert envelope["SignatureVersion"] == version
    assert list(envelope) == [
        "Type", "MessageId", "TopicArn", "Message", "Token", "SubscribeURL", "Timestamp",
        "SignatureVersion", "Signature", "SigningCertURL",
    ]  # fmt: skip
    assert "x-amz-sns-subscription-arn" not in post.headers
    [listed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    sns.publish(TopicArn=topic, Message="too early")
    confirmed = sns.confirm_subscription(
        TopicArn=topic, Token=envelope["Token"], AuthenticateOnUnsubscribe="true"
    )["SubscriptionArn"]
    assert confirmed.startswith(f"{topic}:")
    attributes = sns.get_subscription_attributes(SubscriptionArn=confirmed)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    assert attributes["ConfirmationWasAuthenticated"] == "true"
    again = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    assert again["SubscriptionArn"] == confirmed
    sns.publish(TopicArn=topic, Message="now")
    posts = listener.wait(2)
    assert [checked(cloud, p)["Message"] for p in posts[1:]] == ["now"]
    assert posts[1].headers["x-amz-sns-subscription-arn"] == confirmed


def test_handshake_by_subscribe_url(cloud: Cloud, listener: Listener) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="e")["TopicArn"]
    arn = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=listener.url, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    [post] = listener.wait(1)
    url = json.loads(post.body)["SubscribeURL"]
    prefix = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn="
    assert url.startswith(prefix + topic)
    here = url.replace("https://sns.eu-west-1.amazonaws.com", cloud.process.url)
    assert requests.get(here + "0", timeout=5).status_code == 400
    answer = requests.get(here, timeout=5)
    assert answer.status_code == 200
    assert arn in answer.text
    with pytest.raises(ClientError) as caught:
        sns.confirm_subscription(TopicArn=topic, Token="1" * 250)
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("plain", None),
        ("with subject", "A subject"),
        ('{"note":"zażółć 漢字"}\n', "Subject with spaces"),
        ("two\nlines\n", None),
    ],
)
def test_signatures(
    cloud: Cloud, listener: Listener, version: str, message: str, subject: str | None
) -> None:
    topic = subscribed(cloud, listener, SignatureVersion=version)
    fields = {} if subject is None else {"Subject": subject}
    cloud.client("sns").publish(TopicArn=topic, Message=message, **fields)
    [post] = listener.wait(1)
    envelope = checked(cloud, post)
    assert envelope["Message"] == message
    assert envelope.get("Subject") == subject
    assert envelope["SignatureVersion"] == version
    assert envelope["UnsubscribeURL"].endswith(post.headers["x-amz-sns-subscription-arn"])


def test_raw_delivery_has_no_signature(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    sns = cloud.client("sns")
    [item] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=item["SubscriptionArn"],
        AttributeName="RawMessageDelivery",
        AttributeValue="true",
    )
    sns.publish(TopicArn=topic, Message="bare")
    [post] = listener.wait(1)
    assert post.body == b"bare"
    assert post.headers["x-amz-sns-rawdelivery"] == "true"


def test_server_errors_are_retried_with_the_same_message(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    listener.answers += [500, 503]
    cloud.client("sns").publish(TopicArn=topic, Message="again")
    posts = listener.wait(3, seconds=8)
    assert len({post.headers["x-amz-sns-message-id"] for post in posts}) == 1
    assert len({post.body for post in posts}) == 1
    # 20 seconds at a twentieth of the time
    assert 0.9 < posts[1].time - posts[0].time < 2


def test_four_attempts_then_a_dead_letter(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    sns = cloud.client("sns")
    [item] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    policy = {"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 2}}
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{cloud.id}:dead"}
    for name, value in (("DeliveryPolicy", policy), ("RedrivePolicy", redrive)):
        sns.set_subscription_attributes(
            SubscriptionArn=item["SubscriptionArn"],
            AttributeName=name,
            AttributeValue=json.dumps(value),
        )
    listener.answers += [500] * 4
    sns.publish(TopicArn=topic, Message="lost")
    listener.wait(4)
    letter = until(lambda: mine(cloud, item["SubscriptionArn"]))
    assert (letter["attempts"], letter["status"]) == (4, 500)
    assert json.loads(letter["queue"]) == redrive
    assert json.loads(letter["body"])["Message"] == "lost"
    assert len(listener.posts) == 4


def mine(cloud: Cloud, subscription: str) -> dict[str, Any] | None:
    """Return the dead letter of a subscription, if there is one."""
    for letter in cloud.sim.dead_letters():
        if letter["subscription"] == subscription:
            return letter
    return None


def test_client_errors_are_not_retried(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    [item] = cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    listener.answers += [403]
    cloud.client("sns").publish(TopicArn=topic, Message="refused")
    letter = until(lambda: mine(cloud, item["SubscriptionArn"]))
    assert (letter["attempts"], letter["status"]) == (1, 403)


def test_unsubscribe_tells_the_endpoint(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    sns = cloud.client("sns")
    [item] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=item["SubscriptionArn"])
    [post] = listener.wait(1)
    assert checked(cloud, post)["Type"] == "UnsubscribeConfirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_duplicates_and_delays_on_demand(cloud: Cloud, listener: Listener) -> None:
    topic = subscribed(cloud, listener)
    cloud.sim.settings(duplicate_share=1.0)
    try:
        cloud.client("sns").publish(TopicArn=topic, Message="twice")
        first, second = listener.wait(2)
        assert first.body == second.body
        assert first.headers["x-amz-sns-message-id"] == second.headers["x-amz-sns-message-id"]
    finally:
        cloud.sim.settings(duplicate_share=0.0)
    listener.posts.clear()
    cloud.sim.settings(reorder_share=1.0, reorder_seconds=4)
    cloud.client("sns").publish(TopicArn=topic, Message="first")
    cloud.sim.settings(reorder_share=0.0)
    cloud.client("sns").publish(TopicArn=topic, Message="second")
    assert [json.loads(p.body)["Message"] for p in listener.wait(2)] == ["second", "first"]


def test_forged_envelopes(cloud: Cloud, listener: Listener) -> None:
    foreign = f"arn:aws:sns:{REGION}:999999999999:attacker"
    answer = cloud.sim.forge(listener.url, foreign, message={"a": 1}, subject="x", version="2")
    assert answer["status"] == 200
    envelope = checked(cloud, listener.wait(1)[0])
    assert (envelope["TopicArn"], envelope["Message"]) == (foreign, '{"a":1}')
    listener.posts.clear()
    cloud.sim.forge(listener.url, foreign, message="x", override={"Message": "tampered"})
    with pytest.raises(InvalidSignature):
        checked(cloud, listener.wait(1)[0])
    listener.posts.clear()
    cloud.sim.forge(
        listener.url,
        foreign,
        type="SubscriptionConfirmation",
        signed={"SubscribeURL": "https://evil.example/"},
    )
    assert checked(cloud, listener.wait(1)[0])["SubscribeURL"] == "https://evil.example/"


def test_retry_schedule() -> None:
    assert retry_delays(DEFAULT_RETRY) == [20.0, 20.0, 20.0]
    policy = DEFAULT_RETRY | {
        "numRetries": 6, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "numMaxDelayRetries": 2,
        "minDelayTarget": 10, "maxDelayTarget": 90,
    }  # fmt: skip
    assert retry_delays(policy) == [0.0, 10.0, 50.0, 90.0, 90.0, 90.0]
    grown = retry_delays(policy | {"backoffFunction": "exponential"})
    assert grown[2] == pytest.approx(30.0)
    hour = retry_delays(
        DEFAULT_RETRY | {"numRetries": 100, "minDelayTarget": 60, "maxDelayTarget": 60}
    )
    assert sum(hour) == 3600
    topic = Topic(
        "arn:aws:sns:eu-west-1:1:t",
        {"DeliveryPolicy": '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 1}}}'},
    )
    subscription = Subscription("s", topic.arn, "http", "http://x")
    assert retry_policy(subscription, topic)["numRetries"] == 1


def test_topic_policies() -> None:
    own = Topic("arn:aws:sns:eu-west-1:111122223333:t")
    assert ses_may_publish(own, "111122223333", "arn")
    assert not ses_may_publish(own, "999999999999", "arn")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Condition": {"ArnEquals": {"AWS:SourceArn": "arn:aws:ses:*:1:configuration-set/a"}},
    }
    own.attributes["Policy"] = json.dumps({"Statement": statement})
    assert ses_may_publish(own, "1", "arn:aws:ses:eu-west-1:1:configuration-set/a")
    assert not ses_may_publish(own, "1", "arn:aws:ses:eu-west-1:1:configuration-set/b")
