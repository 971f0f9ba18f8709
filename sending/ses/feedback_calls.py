"""The way back: configuration set, topic, subscription, event destination."""

from typing import Any

from sending.ses.client import Calls, adopting, aws
from sending.ses.errors import SesError


class FeedbackCalls(Calls):
    """Makes what tells us of deliveries, bounces and complaints, or adopts what exists."""

    def create_configuration_set(self, name: str) -> None:
        """Creates it with reputation metrics on; one that exists stays as it is."""
        with adopting(), aws("CreateConfigurationSet"):
            self._ses().create_configuration_set(
                ConfigurationSetName=name, ReputationOptions={"ReputationMetricsEnabled": True}
            )

    def create_topic(self, name: str) -> str:
        """The ARN of the topic of this name, made now or before."""
        with aws("CreateTopic"):
            return str(self._sns().create_topic(Name=name)["TopicArn"])

    def set_topic_attribute(self, topic_arn: str, name: str, value: str) -> None:
        with aws("SetTopicAttributes"):
            self._sns().set_topic_attributes(
                TopicArn=topic_arn, AttributeName=name, AttributeValue=value
            )

    def subscribe(self, topic_arn: str, url: str, attributes: dict[str, str]) -> str:
        """Subscribes a webhook: its ARN once confirmed, "" while the confirmation is awaited.

        SNS posts the confirmation, again on each call, often before this one returns.
        """
        try:
            return self._subscribe(topic_arn, url, attributes)
        except SesError as error:
            if "already exists with different attributes" not in error.message:
                raise
        arn = self._subscribe(topic_arn, url, {})
        for name, value in attributes.items() if arn else ():
            self.set_subscription_attribute(arn, name, value)
        return arn

    def set_subscription_attribute(self, subscription_arn: str, name: str, value: str) -> None:
        with aws("SetSubscriptionAttributes"):
            self._sns().set_subscription_attributes(
                SubscriptionArn=subscription_arn, AttributeName=name, AttributeValue=value
            )

    def _subscribe(self, topic_arn: str, url: str, attributes: dict[str, str]) -> str:
        with aws("Subscribe"):
            arn = self._sns().subscribe(
                TopicArn=topic_arn,
                Protocol=url.partition(":")[0],
                Endpoint=url,
                Attributes=attributes,
                ReturnSubscriptionArn=False,  # so that a pending one is told from a confirmed
            )["SubscriptionArn"]
        return str(arn) if arn.startswith("arn:") else ""

    def confirm_subscription(self, topic_arn: str, token: str) -> str:
        """The ARN of the confirmed subscription; from now on only its owner may end it."""
        with aws("ConfirmSubscription"):
            answer = self._sns().confirm_subscription(
                TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true"
            )
        return str(answer["SubscriptionArn"])

    def unsubscribe(self, subscription_arn: str) -> None:
        with aws("Unsubscribe"):
            self._sns().unsubscribe(SubscriptionArn=subscription_arn)

    def put_event_destination(self, configuration_set: str, name: str, target: Any) -> None:
        """Creates the event destination, or makes the one of this name like `target`."""
        try:
            with aws("CreateConfigurationSetEventDestination"):
                self._ses().create_configuration_set_event_destination(
                    ConfigurationSetName=configuration_set,
                    EventDestinationName=name,
                    EventDestination=target,
                )
        except SesError as error:
            if not error.code.endswith("AlreadyExistsException"):
                raise
            self.update_event_destination(configuration_set, name, target)

    def update_event_destination(self, configuration_set: str, name: str, target: Any) -> None:
        with aws("UpdateConfigurationSetEventDestination"):
            self._ses().update_configuration_set_event_destination(
                ConfigurationSetName=configuration_set,
                EventDestinationName=name,
                EventDestination=target,
            )
