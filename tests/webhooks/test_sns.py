"""What is believed of an SNS message, and what never is."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from tests.webhooks.conftest import (
    CERTIFICATE_URL,
    NOW,
    TOPIC,
    Signer,
    headers_of,
    payload,
)
from webhooks import sns
from webhooks.sns import Forged, Pin, Unreadable

PIN = Pin(topic_arn=TOPIC, aws_account_id="111122223333")
GOOD = [
    "envelope_v1_notification_bounce",
    "envelope_v1_subscription_confirmation",
    "envelope_v2_notification_bounce",
    "envelope_v2_notification_no_subject",
    "envelope_v2_notification_unicode_newline",
    "envelope_v2_ses_validation",
    "envelope_v2_subscription_confirmation",
    "envelope_v2_unsubscribe_confirmation",
]
TOPICS = {
    "eu-west-1": TOPIC,
    "us-gov-west-1": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:byo-ses-events",
    "cn-north-1": "arn:aws-cn:sns:cn-north-1:111122223333:byo-ses-events",
}


def check(
    document: dict[str, Any], certificate: x509.Certificate, pin: Pin = PIN, **headers: str
) -> sns.Envelope:
    envelope = sns.parse(json.dumps(document).encode())
    given = headers_of(document) | headers
    sns.verify(envelope, given, pin, now=NOW, certificate=lambda url: certificate)
    return envelope


@pytest.mark.parametrize("name", GOOD)
def test_what_sns_sends_is_believed(name: str, sns_certificate: x509.Certificate) -> None:
    document = payload(name)
    headers = payload(f"{name}.headers")
    envelope = sns.parse(json.dumps(document).encode())
    sns.verify(envelope, headers, PIN, now=NOW, certificate=lambda url: sns_certificate)
    assert envelope.type == headers["x-amz-sns-message-type"]
    assert envelope.message == document["Message"]


@pytest.mark.parametrize("case", payload("cert_url_cases"), ids=lambda case: case["url"][:80])
@pytest.mark.parametrize("region", TOPICS)
def test_certificates_come_only_from_the_sns_of_the_topics_region(
    case: dict[str, Any], region: str
) -> None:
    expected = case["must_accept"] and f"//sns.{region}.amazonaws.com" in case["url"]
    assert sns.is_certificate_url(case["url"], TOPICS[region]) is expected


def test_every_certificate_address_that_must_be_accepted_is() -> None:
    accepted = [
        case["url"]
        for case in payload("cert_url_cases")
        if any(sns.is_certificate_url(case["url"], topic) for topic in TOPICS.values())
    ]
    assert accepted == [c["url"] for c in payload("cert_url_cases") if c["must_accept"]]
    assert len(accepted) == 3


def test_china_has_a_suffix_of_its_own() -> None:
    url = CERTIFICATE_URL.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com")
    assert not sns.is_certificate_url(url, TOPICS["cn-north-1"])


def refusal(document: dict[str, Any], pin: Pin = PIN, headers: dict[str, str] | None = None) -> str:
    """Why it is refused; a certificate is never asked for on the way."""

    def certificate(url: str) -> x509.Certificate:
        raise AssertionError(f"fetched {url}")

    envelope = sns.parse(json.dumps(document).encode())
    with pytest.raises(Forged) as error:
        sns.verify(
            envelope, headers_of(document) | (headers or {}), pin, now=NOW, certificate=certificate
        )
    return str(error.value)


def test_a_topic_that_was_not_set_up_is_refused_before_anything_is_fetched() -> None:
    assert "topic" in refusal(payload("envelope_BAD_foreign_topic_validly_signed"))


def test_the_header_must_name_the_same_topic() -> None:
    good = payload("envelope_v2_notification_bounce")
    assert "topic" in refusal(good, headers={"x-amz-sns-topic-arn": TOPIC + "x"})


def test_a_topic_of_another_account_is_refused_even_when_pinned() -> None:
    pin = Pin(topic_arn=TOPIC, aws_account_id="999999999999")
    assert "another AWS account" in refusal(payload("envelope_v2_notification_bounce"), pin)


def test_nothing_is_believed_while_no_topic_is_set_up() -> None:
    pin = Pin(topic_arn="", aws_account_id="")
    assert "no topic" in refusal(payload("envelope_v2_notification_bounce"), pin)


def test_the_older_signature_is_refused_once_the_topic_has_the_newer() -> None:
    pin = replace(PIN, min_version="2")
    assert "version" in refusal(payload("envelope_v1_notification_bounce"), pin)
    assert "version" in refusal(payload("envelope_BAD_version_downgrade"), pin)


@pytest.mark.parametrize("version", ["0", "3", "", "2 "])
def test_versions_that_do_not_exist_are_refused(version: str) -> None:
    document = payload("envelope_v2_notification_bounce") | {"SignatureVersion": version}
    assert "version" in refusal(document)


def test_a_message_that_says_it_is_of_the_older_version_does_not_pass_as_that(
    sns_certificate: x509.Certificate,
) -> None:
    with pytest.raises(Forged, match="signature"):
        check(payload("envelope_BAD_version_downgrade"), sns_certificate)


def test_an_altered_message_is_refused(sns_certificate: x509.Certificate) -> None:
    with pytest.raises(Forged, match="signature"):
        check(payload("envelope_BAD_tampered_message"), sns_certificate)


@pytest.mark.parametrize("field", ["Message", "MessageId", "Subject", "Timestamp"])
def test_each_signed_field_counts(field: str, sns_certificate: x509.Certificate) -> None:
    document = payload("envelope_v2_notification_bounce")
    document[field] = "2026-11-20T10:00:04.000Z" if field == "Timestamp" else "altered"
    with pytest.raises(Forged, match="signature"):
        check(document, sns_certificate)


@pytest.mark.parametrize(
    "name",
    [
        "envelope_BAD_ssrf_subscribeurl_unsigned",
        "envelope_BAD_ssrf_subscribeurl_validly_signed_foreign_host",
    ],
)
def test_a_subscribe_url_elsewhere_is_refused(name: str) -> None:
    assert "SubscribeURL" in refusal(payload(name))


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com/?Action=Publish&TopicArn={topic}",
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}x",
        "https://sns.eu-west-1.amazonaws.com:8443/?Action=ConfirmSubscription&TopicArn={topic}",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}",
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}",
    ],
)
def test_a_subscribe_url_must_confirm_this_topic_at_its_sns(url: str) -> None:
    document = payload("envelope_v2_subscription_confirmation")
    document["SubscribeURL"] = url.format(topic=TOPIC)
    assert "SubscribeURL" in refusal(document)


def test_a_message_of_more_than_a_day_ago_is_a_replay(sns_certificate: x509.Certificate) -> None:
    envelope = sns.parse(json.dumps(payload("envelope_v2_notification_bounce")).encode())
    headers = headers_of(payload("envelope_v2_notification_bounce"))
    late = envelope.timestamp + timedelta(hours=24, seconds=1)
    with pytest.raises(Forged, match="older"):
        sns.verify(envelope, headers, PIN, now=late, certificate=lambda url: sns_certificate)
    just_in_time = late - timedelta(seconds=1)
    sns.verify(envelope, headers, PIN, now=just_in_time, certificate=lambda url: sns_certificate)


def test_the_header_must_name_the_same_type() -> None:
    document = payload("envelope_v2_notification_bounce")
    header = {"x-amz-sns-message-type": "SubscriptionConfirmation"}
    assert "type" in refusal(document, headers=header)


def test_a_signature_by_somebody_else_is_refused(
    signer: Signer, sns_certificate: x509.Certificate
) -> None:
    document = signer.sign(payload("envelope_v2_notification_bounce"))
    with pytest.raises(Forged, match="signature"):
        check(document, sns_certificate)
    assert check(document, signer.certificate).type == sns.NOTIFICATION


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"Type": "Notification"}',
        b'{"Type": ["Notification"]}',
        b'{"Type": "Other"}',
        json.dumps(payload("envelope_v2_notification_bounce") | {"Message": 1}).encode(),
        json.dumps(payload("envelope_v2_notification_bounce") | {"Signature": "%%%"}).encode(),
        json.dumps(payload("envelope_v2_notification_bounce") | {"Timestamp": "noon"}).encode(),
        json.dumps(
            payload("envelope_v2_notification_bounce") | {"Timestamp": "2026-11-20T10:00:00"}
        ).encode(),
        json.dumps(payload("envelope_v2_notification_bounce") | {"Message": "\x00"}).encode(),
        json.dumps(payload("envelope_v2_notification_bounce") | {"Message": "\ud800"}).encode(),
        b"[" * 100_000,
    ],
    ids=range(17),
)
def test_what_is_no_sns_message_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        sns.parse(body)
