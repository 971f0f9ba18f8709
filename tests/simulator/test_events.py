"""What SES publishes about a mail, compared key by key with recorded payloads."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.accounts import Rates
from simulator.outcomes import Outcome, outcome_for
from tests.simulator.conftest import REGION, Cloud, Listener, mime, until

PAYLOADS = Path(__file__).parent.parent / "payloads" / "sns"
ALL = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK", "DELIVERY_DELAY"]
HEADERS = (
    "X-Byo-Message-Id: msg_01JD0EXAMPLE",
    "List-Unsubscribe: <https://u.example.com/u/TOKEN>, <mailto:unsub+TOKEN@u.example.com>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
)
# of person0..199@example.org with a hard bounce rate of 0.03 and seed 7
FIRST_BOUNCES = [25, 32, 35, 70, 87, 111, 124, 126, 170, 183, 190]
TAGS = [{"Name": "byo_tenant", "Value": "t_42"}, {"Name": "byo_msg", "Value": "msg_01JD0EXAMPLE"}]


@pytest.fixture
def watched(cloud: Cloud, listener: Listener) -> Cloud:
    """The account with a configuration set whose events come to the listener."""
    watch(cloud, listener, ALL)
    return cloud


def watch(cloud: Cloud, listener: Listener, types: list[str], enabled: bool = True) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="events")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    token = json.loads(listener.wait(1)[0].body)["Token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    listener.posts.clear()
    cloud.ses.create_configuration_set(ConfigurationSetName="byo-ses")
    cloud.ses.create_configuration_set_event_destination(
        ConfigurationSetName="byo-ses",
        EventDestinationName="sns",
        EventDestination={
            "Enabled": enabled,
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": topic},
        },
    )
    [first] = listener.wait(1)
    envelope = json.loads(first.body)
    assert envelope["Message"] == (
        "Successfully validated SNS topic for Amazon SES event publishing."
    )
    assert envelope["Subject"] == "Amazon SES Email Event Notification"
    listener.posts.clear()


def send(cloud: Cloud, to: Any) -> str:
    recipients = [to] if isinstance(to, str) else to
    return cloud.send(
        to=recipients,
        raw=mime(", ".join(recipients), *HEADERS),
        ConfigurationSetName="byo-ses",
        EmailTags=TAGS,
    )


def records(listener: Listener, count: int) -> dict[str, dict[str, Any]]:
    """Return the records by event type once there are `count` posts."""
    posts = listener.wait(count)
    found: dict[str, dict[str, Any]] = {}
    for post in posts:
        envelope = json.loads(post.body)
        assert envelope["Subject"] == "Amazon SES Email Event Notification"
        assert envelope["Message"].endswith("}\n")
        record = json.loads(envelope["Message"])
        found[record["eventType"]] = record
    return found


def emitted(cloud: Cloud, message_id: str) -> list[str]:
    """Return the types of a mail's events in the order they happened; SNS promises no order."""
    [mail] = [m for m in cloud.sim.inbox(account=cloud.id) if m["id"] == message_id]
    return [event["type"] for event in mail["events"]]


