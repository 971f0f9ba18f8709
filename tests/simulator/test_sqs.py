"""Queues: errors as SQS words them, visibility, retention, and what SNS buries in them."""

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from simulator.accounts import Queue, QueuedMessage
from simulator.dead_letters import expire
from tests.simulator.conftest import REGION, Cloud, Listener, until
from tests.simulator.test_sns import subscribed

POLICY_OF_SNS = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
    ]
}


def refused(call: Any, **fields: Any) -> tuple[str, str]:
    """The error code that boto3 sees, and AWS's sentence."""
    with pytest.raises(ClientError) as caught:
        call(**fields)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def queue(cloud: Cloud) -> str:
    url: str = cloud.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    assert url == f"https://sqs.{REGION}.amazonaws.com/{cloud.id}/dead"
    return url


def test_a_queue_is_made_once(cloud: Cloud, queue: str) -> None:
    sqs = cloud.client("sqs")
    assert sqs.create_queue(QueueName="dead")["QueueUrl"] == queue
    assert sqs.get_queue_url(QueueName="dead")["QueueUrl"] == queue
    code, _ = refused(
        sqs.create_queue, QueueName="dead", Attributes={"MessageRetentionPeriod": "60"}
    )
    assert code == "QueueAlreadyExists"
    assert refused(sqs.create_queue, QueueName="no spaces")[0] == "InvalidParameterValue"
    assert refused(sqs.get_queue_url, QueueName="none")[0] == (
        "AWS.SimpleQueueService.NonExistentQueue"
    )


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"MessageRetentionPeriod": "1209601"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "long"}, "InvalidAttributeValue"),
        ({"Policy": "{"}, "InvalidAttributeValue"),
        ({"Colour": "red"}, "InvalidAttributeName"),
    ],
)
def test_attributes_are_checked(
    cloud: Cloud, queue: str, attributes: dict[str, str], code: str
) -> None:
    sqs = cloud.client("sqs")
    assert refused(sqs.set_queue_attributes, QueueUrl=queue, Attributes=attributes)[0] == code


def test_permissions_are_named_in_lower_case(cloud: Cloud, queue: str) -> None:
    key = cloud.sim.add_key(cloud.id, allowed=["sqs:CreateQueue"])
    sqs = cloud.client("sqs", aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])
    assert sqs.create_queue(QueueName="dead")["QueueUrl"] == queue
    code, words = refused(sqs.receive_message, QueueUrl=queue)
    assert code == "AccessDenied"
    assert (
        f"is not authorized to perform: sqs:receivemessage on resource: arn:aws:sqs:{REGION}:"
        f"{cloud.id}:dead because no identity-based policy allows the sqs:receivemessage action"
    ) in words


def test_a_call_that_is_not_signed_for_sqs_is_refused(cloud: Cloud) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.CreateQueue"}
    answer = requests.post(cloud.process.url, b"{}", headers=headers, timeout=5)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-query-error"] == "MissingAuthenticationToken;Sender"


def dead_letter(cloud: Cloud, listener: Listener, queue: str, policy: Any) -> Any:
    """The queue's client, after SNS gave up one message on a subscription that has the queue."""
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    topic = subscribed(cloud, listener, SignatureVersion="2")
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    target = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{cloud.id}:dead"}
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps(target),
    )
    listener.answers.append(403)  # nothing that SNS repeats
    before = cloud.sim.notifications()["dead"]
    sns.publish(TopicArn=topic, Message="lost", Subject="s")
    until(lambda: cloud.sim.notifications()["dead"] > before)
    return sqs


def test_what_sns_gives_up_is_received_and_deleted(
    cloud: Cloud, listener: Listener, queue: str
) -> None:
    sqs = dead_letter(cloud, listener, queue, POLICY_OF_SNS)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def counts() -> list[str]:
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return [found[name] for name in names]

    assert counts() == ["1", "0"]
    [message] = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    envelope = json.loads(message["Body"])
    assert (envelope["Message"], envelope["SignatureVersion"]) == ("lost", "2")
    assert envelope == json.loads(listener.posts[-1].body)
    assert counts() == ["0", "1"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)  # hidden
    assert refused(sqs.delete_message, QueueUrl=queue, ReceiptHandle="short")[0] == (
        "ReceiptHandleIsInvalid"
    )
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert counts() == ["0", "0"]
    assert refused(sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=11)[0] == (
        "InvalidParameterValue"
    )


@pytest.mark.parametrize("source", [None, f"arn:aws:sns:{REGION}:111122223333:other"])
def test_a_queue_that_does_not_let_the_topic_send_stays_empty(
    cloud: Cloud, listener: Listener, queue: str, source: str | None
) -> None:
    policy: dict[str, Any] = {"Statement": []}
    if source:
        statement = POLICY_OF_SNS["Statement"][0] | {
            "Condition": {"ArnEquals": {"aws:SourceArn": source}}
        }
        policy = {"Statement": [statement]}
    sqs = dead_letter(cloud, listener, queue, policy)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_redrive_policy_must_name_a_queue_of_the_topics_place(
    cloud: Cloud, listener: Listener
) -> None:
    topic = subscribed(cloud, listener)
    sns = cloud.client("sns")
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for target in (
        f"arn:aws:sqs:eu-central-1:{cloud.id}:dead",
        "dead",
        f"arn:aws:sns:{REGION}:1:x",
    ):
        code, words = refused(
            sns.set_subscription_attributes,
            SubscriptionArn=subscription["SubscriptionArn"],
            AttributeName="RedrivePolicy",
            AttributeValue=json.dumps({"deadLetterTargetArn": target}),
        )
        assert code == "InvalidParameter"
        assert "RedrivePolicy" in words


def test_old_messages_are_forgotten() -> None:
    queue = Queue("dead", 0.0, {"MessageRetentionPeriod": "60"})
    queue.messages = [QueuedMessage("1", "old", 0.0), QueuedMessage("2", "new", 1e12)]
    expire(queue)
    assert [one.body for one in queue.messages] == ["new"]
