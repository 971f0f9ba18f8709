"""What SNS gave up on a subscription goes into its dead-letter queue (SNS Developer Guide)."""

import secrets
import time
from fnmatch import fnmatchcase
from typing import Any

import orjson

from simulator.accounts import Queue, QueuedMessage, Subscription
from simulator.store import Store
from simulator.web import ApiError

KEPT_BY_DEFAULT = "345600"  # seconds


def check_redrive_policy(text: str, topic_arn: str) -> None:
    """Raise InvalidParameter unless it names a queue of the topic's own account and region."""
    target = _target(text)
    if target.count(":") != 5 or not target.startswith("arn:aws:sqs:"):
        raise _invalid("deadLetterTargetArn is an invalid arn")
    if target.split(":")[3:5] != topic_arn.split(":")[3:5]:
        raise _invalid("The dead-letter queue must be in the topic's account and Region")


def bury(subscription: Subscription, store: Store, body: str) -> None:
    """Put the message into the subscription's queue, if it has one that lets the topic send."""
    target = _target(subscription.attributes.get("RedrivePolicy", ""))
    if not target:
        return
    _, _, _, region_name, account_id, name = target.split(":")
    account = store.accounts.get(account_id)
    queue = account.region(region_name).queues.get(name) if account else None
    if queue is None or not _may_send(queue, target, subscription.topic_arn):
        return
    queue.messages.append(QueuedMessage(secrets.token_hex(16), body, time.time()))
    store.touch()


def expire(queue: Queue) -> None:
    """Forget what is older than the queue keeps."""
    keep = int(queue.attributes.get("MessageRetentionPeriod", KEPT_BY_DEFAULT))
    oldest = time.time() - keep
    if queue.messages and queue.messages[0].sent < oldest:
        queue.messages = [one for one in queue.messages if one.sent >= oldest]


def _target(text: str) -> str:
    document = orjson.loads(text) if text else {}
    return str(document.get("deadLetterTargetArn", "")) if isinstance(document, dict) else ""


def _may_send(queue: Queue, queue_arn: str, topic_arn: str) -> bool:
    """Whether a statement of the queue's policy lets SNS send for this topic."""
    policy = orjson.loads(queue.attributes.get("Policy") or "{}")
    for statement in _as_list(policy.get("Statement")):
        principal = statement.get("Principal")
        services = _as_list(principal.get("Service")) if isinstance(principal, dict) else []
        conditions = statement.get("Condition") or {}
        sources = [
            pattern
            for keys in conditions.values()
            for key, patterns in keys.items()
            if key.lower() == "aws:sourcearn"
            for pattern in _as_list(patterns)
        ]
        if (
            statement.get("Effect") == "Allow"
            and ("sns.amazonaws.com" in services or principal == "*")
            and any(
                fnmatchcase("sqs:sendmessage", str(action).lower())
                for action in _as_list(statement.get("Action"))
            )
            and any(fnmatchcase(queue_arn, str(r)) for r in _as_list(statement.get("Resource")))
            and (not conditions or any(fnmatchcase(topic_arn, str(one)) for one in sources))
        ):
            return True
    return False


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _invalid(words: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: RedrivePolicy: {words}")