def shape(value: Any) -> Any:
    """Return the keys and the kinds of values, in depth."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def same_shape(record: dict[str, Any], payload: str) -> None:
    """Assert that the record has the keys, in order, and the kinds of the payload."""
    expected = json.loads((PAYLOADS / f"{payload}.json").read_text())
    assert json.dumps(shape(record)) == json.dumps(shape(expected))
    assert record["mail"]["tags"].keys() == expected["mail"]["tags"].keys()


def test_send_and_delivery(watched: Cloud, listener: Listener) -> None:
    message_id = send(watched, "success@simulator.amazonses.com")
    found = records(listener, 2)
    same_shape(found["Send"], "event_send")
    same_shape(found["Delivery"], "event_delivery")
    mail = found["Send"]["mail"]
    assert mail["messageId"] == message_id
    assert mail["source"] == "Example News <news@example.com>"
    assert mail["sourceArn"] == f"arn:aws:ses:{REGION}:{watched.id}:identity/example.com"
    assert mail["sendingAccountId"] == watched.id
    assert mail["destination"] == ["success@simulator.amazonses.com"]
    expected = json.loads((PAYLOADS / "event_send.json").read_text())["mail"]
    assert [h["name"] for h in mail["headers"]] == [h["name"] for h in expected["headers"]]
    assert mail["tags"]["byo_msg"] == ["msg_01JD0EXAMPLE"]
    assert mail["tags"]["ses:configuration-set"] == ["byo-ses"]
    assert mail["tags"]["ses:from-domain"] == ["example.com"]
    assert found["Delivery"]["delivery"]["recipients"] == mail["destination"]


def test_hard_bounce_reaches_the_suppression_list(watched: Cloud, listener: Listener) -> None:
    watched.sim.set_rates(watched.id, hard_bounce=1.0)
    message_id = send(watched, "Ada@example.org")
    found = records(listener, 2)
    same_shape(found["Bounce"], "event_bounce_permanent_general")
    bounce = found["Bounce"]["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", "General")
    assert bounce["bouncedRecipients"][0]["emailAddress"] == "Ada@example.org"
    kept = watched.ses.get_suppressed_destination(EmailAddress="ada@example.org")
    assert kept["SuppressedDestination"]["Reason"] == "BOUNCE"
    assert kept["SuppressedDestination"]["Attributes"]["MessageId"] == message_id
    listener.posts.clear()
    send(watched, "ada@example.org")
    found = records(listener, 2)
    same_shape(found["Bounce"], "event_bounce_permanent_on_account_suppression_list")
    assert found["Bounce"]["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    assert found["Bounce"]["bounce"]["reportingMTA"] == "dns; amazonses.com"


def test_complaint_comes_after_delivery(watched: Cloud, listener: Listener) -> None:
    watched.sim.set_rates(watched.id, complaint=1.0)
    message_id = send(watched, "ada@example.org")
    found = records(listener, 3)
    assert emitted(watched, message_id) == ["Send", "Delivery", "Complaint"]
    same_shape(found["Complaint"], "event_complaint_abuse")
    kept = watched.ses.get_suppressed_destination(EmailAddress="ada@example.org")
    assert kept["SuppressedDestination"]["Reason"] == "COMPLAINT"


def test_nothing_is_suppressed_that_the_account_does_not_want(
    watched: Cloud, listener: Listener
) -> None:
    watched.ses.put_account_suppression_attributes(SuppressedReasons=["COMPLAINT"])
    watched.sim.set_rates(watched.id, hard_bounce=1.0)
    send(watched, "ada@example.org")
    records(listener, 2)
    assert watched.ses.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


@pytest.mark.parametrize(
    ("address", "count", "payload"),
    [
        ("bounce+label", 2, "event_bounce_permanent_general"),
        ("suppressionlist", 2, "event_bounce_permanent_suppressed_global"),
        ("ooto", 3, "event_bounce_transient_general_ooto"),
    ],
)
def test_mailbox_simulator_bounces(
    watched: Cloud, listener: Listener, address: str, count: int, payload: str
) -> None:
    send(watched, f"{address}@simulator.amazonses.com")
    same_shape(records(listener, count)["Bounce"], payload)
    assert watched.ses.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


def test_mailbox_simulator_complaint(watched: Cloud, listener: Listener) -> None:
    send(watched, "complaint@simulator.amazonses.com")
    same_shape(records(listener, 3)["Complaint"], "event_complaint_abuse")


def test_delay_then_delivery(watched: Cloud, listener: Listener) -> None:
    watched.sim.set_rates(watched.id, delay=1.0)
    message_id = send(watched, "ada@example.org")
    found = records(listener, 3)
    assert emitted(watched, message_id) == ["Send", "DeliveryDelay", "Delivery"]
    same_shape(found["DeliveryDelay"], "event_delivery_delay")


def test_soft_bounce(watched: Cloud, listener: Listener) -> None:
    watched.sim.set_rates(watched.id, soft_bounce=1.0)
    send(watched, "ada@example.org")
    same_shape(records(listener, 2)["Bounce"], "event_bounce_transient_mailbox_full")


def test_bounces_of_one_mail_come_as_one(watched: Cloud, listener: Listener) -> None:
    to = ["bounce+1@simulator.amazonses.com", "success@simulator.amazonses.com",
          "bounce+2@simulator.amazonses.com"]  # fmt: skip
    send(watched, to)
    found = records(listener, 3)
    bounced = [r["emailAddress"] for r in found["Bounce"]["bounce"]["bouncedRecipients"]]
    assert bounced == [to[0], to[2]]
    assert found["Delivery"]["delivery"]["recipients"] == [to[1]]


def test_late_bounce_after_delivery(watched: Cloud, listener: Listener) -> None:
    watched.sim.settings(late_bounce_share=1.0)
    try:
        message_id = send(watched, "bounce@simulator.amazonses.com")
        assert records(listener, 3).keys() == {"Send", "Delivery", "Bounce"}
        assert emitted(watched, message_id) == ["Send", "Delivery", "Bounce"]
    finally:
        watched.sim.settings(late_bounce_share=0.0)


def test_open_click_and_reject_by_hand(watched: Cloud, listener: Listener) -> None:
    message_id = send(watched, "success@simulator.amazonses.com")
    records(listener, 2)
    watched.sim.event(message_id, "Open")
    watched.sim.event(message_id, "Click", link="https://example.com/a")
    watched.sim.event(message_id, "Reject")
    found = records(listener, 5)
    same_shape(found["Open"], "event_open")
    same_shape(found["Click"], "event_click_null_linktags")
    same_shape(found["Reject"], "event_reject")
    assert emitted(watched, message_id) == ["Send", "Delivery", "Open", "Click", "Reject"]


def test_long_headers_are_cut_and_said_to_be(watched: Cloud, listener: Listener) -> None:
    watched.send(
        raw=mime("ada@example.org", *(f"X-Filler-{n}: {'x' * 900}" for n in range(15))),
        ConfigurationSetName="byo-ses",
    )
    mail = records(listener, 2)["Send"]["mail"]
    assert mail["headersTruncated"] is True
    assert sum(len(h["name"]) + len(h["value"]) for h in mail["headers"]) < 10_240


def test_only_the_types_asked_for_are_published(cloud: Cloud, listener: Listener) -> None:
    watch(cloud, listener, ["BOUNCE"])
    send(cloud, "success@simulator.amazonses.com")
    send(cloud, "bounce@simulator.amazonses.com")
    assert list(records(listener, 1)) == ["Bounce"]
    until(lambda: cloud.sim.notifications()["queued"] == 0)
    assert len(listener.posts) == 1


def test_a_disabled_destination_publishes_nothing(cloud: Cloud, listener: Listener) -> None:
    watch(cloud, listener, ALL, enabled=False)
    message_id = send(cloud, "bounce@simulator.amazonses.com")
    cloud.sim.event(message_id, "Bounce")
    until(lambda: cloud.sim.notifications()["queued"] == 0)
    assert listener.posts == []


def test_outcomes_are_the_same_in_any_process_and_follow_the_rates() -> None:
    rates = Rates(hard_bounce=0.03, complaint=0.01, soft_bounce=0.02, delay=0.05)
    addresses = [f"person{n}@example.org" for n in range(20_000)]
    first = [outcome_for(address, rates, 7) for address in addresses]
    assert first == [outcome_for(address.upper(), rates, 7) for address in addresses]
    assert first != [outcome_for(address, rates, 8) for address in addresses]
    shares = {o: first.count(o) / len(first) for o in Outcome}
    assert shares[Outcome.HARD_BOUNCE] == pytest.approx(0.03, abs=0.005)
    assert shares[Outcome.COMPLAINT] == pytest.approx(0.01, abs=0.003)
    assert shares[Outcome.SOFT_BOUNCE] == pytest.approx(0.02, abs=0.004)
    assert shares[Outcome.DELAY] == pytest.approx(0.05, abs=0.006)
    # written down, so that a change of the function is seen
    assert [n for n, o in enumerate(first[:200]) if o is Outcome.HARD_BOUNCE] == FIRST_BOUNCES
