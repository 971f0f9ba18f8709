"""The way back from SES to us: what is made in the tenant's AWS account, step by step.

Each step is safe to repeat and adopts what exists, so a set-up that stopped half-way goes on
where it stopped. A step returns the columns of SesAccount to store; it never touches the
database itself.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sending.ses.client import partition

DESTINATION_NAME = "bluefox"
SIGNATURE_VERSION = "2"
EVENT_TYPES = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
]
# SNS's own default gives up after a minute. These 20 tries spread over about 35 minutes (its
# limit is an hour), so that a restart of ours costs no event.
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
DELIVERY_POLICY = {
    "healthyRetryPolicy": {
        "numRetries": 20,
        "numNoDelayRetries": 0,
        "minDelayTarget": 10,
        "maxDelayTarget": 180,
        "numMinDelayRetries": 3,
        "numMaxDelayRetries": 8,
        "backoffFunction": "exponential",
    }
}
# As long as SQS keeps anything.
RETENTION = timedelta(days=14)


class FeedbackApi(Protocol):
    """The calls that the steps make; sending.ses.api.SesApi has them."""

    def create_configuration_set(self, name: str) -> None: ...
    def create_topic(self, name: str) -> str: ...
    def set_topic_attribute(self, topic_arn: str, name: str, value: str) -> None: ...
    def create_queue(self, name: str) -> str: ...
    def set_queue_attributes(self, url: str, attributes: dict[str, str]) -> None: ...
    def subscribe(self, topic_arn: str, url: str, attributes: dict[str, str]) -> str: ...
    def put_event_destination(self, configuration_set: str, name: str, target: Any) -> None: ...


@dataclass(frozen=True)
class Setup:
    """What the steps need to know. `name` is that of the set, and the stem of the topic's."""

    name: str
    region: str
    aws_account_id: str
    webhook_url: str
    topic_arn: str = ""

    @property
    def topic_name(self) -> str:
        return topic_name(self.name)


def topic_name(configuration_set: str) -> str:
    """The name of the topic that belongs to a configuration set."""
    return f"{configuration_set}-events"


def queue_name(configuration_set: str) -> str:
    """The name of the dead-letter queue of that topic's subscription."""
    return f"{configuration_set}-dead-letters"


def queue_arn(setup: Setup) -> str:
    """The ARN of the dead-letter queue."""
    part, name = partition(setup.region), queue_name(setup.name)
    return f"arn:{part}:sqs:{setup.region}:{setup.aws_account_id}:{name}"


Columns = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step: its key, what it makes in words, and the call."""

    key: str
    title: str
    run: Callable[[FeedbackApi, Setup], Columns]


def topic_policy(setup: Setup) -> dict[str, Any]:
    """Only SES may publish, only for this account, only from this configuration set."""
    part = partition(setup.region)
    source = f"arn:{part}:ses:{setup.region}:{setup.aws_account_id}:configuration-set/{setup.name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlySesOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "ses.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": setup.topic_arn,
                "Condition": {
                    "StringEquals": {"AWS:SourceAccount": setup.aws_account_id},
                    "ArnEquals": {"AWS:SourceArn": source},
                },
            }
        ],
    }


def own_topic_policy(region: str, aws_account_id: str) -> dict[str, Any]:
    """For a topic that the tenant makes: only SES may publish, only for this account."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlySesOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "ses.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": f"arn:{partition(region)}:sns:{region}:{aws_account_id}:*",
                "Condition": {"StringEquals": {"AWS:SourceAccount": aws_account_id}},
            }
        ],
    }


def queue_policy(setup: Setup) -> dict[str, Any]:
    """Only SNS may put something into the queue, only for this topic."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOurTopic",
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn(setup),
                "Condition": {"ArnEquals": {"aws:SourceArn": setup.topic_arn}},
            }
        ],
    }


def _configuration_set(api: FeedbackApi, setup: Setup) -> Columns:
    api.create_configuration_set(setup.name)
    return {"configuration_set": setup.name}


def _topic(api: FeedbackApi, setup: Setup) -> Columns:
    return {"topic_arn": api.create_topic(setup.topic_name)}


def _topic_rules(api: FeedbackApi, setup: Setup) -> Columns:
    # Not given to CreateTopic: it refuses a topic that exists with other attributes.
    api.set_topic_attribute(setup.topic_arn, "SignatureVersion", SIGNATURE_VERSION)
    api.set_topic_attribute(setup.topic_arn, "Policy", json.dumps(topic_policy(setup)))
    return {"topic_signature_version": SIGNATURE_VERSION}


def _dead_letters(api: FeedbackApi, setup: Setup) -> Columns:
    url = api.create_queue(queue_name(setup.name))
    attributes = {
        "MessageRetentionPeriod": str(int(RETENTION.total_seconds())),
        "Policy": json.dumps(queue_policy(setup)),
    }
    api.set_queue_attributes(url, attributes)
    return {"dead_letter_url": url}


def _subscription(api: FeedbackApi, setup: Setup) -> Columns:
    attributes = {
        "DeliveryPolicy": json.dumps(DELIVERY_POLICY),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": queue_arn(setup)}),
    }
    arn = api.subscribe(setup.topic_arn, setup.webhook_url, attributes)
    # Without an ARN the webhook stores it, perhaps before this line, when SNS has confirmed.
    if arn:
        return {"subscription_arn": arn, "subscription_requested_at": None}
    return {}


def _event_destination(api: FeedbackApi, setup: Setup) -> Columns:
    target = {
        "Enabled": True,
        "MatchingEventTypes": EVENT_TYPES,
        "SnsDestination": {"TopicArn": setup.topic_arn},
    }
    api.put_event_destination(setup.name, DESTINATION_NAME, target)
    return {"events_published": True}


STEPS = [
    Step("configuration_set", "Configuration set", _configuration_set),
    Step("topic", "SNS topic", _topic),
    Step("topic_rules", "Signature version 2, and only SES may publish", _topic_rules),
    Step("dead_letters", "Queue for what SNS cannot deliver", _dead_letters),
    Step("subscription", "Subscription of our webhook", _subscription),
    Step(
        "event_destination", "Events of the configuration set go to the topic", _event_destination
    ),
]
