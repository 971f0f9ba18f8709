"""What SNS accepts as attributes, and small pieces of its query protocol."""

from xml.sax.saxutils import escape

from simulator.dead_letters import check_redrive_policy
from simulator.sns_policy import check_delivery_policy, check_json
from simulator.web import ApiError

TOPIC_ATTRIBUTES = ("SignatureVersion", "Policy", "DisplayName", "DeliveryPolicy")
SUBSCRIPTION_ATTRIBUTES = ("DeliveryPolicy", "RedrivePolicy", "RawMessageDelivery")


def check_topic_attribute(name: str, value: str) -> None:
    """Raise InvalidParameter for an attribute SNS does not know or a value it does not take."""
    if name not in TOPIC_ATTRIBUTES:
        raise invalid("AttributeName")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise invalid("Attributes Reason: SignatureVersion must be 1 or 2")
    if name in ("Policy", "DeliveryPolicy"):
        check_json(name, value)


def check_subscription_attribute(name: str, value: str, topic_arn: str) -> None:
    """Raise InvalidParameter for an attribute SNS does not know or a value it does not take."""
    if name not in SUBSCRIPTION_ATTRIBUTES:
        raise invalid("AttributeName")
    if name == "RawMessageDelivery" and value not in ("true", "false"):
        raise invalid("Attributes Reason: RawMessageDelivery must be true or false")
    if name in ("DeliveryPolicy", "RedrivePolicy") and value:
        check_json(name, value)
    if name == "DeliveryPolicy" and value:
        check_delivery_policy(value)
    if name == "RedrivePolicy" and value:
        check_redrive_policy(value, topic_arn)


def default_policy(topic_arn: str) -> str:
    """Return the policy AWS gives a topic: its owner may do everything."""
    owner = topic_arn.split(":")[4]
    return (
        '{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":'
        '"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":'
        '["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission",'
        '"SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic",'
        f'"SNS:Publish"],"Resource":"{topic_arn}",'
        f'"Condition":{{"StringEquals":{{"AWS:SourceOwner":"{owner}"}}}}}}]}}'
    )


def entries(params: dict[str, str], name: str) -> dict[str, str]:
    """Return a map parameter: Name.entry.1.key, Name.entry.1.value, ..."""
    found: dict[str, str] = {}
    number = 1
    while f"{name}.entry.{number}.key" in params:
        key = params[f"{name}.entry.{number}.key"]
        found[key] = params.get(f"{name}.entry.{number}.value", "")
        number += 1
    return found


def attributes_xml(values: dict[str, str]) -> str:
    """Return an <Attributes> map."""
    inner = "".join(
        f"<entry><key>{escape(key)}</key><value>{escape(value)}</value></entry>"
        for key, value in values.items()
    )
    return f"<Attributes>{inner}</Attributes>"


def invalid(what: str) -> ApiError:
    """Return SNS's InvalidParameter error."""
    return ApiError("InvalidParameter", f"Invalid parameter: {what}")
