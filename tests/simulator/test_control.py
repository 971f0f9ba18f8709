"""SES's control plane through boto3, and beside moto where moto implements the call."""

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from simulator.client import SimulatorError
from tests.simulator.conftest import ONCE, REGION, Cloud, until


def code_of(call: Any, **fields: Any) -> tuple[str, int]:
    """Return error code and status of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**fields)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("tls", [False, True])
def test_account(cloud: Cloud, tls: bool) -> None:
    account = cloud.client("sesv2", tls=tls).get_account()
    assert account["SendQuota"] == {
        "Max24HourSend": 50_000.0,
        "MaxSendRate": 1000.0,
        "SentLast24Hours": 0.0,
    }
    assert account["ProductionAccessEnabled"] is True
    assert account["SendingEnabled"] is True
    assert account["EnforcementStatus"] == "HEALTHY"
    assert account["SuppressionAttributes"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}


def test_a_region_never_used_is_a_sandbox(cloud: Cloud) -> None:
    account = cloud.client("sesv2", region_name="eu-central-1").get_account()
    assert account["ProductionAccessEnabled"] is False
    assert account["SendQuota"]["Max24HourSend"] == 200.0
    assert account["SendQuota"]["MaxSendRate"] == 1.0


def test_production_access_is_asked_for_and_decided(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, sandbox=True)
    ask = cloud.ses.put_account_details
    details = {"MailType": "MARKETING", "WebsiteURL": "https://example.com"}
    ask(**details, UseCaseDescription="News", ProductionAccessEnabled=True)
    review = cloud.ses.get_account()["Details"]["ReviewDetails"]
    assert review["Status"] == "PENDING"
    assert review["CaseId"].isdigit()
    assert code_of(ask, **details) == ("ConflictException", 409)
    cloud.sim.decide_review(cloud.id, REGION, "DENIED")
    assert cloud.ses.get_account()["Details"]["ReviewDetails"]["Status"] == "DENIED"
    ask(**details, ProductionAccessEnabled=True)
    cloud.sim.decide_review(cloud.id, REGION, "GRANTED")
    account = cloud.ses.get_account()
    assert account["ProductionAccessEnabled"] is True
    assert account["Details"]["ReviewDetails"]["Status"] == "GRANTED"
    with pytest.raises(SimulatorError, match="no review is open"):
        cloud.sim.decide_review(cloud.id, REGION, "GRANTED")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"MailType": None, "WebsiteURL": None},
            "2 validation errors detected: Value null at 'mailType'",
        ),
        ({"MailType": "NEWS", "WebsiteURL": ""}, "enum value set: [MARKETING, TRANSACTIONAL]; "),
        ({"WebsiteURL": "x" * 1001}, "'websiteURL' failed to satisfy constraint"),
        ({"UseCaseDescription": "x" * 5001}, "length less than or equal to 5000"),
        ({"ContactLanguage": "DE"}, "enum value set: [EN, JA]"),
        ({"AdditionalContactEmailAddresses": []}, "length greater than or equal to 1"),
        ({"AdditionalContactEmailAddresses": ["a@b.example"] * 5}, "less than or equal to 4"),
        ({"AdditionalContactEmailAddresses": ["nobody"]}, "pattern: ^(.+)@(.+)$"),
    ],
)
def test_what_a_request_for_production_access_may_say(
    cloud: Cloud, given: dict[str, Any], told: str
) -> None:
    right = {"MailType": "MARKETING", "WebsiteURL": "https://example.com"}
    with pytest.raises(ClientError) as refused:
        unchecked = ONCE.merge(Config(parameter_validation=False))
        cloud.client("sesv2", config=unchecked).put_account_details(**right | given)
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert told in refused.value.response["Error"]["Message"]


def test_domain_identity_from_pending_to_gone(cloud: Cloud) -> None:
    ses = cloud.ses
    made = ses.create_email_identity(EmailIdentity="New.Example")
    assert made["IdentityType"] == "DOMAIN"
    assert made["VerifiedForSendingStatus"] is False
    dkim = made["DkimAttributes"]
    assert len(set(dkim["Tokens"])) == 3
    assert dkim["Status"] == "PENDING"
    assert dkim["SigningHostedZone"].endswith(f".dkim.{REGION}.amazonses.com")
    assert code_of(ses.create_email_identity, EmailIdentity="new.example") == (
        "AlreadyExistsException",
        400,
    )
    found = ses.get_email_identity(EmailIdentity="new.example")
    assert (found["VerificationStatus"], found["DkimAttributes"]["Tokens"]) == (
        "PENDING",
        dkim["Tokens"],
    )
    cloud.sim.set_identity(cloud.id, REGION, "new.example", "FAILED")
    found = ses.get_email_identity(EmailIdentity="new.example")
    assert found["VerificationInfo"] == {"ErrorType": "HOST_NOT_FOUND"}
    cloud.sim.set_identity(cloud.id, REGION, "new.example")
    found = ses.get_email_identity(EmailIdentity="new.example")
    assert found["VerifiedForSendingStatus"] is True
    assert found["DkimAttributes"]["Status"] == "SUCCESS"
    names = [i["IdentityName"] for i in ses.list_email_identities()["EmailIdentities"]]
    assert names == ["example.com", "new.example"]
    ses.delete_email_identity(EmailIdentity="new.example")
    assert code_of(ses.get_email_identity, EmailIdentity="new.example") == (
        "NotFoundException",
        404,
    )


def test_address_identity(cloud: Cloud) -> None:
    made = cloud.ses.create_email_identity(EmailIdentity="Ada@Example.ORG")
    assert made["IdentityType"] == "EMAIL_ADDRESS"
    found = cloud.ses.get_email_identity(EmailIdentity="Ada@example.org")
    assert found["VerificationStatus"] == "PENDING"
    assert code_of(cloud.ses.create_email_identity, EmailIdentity="not a domain")[0] == (
        "BadRequestException"
    )


def test_identities_verify_themselves_when_the_account_says_so(cloud: Cloud) -> None:
    cloud.sim.set_account(cloud.id, auto_verify_seconds=0.1)
    cloud.ses.create_email_identity(EmailIdentity="new.example")

    def verified() -> bool:
        found = cloud.ses.get_email_identity(EmailIdentity="new.example")
        return bool(found["VerifiedForSendingStatus"])

    assert not verified()
    until(verified)


def test_mail_from(cloud: Cloud) -> None:
    ses = cloud.ses
    put = ses.put_email_identity_mail_from_attributes
    assert code_of(put, EmailIdentity="example.com", MailFromDomain="else.example")[0] == (
        "BadRequestException"
    )
    put(EmailIdentity="example.com", MailFromDomain="bounce.example.com")
    attributes = ses.get_email_identity(EmailIdentity="example.com")["MailFromAttributes"]
    assert attributes == {
        "MailFromDomain": "bounce.example.com",
        "MailFromDomainStatus": "PENDING",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    }
    put(EmailIdentity="example.com")
    attributes = ses.get_email_identity(EmailIdentity="example.com")["MailFromAttributes"]
    assert "MailFromDomain" not in attributes


def test_dkim_signing_attributes(cloud: Cloud) -> None:
    ses = cloud.ses
    before = ses.get_email_identity(EmailIdentity="example.com")["DkimAttributes"]["Tokens"]
    again = ses.put_email_identity_dkim_signing_attributes(
        EmailIdentity="example.com",
        SigningAttributesOrigin="AWS_SES",
        SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
    )
    assert len(again["DkimTokens"]) == 3
    assert not set(again["DkimTokens"]) & set(before)
    ses.put_email_identity_dkim_attributes(EmailIdentity="example.com", SigningEnabled=False)
    dkim = ses.get_email_identity(EmailIdentity="example.com")["DkimAttributes"]
    assert dkim["SigningEnabled"] is False


def test_configuration_sets(cloud: Cloud) -> None:
    ses = cloud.ses
    ses.create_configuration_set(
        ConfigurationSetName="one",
        SuppressionOptions={"SuppressedReasons": ["BOUNCE"]},
        DeliveryOptions={"TlsPolicy": "REQUIRE"},
    )
    found = ses.get_configuration_set(ConfigurationSetName="one")
    assert found["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE"]}
    assert found["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    assert found["SendingOptions"] == {"SendingEnabled": True}
    assert code_of(ses.create_configuration_set, ConfigurationSetName="one")[0] == (
        "AlreadyExistsException"
    )
    assert code_of(ses.create_configuration_set, ConfigurationSetName="a b")[0] == (
        "BadRequestException"
    )
    assert ses.list_configuration_sets()["ConfigurationSets"] == ["one"]
    ses.delete_configuration_set(ConfigurationSetName="one")
    assert code_of(ses.get_configuration_set, ConfigurationSetName="one") == (
        "NotFoundException",
        404,
    )


def test_event_destinations(cloud: Cloud) -> None:
    ses = cloud.ses
    topic = cloud.client("sns").create_topic(Name="events")["TopicArn"]
    ses.create_configuration_set(ConfigurationSetName="one")
    create = ses.create_configuration_set_event_destination
    names = {"ConfigurationSetName": "one", "EventDestinationName": "sns"}
    sns = {"MatchingEventTypes": ["SEND"], "SnsDestination": {"TopicArn": topic}}
    assert code_of(create, **names, EventDestination=sns | {"MatchingEventTypes": ["NO"]})[0] == (
        "BadRequestException"
    )
    gone = {"SnsDestination": {"TopicArn": f"{topic}-gone"}}
    assert code_of(create, **names, EventDestination=sns | gone)[0] == "BadRequestException"
    create(**names, EventDestination=sns)
    [made] = ses.get_configuration_set_event_destinations(ConfigurationSetName="one")[
        "EventDestinations"
    ]
    assert made == {"Name": "sns", "Enabled": False} | sns
    assert code_of(create, **names, EventDestination=sns)[0] == "AlreadyExistsException"
    ses.update_configuration_set_event_destination(
        **names, EventDestination=sns | {"Enabled": True, "MatchingEventTypes": ["BOUNCE"]}
    )
    [made] = ses.get_configuration_set_event_destinations(ConfigurationSetName="one")[
        "EventDestinations"
    ]
    assert (made["Enabled"], made["MatchingEventTypes"]) == (True, ["BOUNCE"])
    ses.delete_configuration_set_event_destination(**names)
    assert code_of(ses.delete_configuration_set_event_destination, **names)[1] == 404


def test_a_topic_that_does_not_let_ses_publish_is_refused(cloud: Cloud) -> None:
    policy = (
        '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"},'
        '"Action": "sns:Publish", "Resource": "*",'
        '"Condition": {"StringEquals": {"AWS:SourceAccount": "%s"}}}]}'
    )
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"Policy": policy % "999999999999"})["TopicArn"]
    cloud.ses.create_configuration_set(ConfigurationSetName="one")
    fields = {
        "ConfigurationSetName": "one",
        "EventDestinationName": "sns",
        "EventDestination": {
            "MatchingEventTypes": ["SEND"],
            "SnsDestination": {"TopicArn": topic},
        },
    }
    create = cloud.ses.create_configuration_set_event_destination
    assert code_of(create, **fields)[0] == "BadRequestException"
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy % cloud.id
    )
    create(**fields)


def test_suppression_list_with_paging(cloud: Cloud) -> None:
    ses = cloud.ses
    started = int(time.time())
    for number, reason in enumerate(["BOUNCE", "COMPLAINT", "BOUNCE", "BOUNCE"]):
        ses.put_suppressed_destination(EmailAddress=f"P{number}@example.org", Reason=reason)
    found = ses.get_suppressed_destination(EmailAddress="p1@EXAMPLE.org")["SuppressedDestination"]
    assert (found["EmailAddress"], found["Reason"]) == ("p1@example.org", "COMPLAINT")
    first = ses.list_suppressed_destinations(Reasons=["BOUNCE"], PageSize=2)
    second = ses.list_suppressed_destinations(
        Reasons=["BOUNCE"], PageSize=2, NextToken=first["NextToken"]
    )
    listed = [
        item["EmailAddress"]
        for page in (first, second)
        for item in page["SuppressedDestinationSummaries"]
    ]
    assert listed == ["p0@example.org", "p2@example.org", "p3@example.org"]
    assert "NextToken" not in second
    later = ses.list_suppressed_destinations(StartDate=started + 3600)
    assert later["SuppressedDestinationSummaries"] == []
    ses.delete_suppressed_destination(EmailAddress="p0@example.org")
    assert code_of(ses.get_suppressed_destination, EmailAddress="p0@example.org") == (
        "NotFoundException",
        404,
    )
    assert code_of(ses.delete_suppressed_destination, EmailAddress="p0@example.org")[1] == 404


def test_suppression_list_is_closed_in_the_sandbox(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, sandbox=True)
    put = cloud.ses.put_suppressed_destination
    assert code_of(put, EmailAddress="p@example.org", Reason="BOUNCE")[0] == "BadRequestException"


def test_one_control_call_a_second_when_asked(cloud: Cloud) -> None:
    cloud.sim.set_account(cloud.id, control_plane_rate=5)
    ses = cloud.ses
    ses.get_account()
    assert code_of(ses.get_account) == ("TooManyRequestsException", 429)
    cloud.send(ses)
    time.sleep(0.21)
    ses.get_account()


@pytest.fixture
def moto() -> Any:
    """A moto client of SES v2 in the same process."""
    with mock_aws():
        yield boto3.client(
            "sesv2", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )


def test_moto_agrees_on_identities_and_configuration_sets(cloud: Cloud, moto: Any) -> None:
    outcomes = []
    for ses in (cloud.ses, moto):
        seen: list[Any] = []
        seen.append(ses.create_email_identity(EmailIdentity="moto.example")["IdentityType"])
        seen.append(ses.create_email_identity(EmailIdentity="a@moto.example")["IdentityType"])
        found = ses.get_email_identity(EmailIdentity="moto.example")
        seen.append((found["IdentityType"], found["VerifiedForSendingStatus"]))
        listed = ses.list_email_identities()["EmailIdentities"]
        seen.append(sorted(i["IdentityName"] for i in listed if "moto" in i["IdentityName"]))
        ses.delete_email_identity(EmailIdentity="moto.example")
        ses.create_configuration_set(ConfigurationSetName="one")
        seen.append(ses.list_configuration_sets()["ConfigurationSets"])
        seen.append(ses.get_configuration_set(ConfigurationSetName="one")["ConfigurationSetName"])
        ses.delete_configuration_set(ConfigurationSetName="one")
        seen.append(code_of(ses.get_configuration_set, ConfigurationSetName="one"))
        outcomes.append(seen)
    assert outcomes[0] == outcomes[1]
