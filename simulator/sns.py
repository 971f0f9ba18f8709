"""SNS's control plane: topics, subscriptions, publishing (SNS API Reference, query protocol)."""

import re
import secrets
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from simulator import iam
from simulator.accounts import Region, Subscription, Topic
from simulator.cloud import Cloud
from simulator.sns_envelope import region_of
from simulator.sns_rules import (
    attributes_xml,
    check_subscription_attribute,
    check_topic_attribute,
    default_policy,
    entries,
    invalid,
)
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, xml_response

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
TOKEN_SECONDS = 2 * 86_400
MAX_MESSAGE = 256 * 1024
PAGE = 100
PENDING = "pending confirmation"
Params = dict[str, str]


class Sns:
    """One call: its parameters, who made it and where. Operations return XML."""

    def __init__(self, params: Params, caller: Caller, cloud: Cloud) -> None:
        self.params = params
        self.caller = caller
        self.cloud = cloud
        self.region: Region = caller.account.region(caller.region)

    # topics

    def create_topic(self) -> str:
        """CreateTopic; the same name and attributes give the same topic."""
        name = self.params.get("Name", "")
        if not TOPIC_NAME.fullmatch(name):
            raise invalid("Topic Name")
        arn = f"arn:aws:sns:{self.caller.region}:{self.caller.account.id}:{name}"
        self._allow("CreateTopic", arn)
        given = entries(self.params, "Attributes")
        for key, value in given.items():
            check_topic_attribute(key, value)
        topic = self.region.topics.get(arn)
        if topic is None:
            self.region.topics[arn] = Topic(arn, given)
            self.cloud.store.touch()
        elif any(topic.attributes.get(key) != value for key, value in given.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        return f"<TopicArn>{arn}</TopicArn>"

    def get_topic_attributes(self) -> str:
        """GetTopicAttributes."""
        topic = self._topic("GetTopicAttributes")
        owned = [s for s in self.region.subscriptions.values() if s.topic_arn == topic.arn]
        confirmed = sum(s.confirmed for s in owned)
        values = {
            "TopicArn": topic.arn,
            "Owner": self.caller.account.id,
            "DisplayName": "",
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(len(owned) - confirmed),
            "SubscriptionsDeleted": "0",
            "Policy": default_policy(topic.arn),
        } | topic.attributes
        return attributes_xml(values)

    def set_topic_attributes(self) -> str:
        """SetTopicAttributes."""
        topic = self._topic("SetTopicAttributes")
        name, value = self.params.get("AttributeName", ""), self.params.get("AttributeValue", "")
        check_topic_attribute(name, value)
        topic.attributes[name] = value
        self.cloud.store.touch()
        return ""

    def list_topics(self) -> str:
        """ListTopics, in pages of 100."""
        self._allow("ListTopics", "*")
        return self._page(
            "Topics", [f"<member><TopicArn>{arn}</TopicArn></member>" for arn in self.region.topics]
        )

    def delete_topic(self) -> str:
        """DeleteTopic, with its subscriptions; a missing one is no error."""
        arn = self.params.get("TopicArn", "")
        self._allow("DeleteTopic", arn)
        if self.region.topics.pop(arn, None) is not None:
            kept = {k: s for k, s in self.region.subscriptions.items() if s.topic_arn != arn}
            self.region.subscriptions = kept
            self.cloud.store.touch()
        return ""

    # subscriptions

    def subscribe(self) -> str:
        """Subscribe; sends a confirmation until the endpoint confirmed."""
        topic = self._topic("Subscribe")
        protocol = self.params.get("Protocol", "")
        endpoint = self.params.get("Endpoint", "")
        if protocol not in ("http", "https"):
            raise invalid("Protocol Reason: only http and https are supported by the simulator")
        if not endpoint.startswith(f"{protocol}://"):
            raise invalid("Endpoint must match the specified protocol")
        given = entries(self.params, "Attributes")
        for key, value in given.items():
            check_subscription_attribute(key, value, topic.arn)
        subscription = self._existing(topic.arn, protocol, endpoint)
        if subscription is None:
            arn = f"{topic.arn}:{uuid.uuid4()}"
            subscription = Subscription(arn, topic.arn, protocol, endpoint, attributes=given)
            self.region.subscriptions[arn] = subscription
        elif any(subscription.attributes.get(key) != value for key, value in given.items()):
            raise invalid(
                "Attributes Reason: Subscription already exists with different attributes"
            )
        if not subscription.confirmed:
            subscription.token = secrets.token_hex(125)
            subscription.token_expires = time.time() + TOKEN_SECONDS
            self.cloud.publisher.confirm(subscription, "SubscriptionConfirmation")
        self.cloud.store.touch()
        whole = self.params.get("ReturnSubscriptionArn", "").lower() == "true"
        shown = subscription.arn if subscription.confirmed or whole else PENDING
        return f"<SubscriptionArn>{shown}</SubscriptionArn>"

    def confirm_subscription(self) -> str:
        """ConfirmSubscription."""
        topic = self._topic("ConfirmSubscription")
        authenticated = self.params.get("AuthenticateOnUnsubscribe", "").lower() == "true"
        arn = confirm(
            self.cloud, self.region, topic.arn, self.params.get("Token", ""), authenticated
        )
        return f"<SubscriptionArn>{arn}</SubscriptionArn>"

    def list_subscriptions_by_topic(self) -> str:
        """ListSubscriptionsByTopic, in pages of 100."""
        topic = self._topic("ListSubscriptionsByTopic")
        return self._page(
            "Subscriptions",
            [
                f"<member><TopicArn>{s.topic_arn}</TopicArn><Protocol>{s.protocol}</Protocol>"
                f"<SubscriptionArn>{s.arn if s.confirmed else 'PendingConfirmation'}"
                f"</SubscriptionArn><Owner>{self.caller.account.id}</Owner>"
                f"<Endpoint>{escape(s.endpoint)}</Endpoint></member>"
                for s in self.region.subscriptions.values()
                if s.topic_arn == topic.arn
            ],
        )

    def get_subscription_attributes(self) -> str:
        """GetSubscriptionAttributes."""
        subscription = self._subscription("GetSubscriptionAttributes")
        return attributes_xml(
            {
                "SubscriptionArn": subscription.arn,
                "TopicArn": subscription.topic_arn,
                "Owner": self.caller.account.id,
                "Protocol": subscription.protocol,
                "Endpoint": subscription.endpoint,
                "PendingConfirmation": str(not subscription.confirmed).lower(),
                "ConfirmationWasAuthenticated": str(subscription.authenticated).lower(),
                "RawMessageDelivery": "false",
            }
            | subscription.attributes
        )

    def set_subscription_attributes(self) -> str:
        """SetSubscriptionAttributes."""
        subscription = self._subscription("SetSubscriptionAttributes")
        name, value = self.params.get("AttributeName", ""), self.params.get("AttributeValue", "")
        check_subscription_attribute(name, value, subscription.topic_arn)
        subscription.attributes[name] = value
        self.cloud.store.touch()
        return ""

    def unsubscribe(self) -> str:
        """Unsubscribe."""
        subscription = self._subscription("Unsubscribe")
        unsubscribe(self.cloud, self.region, subscription)
        return ""

    # publishing

    def publish(self) -> str:
        """Publish, at most 256 KB."""
        arn = self.params.get("TopicArn") or self.params.get("TargetArn") or ""
        topic = self._topic("Publish", arn)
        message = self.params.get("Message", "")
        subject = self.params.get("Subject")
        if not message:
            raise invalid("Empty message")
        if len(message.encode()) > MAX_MESSAGE:
            raise invalid("Message too long")
        if subject is not None and (not 1 <= len(subject) <= 100 or "\n" in subject):
            raise invalid("Subject")
        self.cloud.publisher.publish(topic.arn, lambda: message, subject)
        return f"<MessageId>{uuid.uuid4()}</MessageId>"

    # helpers

    def _allow(self, action: str, resource: str) -> None:
        iam.require(self.caller, f"SNS:{action}", resource, "AuthorizationError")

    def _topic(self, action: str, arn: str = "") -> Topic:
        arn = arn or self.params.get("TopicArn", "")
        parts = arn.split(":")
        if len(parts) != 6 or parts[:3] != ["arn", "aws", "sns"]:
            raise invalid("TopicArn")
        self._allow(action, arn)
        if parts[4] != self.caller.account.id:
            raise ApiError(
                "AuthorizationError",
                f"User: {self.caller.arn} is not authorized to perform: SNS:{action} on resource: "
                f"{arn} because no resource-based policy allows the SNS:{action} action",
                403,
            )
        if region_of(arn) != self.caller.region:
            raise invalid("TopicArn")
        topic = self.region.topics.get(arn)
        if topic is None:
            raise ApiError("NotFound", "Topic does not exist", 404)
        return topic

    def _existing(self, topic_arn: str, protocol: str, endpoint: str) -> Subscription | None:
        for item in self.region.subscriptions.values():
            if (item.topic_arn, item.protocol, item.endpoint) == (topic_arn, protocol, endpoint):
                return item
        return None

    def _subscription(self, action: str) -> Subscription:
        arn = self.params.get("SubscriptionArn", "")
        if arn.count(":") != 6:
            raise invalid("SubscriptionArn Reason: An ARN must have at least 6 elements")
        self._allow(action, arn)
        found = self.region.subscriptions.get(arn)
        if found is None:
            raise ApiError("NotFound", "Subscription does not exist", 404)
        return found

    def _page(self, name: str, members: list[str]) -> str:
        text = self.params.get("NextToken", "")
        start = int(text) if text.isdigit() else 0
        more = f"<NextToken>{start + PAGE}</NextToken>" if len(members) > start + PAGE else ""
        return f"<{name}>{''.join(members[start : start + PAGE])}</{name}>{more}"


OPERATIONS: dict[str, Callable[[Sns], str]] = {
    "CreateTopic": Sns.create_topic,
    "GetTopicAttributes": Sns.get_topic_attributes,
    "SetTopicAttributes": Sns.set_topic_attributes,
    "ListTopics": Sns.list_topics,
    "DeleteTopic": Sns.delete_topic,
    "Subscribe": Sns.subscribe,
    "ConfirmSubscription": Sns.confirm_subscription,
    "ListSubscriptionsByTopic": Sns.list_subscriptions_by_topic,
    "GetSubscriptionAttributes": Sns.get_subscription_attributes,
    "SetSubscriptionAttributes": Sns.set_subscription_attributes,
    "Unsubscribe": Sns.unsubscribe,
    "Publish": Sns.publish,
}


def handle(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Answer one signed SNS call, or raise its error."""
    params = dict(parse_qsl(request.body.decode(), keep_blank_values=True)) | request.params()
    action = params.get("Action", "")
    operation = OPERATIONS.get(action)
    if operation is None:
        raise ApiError("InvalidAction", f"The action {action} is not valid for this endpoint.")
    return xml_response(action, operation(Sns(params, caller, cloud)), NAMESPACE)


def handle_link(request: Request, cloud: Cloud) -> Response:
    """Answer the unsigned GET of a SubscribeURL or UnsubscribeURL."""
    params = request.params()
    action = params.get("Action", "")
    arn = params.get("TopicArn") or params.get("SubscriptionArn", "").rpartition(":")[0]
    parts = arn.split(":")
    account = cloud.store.accounts.get(parts[4]) if len(parts) == 6 else None
    region = account.regions.get(parts[3]) if account else None
    if region is None or arn not in region.topics:
        raise ApiError("NotFound", "Topic does not exist", 404)
    if action == "ConfirmSubscription":
        confirmed = confirm(cloud, region, arn, params.get("Token", ""), authenticated=False)
        return xml_response(action, f"<SubscriptionArn>{confirmed}</SubscriptionArn>", NAMESPACE)
    subscription = region.subscriptions.get(params.get("SubscriptionArn", ""))
    if subscription is None:
        raise ApiError("NotFound", "Subscription does not exist", 404)
    if subscription.authenticated:
        raise ApiError("AuthorizationError", "Unsubscribing needs a signed request", 403)
    unsubscribe(cloud, region, subscription)
    return xml_response(action, "", NAMESPACE)


def confirm(cloud: Cloud, region: Region, topic_arn: str, token: str, authenticated: bool) -> str:
    """Confirm the subscription that holds the token; return its ARN. Twice is once."""
    for subscription in region.subscriptions.values():
        if subscription.topic_arn == topic_arn and token and subscription.token == token:
            if subscription.token_expires < time.time():
                break
            if not subscription.confirmed:
                subscription.confirmed = True
                subscription.authenticated = authenticated
                cloud.store.touch()
            return subscription.arn
    raise invalid("Token")


def unsubscribe(cloud: Cloud, region: Region, subscription: Subscription) -> None:
    """Remove a subscription and tell its endpoint, as SNS does for HTTP."""
    del region.subscriptions[subscription.arn]
    cloud.store.touch()
    if subscription.confirmed:
        cloud.publisher.confirm(subscription, "UnsubscribeConfirmation")
