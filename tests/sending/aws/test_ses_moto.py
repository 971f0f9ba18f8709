"""A second opinion on the adapter: moto, where it implements the call.

moto knows no GetAccount and no event destinations, gives no DKIM tokens, and lets anyone assume
any role; what is asked here it does as AWS does.
"""

import json
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from sending.ses.api import SesApi
from sending.ses.client import Credentials, who_am_i
from sending.ses.errors import SesError
from sending.ses.provisioning import DELIVERY_POLICY
from tests.cloud import REGION, forget


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ses(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SesApi]:
    for service in ("SESV2", "SNS", "SQS", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", moto_url)
    forget()
    yield SesApi(REGION, Credentials("AKIAIOSFODNN7EXAMPLE", "secret"))
    forget()


def test_identities(ses: SesApi) -> None:
    ses.create_identity("shop.example")
    ses.create_identity("news@shop.example")
    assert {name for name, _ in ses.identities()} == {"shop.example", "news@shop.example"}
    assert ses.get_identity("shop.example")["IdentityType"] == "DOMAIN"
    with pytest.raises(SesError) as caught:
        ses.get_identity("nobody.example")
    assert (caught.value.code, caught.value.http_status) == ("NotFoundException", 404)


def test_a_configuration_set_is_made_once(ses: SesApi) -> None:
    ses.create_configuration_set("bluefox-1")
    ses.create_configuration_set("bluefox-1")


def test_a_topic_is_made_once_and_takes_its_rules(ses: SesApi) -> None:
    arn = ses.create_topic("bluefox-1-events")
    ses.set_topic_attribute(arn, "SignatureVersion", "2")
    assert ses.create_topic("bluefox-1-events") == arn


TARGET = {
    "DeliveryPolicy": json.dumps(DELIVERY_POLICY),
    "RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:123456789012:bluefox-1-dead-letters"}
    ),
}


def test_a_webhook_is_subscribed_once_and_takes_its_rules(ses: SesApi) -> None:
    """moto confirms at once, as nobody of it asks the endpoint."""
    topic = ses.create_topic("bluefox-2-events")
    ses.create_queue("bluefox-1-dead-letters")
    url = "https://mail.example/webhooks/sns/secret/"
    arn = ses.subscribe(topic, url, TARGET)
    assert arn.startswith(f"{topic}:")
    assert ses.subscribe(topic, url, TARGET) == arn
    ses.set_subscription_attribute(arn, "RawMessageDelivery", "false")
    ses.unsubscribe(arn)


def test_the_dead_letter_queue(ses: SesApi) -> None:
    url = ses.create_queue("bluefox-3-dead-letters")
    ses.set_queue_attributes(url, {"MessageRetentionPeriod": "1209600"})
    assert ses.create_queue("bluefox-3-dead-letters") == url
    assert (ses.letters_waiting(url), ses.take_letters(url)) == (0, [])
    ses._sqs().send_message(QueueUrl=url, MessageBody="envelope")
    assert ses.letters_waiting(url) == 1
    [letter] = ses.take_letters(url)
    assert letter.body == "envelope"
    assert (ses.letters_waiting(url), ses.take_letters(url)) == (1, [])  # hidden, not gone
    ses.delete_letter(url, letter.receipt)
    assert ses.letters_waiting(url) == 0
    with pytest.raises(SesError) as caught:
        ses.letters_waiting(f"{url}-none")
    assert caught.value.code == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_mail_of_plain_text(ses: SesApi) -> None:
    ses.create_identity("news@shop.example")
    message_id = ses.send_text(
        from_address="news@shop.example",
        to="success@simulator.amazonses.com",
        subject="Hello",
        text="Hi",
        configuration_set="",
        tags={"bf_test": "1-success"},
    )
    assert message_id


def test_who_we_are(ses: SesApi) -> None:
    caller = who_am_i(REGION, Credentials("AKIAIOSFODNN7EXAMPLE", "secret"))
    assert len(caller.account) == 12
