"""SendEmail: what is accepted, what is refused, and what the ledger and the inbox then hold."""

import re
import time
from email import message_from_bytes
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import REGION, Cloud, mime

ID = re.compile(
    r"0102[0-9a-f]{12}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-000000"
)


def refused(cloud: Cloud, **fields: Any) -> dict[str, str]:
    """Return code and message of a send that must not be accepted."""
    before = cloud.sim.summary(cloud.id)["accepted"]
    with pytest.raises(ClientError) as caught:
        cloud.send(**fields)
    assert cloud.sim.summary(cloud.id)["accepted"] == before
    error: dict[str, str] = caught.value.response["Error"]
    return error


@pytest.mark.parametrize("tls", [False, True])
def test_raw_mail_is_accepted_and_kept_as_sent(cloud: Cloud, tls: bool) -> None:
    raw = mime("ada@example.org", "X-Byo-Message-Id: m1") + bytes(range(128, 255))
    started = time.time()
    tags = [{"Name": "byo_msg", "Value": "m1"}]
    message_id = cloud.send(cloud.client("sesv2", tls=tls), raw=raw, EmailTags=tags)
    assert ID.fullmatch(message_id)
    assert cloud.sim.raw(message_id) == raw
    [entry] = cloud.sim.ledger(cloud.id)
    assert entry["message_id"] == message_id
    assert entry["recipients"] == ["ada@example.org"]
    assert entry["outcomes"] == ["delivery"]
    assert entry["tags"] == {"byo_msg": "m1"}
    assert entry["size"] == len(raw)
    assert (entry["from"], entry["region"]) == ("news@example.com", REGION)
    assert entry["access_key"] == cloud.key
    assert started <= entry["time"] <= time.time()


def test_message_ids_are_unique_and_carry_the_region(cloud: Cloud) -> None:
    assert len({cloud.send() for _ in range(20)}) == 20
    cloud.sim.set_identity(cloud.id, "us-east-1", "example.com")
    cloud.sim.set_region(cloud.id, "us-east-1", sandbox=False)
    assert cloud.send(cloud.client("sesv2", region_name="us-east-1")).startswith("0100")


def test_raw_addresses_come_from_the_headers_unless_given(cloud: Cloud) -> None:
    raw = mime('"Lovelace, Ada" <ada@example.org>, bob@example.net', "Cc: cy@example.net",
               "Bcc: dee@example.net")  # fmt: skip
    cloud.ses.send_email(Content={"Raw": {"Data": raw}})
    cloud.ses.send_email(
        Content={"Raw": {"Data": raw}}, Destination={"ToAddresses": ["Eve <eve@example.org>"]}
    )
    first, second = cloud.sim.ledger(cloud.id)
    assert first["recipients"] == [
        "ada@example.org", "bob@example.net", "cy@example.net", "dee@example.net"
    ]  # fmt: skip
    assert first["from"] == "news@example.com"
    assert second["recipients"] == ["eve@example.org"]


def test_x_ses_headers_are_honoured_and_parameters_win(cloud: Cloud) -> None:
    cloud.ses.create_configuration_set(ConfigurationSetName="one")
    cloud.ses.create_configuration_set(ConfigurationSetName="two")
    raw = mime("ada@example.org", "X-SES-CONFIGURATION-SET: one", "X-SES-MESSAGE-TAGS: a=1, b=2")
    cloud.send(raw=raw)
    cloud.send(raw=raw, ConfigurationSetName="two", EmailTags=[{"Name": "c", "Value": "3"}])
    first, second = cloud.sim.ledger(cloud.id)
    assert (first["configuration_set"], first["tags"]) == ("one", {"a": "1", "b": "2"})
    assert (second["configuration_set"], second["tags"]) == ("two", {"c": "3"})


