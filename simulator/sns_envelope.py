"""Signed SNS messages (SNS Developer Guide, "Verifying the signatures of Amazon SNS messages")."""

import uuid
from urllib.parse import quote

from simulator.accounts import Subscription, Topic
from simulator.certs import Signer

SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"
    ),
    "UnsubscribeConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"
    ),
}  # fmt: skip
AGENT = "Amazon Simple Notification Service Agent"


def region_of(arn: str) -> str:
    """Return the region in an ARN."""
    return arn.split(":")[3]


def host(topic_arn: str) -> str:
    """Return the address of SNS in the topic's region, as AWS writes it."""
    return f"https://sns.{region_of(topic_arn)}.amazonaws.com"


def version_of(topic: Topic) -> str:
    """Return the signature version of a topic; AWS's default is "1"."""
    return topic.attributes.get("SignatureVersion", "1")


def notification(
    topic_arn: str, subscription_arn: str, message: str, subject: str | None, now: str
) -> dict[str, str]:
    """Return an unsigned Notification; without a subject the key is absent."""
    envelope = {"Type": "Notification", "MessageId": str(uuid.uuid4()), "TopicArn": topic_arn}
    if subject is not None:
        envelope["Subject"] = subject
    envelope["Message"] = message
    envelope["Timestamp"] = now
    envelope["UnsubscribeURL"] = (
        f"{host(topic_arn)}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"
    )
    return envelope


def confirmation(kind: str, subscription: Subscription, now: str) -> dict[str, str]:
    """Return an unsigned SubscriptionConfirmation or UnsubscribeConfirmation."""
    arn = subscription.topic_arn
    if kind == "SubscriptionConfirmation":
        message = (
            f"You have chosen to subscribe to the topic {arn}.\nTo confirm the subscription, "
            "visit the SubscribeURL included in this message."
        )
    else:
        message = (
            f"You have chosen to deactivate subscription {subscription.arn}.\nTo cancel this "
            "operation and restore the subscription, visit the SubscribeURL included in this "
            "message."
        )
    return {
        "Type": kind,
        "MessageId": str(uuid.uuid4()),
        "TopicArn": arn,
        "Message": message,
        "Token": subscription.token,
        "SubscribeURL": f"{host(arn)}/?Action=ConfirmSubscription&TopicArn={quote(arn, safe=':')}"
        f"&Token={subscription.token}",
        "Timestamp": now,
    }


def canonical(envelope: dict[str, str]) -> str:
    """Return the text that is signed: name, line end, value, line end, for the fields present."""
    fields = SIGNED_FIELDS[envelope["Type"]]
    return "".join(f"{name}\n{envelope[name]}\n" for name in fields if name in envelope)


def signed(envelope: dict[str, str], signer: Signer, version: str) -> dict[str, str]:
    """Return the envelope with version, signature and certificate address, in AWS's order."""
    unsubscribe = envelope.pop("UnsubscribeURL", None)
    envelope["SignatureVersion"] = version
    envelope["Signature"] = signer.sign(canonical(envelope), version)
    envelope["SigningCertURL"] = f"{host(envelope['TopicArn'])}/{signer.file_name}"
    if unsubscribe is not None:
        envelope["UnsubscribeURL"] = unsubscribe
    return envelope


def headers(envelope: dict[str, str], subscription_arn: str) -> dict[str, str]:
    """Return the HTTP headers SNS posts the envelope with."""
    result = {
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": envelope["TopicArn"],
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": AGENT,
    }
    if envelope["Type"] == "Notification":
        result["x-amz-sns-subscription-arn"] = subscription_arn
    return result
