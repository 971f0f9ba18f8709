"""Notifications of an identity, the older way back: compared with recorded payloads."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulator.accounts import Rates
from tests.simulator.conftest import REGION, Cloud, Listener, mime
from tests.simulator.test_events import PAYLOADS, shape, watch

KINDS = ("Bounce", "Complaint", "Delivery")


def topic_for(cloud: Cloud, listener: Listener, **attributes: str) -> str:
    sns = cloud.client("sns")
    topic: str = sns.create_topic(Name="older", Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    token = json.loads(listener.wait(1)[0].body)["Token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    listener.posts.clear()
    return topic


def notify(cloud: Cloud, topic: str, *kinds: str, identity: str = "example.com") -> Any:
    ses = cloud.client("ses")
    for kind in kinds:
        ses.set_identity_notification_topic(
            Identity=identity, NotificationType=kind, SnsTopic=topic
        )
    return ses


def told(listener: Listener, count: int) -> dict[str, dict[str, Any]]:
    """What came, by type; none of it has a subject."""
    envelopes = [json.loads(post.body) for post in listener.wait(count)]
    assert not any("Subject" in one for one in envelopes)
    records = [json.loads(one["Message"]) for one in envelopes]
    return {record["notificationType"]: record for record in records}


def same(record: dict[str, Any], payload: str) -> None:
    expected = json.loads((PAYLOADS / f"{payload}.json").read_text())
    for one in (record, expected):  # which headers a mail has is its own affair
        one["mail"].pop("headers", None), one["mail"].pop("commonHeaders", None)
    assert json.dumps(shape(record), sort_keys=True) == json.dumps(shape(expected), sort_keys=True)


def test_each_type_is_told_without_configuration_set_headers_or_tags(
    cloud: Cloud, listener: Listener
) -> None:
    notify(cloud, topic_for(cloud, listener), *KINDS)
    greetings = [json.loads(json.loads(post.body)["Message"]) for post in listener.wait(3)]
    assert {one["notificationType"] for one in greetings} == {"AmazonSnsSubscriptionSucceeded"}
    listener.posts.clear()
    message_id = cloud.send(to=["complaint@simulator.amazonses.com"], EmailTags=[
        {"Name": "byo_msg", "Value": "1"}
    ])  # fmt: skip
    found = told(listener, 2)
    same(found["Delivery"], "notification_delivery")
    same(found["Complaint"], "notification_complaint")
    listener.posts.clear()
    cloud.send(to=["bounce@simulator.amazonses.com"])
    same(told(listener, 1)["Bounce"], "notification_bounce")
    mail = found["Delivery"]["mail"]
    assert (mail["messageId"], mail["sendingAccountId"]) == (message_id, cloud.id)
    assert mail["sourceArn"] == f"arn:aws:ses:{REGION}:{cloud.id}:identity/example.com"


def test_headers_come_where_they_are_asked_for(cloud: Cloud, listener: Listener) -> None:
    ses = notify(cloud, topic_for(cloud, listener), "Bounce")
    ses.set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Bounce", Enabled=True
    )
    listener.wait(1)
    listener.posts.clear()
    to = "bounce@simulator.amazonses.com"
    cloud.send(to=[to], raw=mime(to, "X-Own: 1"))
    record = told(listener, 1)["Bounce"]
    assert {"name": "X-Own", "value": "1"} in record["mail"]["headers"]
    same(record, "notification_bounce_with_headers")
    got = ses.get_identity_notification_attributes(Identities=["example.com", "unknown.example"])
    attributes = got["NotificationAttributes"]["example.com"]
    assert attributes["BounceTopic"].endswith(":older")
    assert attributes["HeadersInBounceNotificationsEnabled"] is True
    assert attributes["HeadersInDeliveryNotificationsEnabled"] is False
    assert "ComplaintTopic" not in attributes and len(got["NotificationAttributes"]) == 1


def test_one_bounce_has_one_feedback_id_in_event_and_notification(
    cloud: Cloud, listener: Listener
) -> None:
    watch(cloud, listener, ["BOUNCE"])
    topic = cloud.client("sns").list_topics()["Topics"][0]["TopicArn"]
    notify(cloud, topic, "Bounce")
    listener.wait(1)
    listener.posts.clear()
    cloud.send(to=["bounce@simulator.amazonses.com"], ConfigurationSetName="byo-ses")
    records = [json.loads(json.loads(post.body)["Message"]) for post in listener.wait(2)]
    assert {tuple(sorted(one)) for one in records} == {
        ("bounce", "eventType", "mail"),
        ("bounce", "mail", "notificationType"),
    }
    assert len({one["bounce"]["feedbackId"] for one in records}) == 1


def test_without_a_topic_it_ends(cloud: Cloud, listener: Listener) -> None:
    ses = notify(cloud, topic_for(cloud, listener), "Bounce", "Delivery")
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Delivery")
    listener.wait(2)
    listener.posts.clear()
    cloud.sim.set_rates(cloud.id, **vars(Rates()))
    cloud.send(to=["success@simulator.amazonses.com"])
    cloud.send(to=["bounce@simulator.amazonses.com"])
    assert set(told(listener, 1)) == {"Bounce"}
    assert len(listener.posts) == 1


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        (
            {"Identity": "unknown.example"},
            "InvalidParameterValue",
            "Identity unknown.example is invalid. Must be a verified email address or domain.",
        ),
        (
            {"SnsTopic": f"arn:aws:sns:{REGION}:123456789012:gone"},
            "InvalidParameterValue",
            f"SNS topic arn:aws:sns:{REGION}:123456789012:gone is invalid.",
        ),
        ({"SnsTopic": ""}, "InvalidParameterValue", "SNS topic  is invalid."),
        ({"NotificationType": "Open"}, "ValidationError", "1 validation error detected: Value"),
    ],
)
def test_what_is_refused(cloud: Cloud, fields: dict[str, str], code: str, words: str) -> None:
    topic = cloud.client("sns").create_topic(Name="older")["TopicArn"]
    given = {"Identity": "example.com", "NotificationType": "Bounce", "SnsTopic": topic} | fields
    with pytest.raises(ClientError) as refused:
        cloud.client("ses").set_identity_notification_topic(**given)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["Error"]["Message"].startswith(words)


def test_a_topic_that_ses_may_not_publish_to_is_refused(cloud: Cloud) -> None:
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": cloud.id},
                                        "Action": "sns:Publish"}]})  # fmt: skip
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="closed", Attributes={"Policy": policy})["TopicArn"]
    with pytest.raises(ClientError, match="is invalid"):
        notify(cloud, topic, "Bounce")


def test_headers_want_a_topic_first(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="No SNS topic is set"):
        cloud.client("ses").set_identity_headers_in_notifications_enabled(
            Identity="example.com", NotificationType="Bounce", Enabled=True
        )