def test_simple_mail_becomes_mime(cloud: Cloud) -> None:
    answer = cloud.ses.send_email(
        FromEmailAddress="News <news@example.com>",
        Destination={
            "ToAddresses": ["Ada <ada@example.org>"],
            "BccAddresses": ["bcc-only@example.org"],
        },
        ReplyToAddresses=["reply@example.com"],
        Content={
            "Simple": {
                "Subject": {"Data": "Grüße"},
                "Body": {"Text": {"Data": "plain"}, "Html": {"Data": "<p>html</p>"}},
                "Headers": [{"Name": "List-Id", "Value": "<l.example.com>"}],
            }
        },
    )
    message = message_from_bytes(cloud.sim.raw(answer["MessageId"]))
    assert message["List-Id"] == "<l.example.com>"
    assert message["Reply-To"] == "reply@example.com"
    assert message["Bcc"] is None
    [mail] = cloud.sim.inbox("bcc-only@example.org")
    assert (mail["subject"], mail["text"], mail["html"]) == ("Grüße", "plain\n", "<p>html</p>\n")


@pytest.mark.parametrize(
    "body",
    [
        {"Text": "plain\ntext"},
        {"Html": "<p>ä</p>\r\n"},
        {"Text": "a" * 1_200, "Html": "b\n" * 900},
        {"Text": "x" * 997 + "\n", "Html": "y" * 998 + "\n"},
    ],
)
def test_the_ledger_knows_the_size_of_a_source_before_it_is_built(
    cloud: Cloud, body: dict[str, str]
) -> None:
    answer = cloud.ses.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Content={
            "Simple": {
                "Subject": {"Data": "Ein sehr langer Betreff mit ü " * 5},
                "Body": {kind: {"Data": data} for kind, data in body.items()},
            }
        },
    )
    source = cloud.sim.raw(answer["MessageId"])
    assert all(len(line) <= 998 for line in source.split(b"\r\n"))
    [entry] = [one for one in cloud.sim.ledger() if one["message_id"] == answer["MessageId"]]
    assert entry["size"] == len(source)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"Name": "Subject", "Value": "x"}, "not allowed"),
        ({"Name": "X Y", "Value": "x"}, "Invalid header"),
        ({"Name": "X-Y", "Value": "é"}, "Invalid header"),
    ],
)
def test_simple_headers_have_rules(cloud: Cloud, header: dict[str, str], words: str) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.ses.send_email(
            FromEmailAddress="news@example.com",
            Destination={"ToAddresses": ["ada@example.org"]},
            Content={
                "Simple": {
                    "Subject": {"Data": "x"},
                    "Body": {"Text": {"Data": "x"}},
                    "Headers": [header],
                }
            },
        )
    assert caught.value.response["Error"]["Code"] == "BadRequestException"
    assert words in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": [f"p{n}@example.org" for n in range(51)]}, "Recipient count exceeds 50"),
        ({"to": "nobody"}, "Missing final '@domain'"),
        ({"to": "a b@example.org"}, "whitespace"),
        ({"to": "a@exam_ple!.org"}, "Domain contains illegal character"),
        ({"EmailTags": [{"Name": "a.b", "Value": "1"}]}, "Invalid tag name"),
        ({"EmailTags": [{"Name": "a", "Value": "x@y"}]}, "Invalid tag value"),
        ({"EmailTags": [{"Name": "a", "Value": "x" * 257}]}, "Invalid tag value"),
        ({"raw": mime("ada@example.org", "Subject: twice")}, "Duplicate header 'Subject'"),
        ({"raw": mime() + b"x" * 1001}, "longer than 1000"),
        ({"raw": b"no header at all\r\n\r\nbody"}, "Illegal header"),
        ({"ListManagementOptions": {"ContactListName": "x"}}, "not supported"),
    ],
)
def test_bad_requests(cloud: Cloud, fields: dict[str, Any], words: str) -> None:
    error = refused(cloud, **fields)
    assert error["Code"] == "BadRequestException"
    assert words in error["Message"]


def test_a_line_of_exactly_1000_octets_passes(cloud: Cloud) -> None:
    cloud.send(raw=mime() + b"x" * 998 + b"\r\nend\r\n")
    refused(cloud, raw=mime() + b"x" * 999 + b"\r\nend\r\n")


def test_feedback_id_tags_of_ses_are_taken(cloud: Cloud) -> None:
    cloud.send(EmailTags=[{"Name": "ses:feedback-id-a", "Value": "campaign"}])


def test_more_than_40_megabytes_are_refused(cloud: Cloud) -> None:
    line = b"x" * 998 + b"\r\n"
    error = refused(cloud, raw=mime() + line * (32 * 1024 * 1024 // 1000))
    assert error["Code"] == "BadRequestException"
    assert "Message length" in error["Message"]


def test_unverified_senders_are_listed(cloud: Cloud) -> None:
    cloud.sim.set_identity(cloud.id, REGION, "pending.example", "PENDING")
    with pytest.raises(ClientError) as caught:
        cloud.ses.send_email(
            FromEmailAddress="x@pending.example",
            Destination={"ToAddresses": ["ada@example.org"]},
            Content={"Raw": {"Data": b"From: y@other.example\r\nTo: ada@example.org\r\n\r\n"}},
        )
    assert caught.value.response["Error"] == {
        "Code": "MessageRejected",
        "Message": "Email address is not verified. The following identities failed the check in "
        "region EU-WEST-1: x@pending.example, y@other.example",
    }


def test_an_address_identity_covers_itself_and_a_domain_its_subdomains(cloud: Cloud) -> None:
    cloud.sim.set_identity(cloud.id, REGION, "only@else.example")
    for sender in ("only@ELSE.example", "x@sub.example.com"):
        raw = f"From: {sender}\r\nTo: ada@example.org\r\n\r\n".encode()
        cloud.ses.send_email(Content={"Raw": {"Data": raw}})
    with pytest.raises(ClientError):
        cloud.ses.send_email(
            Content={"Raw": {"Data": b"From: other@else.example\r\nTo: ada@example.org\r\n\r\n"}}
        )


def test_sandbox_takes_verified_recipients_and_the_simulator_only(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, sandbox=True)
    error = refused(cloud, to=["ada@example.org", "me@example.com"])
    assert error["Code"] == "MessageRejected"
    assert error["Message"].endswith("EU-WEST-1: ada@example.org")
    cloud.send(to="me@example.com")
    cloud.send(to="success+label@simulator.amazonses.com")


def test_a_missing_configuration_set_is_not_found(cloud: Cloud) -> None:
    error = refused(cloud, ConfigurationSetName="gone")
    assert error == {
        "Code": "NotFoundException",
        "Message": "Configuration set <gone> does not exist.",
    }


def test_the_identity_s_own_configuration_set_is_used(cloud: Cloud) -> None:
    cloud.ses.create_configuration_set(ConfigurationSetName="default-set")
    cloud.ses.put_email_identity_configuration_set_attributes(
        EmailIdentity="example.com", ConfigurationSetName="default-set"
    )
    cloud.send()
    [entry] = cloud.sim.ledger(cloud.id)
    assert entry["configuration_set"] == "default-set"


def test_paused_and_shut_down_accounts_and_sets(cloud: Cloud) -> None:
    cloud.ses.create_configuration_set(ConfigurationSetName="one")
    cloud.ses.put_configuration_set_sending_options(
        ConfigurationSetName="one", SendingEnabled=False
    )
    assert refused(cloud, ConfigurationSetName="one")["Code"] == "SendingPausedException"
    cloud.send()
    cloud.ses.put_account_sending_attributes(SendingEnabled=False)
    assert refused(cloud)["Code"] == "SendingPausedException"
    cloud.sim.set_region(cloud.id, REGION, enforcement="SHUTDOWN")
    assert refused(cloud)["Code"] == "AccountSuspendedException"
    assert cloud.ses.get_account()["EnforcementStatus"] == "SHUTDOWN"


def test_reject_on_mx_failure(cloud: Cloud) -> None:
    cloud.ses.put_email_identity_mail_from_attributes(
        EmailIdentity="example.com",
        MailFromDomain="bounce.example.com",
        BehaviorOnMxFailure="REJECT_MESSAGE",
    )
    assert refused(cloud)["Code"] == "MailFromDomainNotVerifiedException"
    cloud.sim.set_identity(cloud.id, REGION, "example.com", "SUCCESS")
    cloud.send()
