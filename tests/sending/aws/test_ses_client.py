"""The boto3 adapter against the simulator, and what AWS's refusals mean."""

import json
from typing import Any

import pytest

from sending.ses import client
from sending.ses.api import SesApi
from sending.ses.client import Credentials, assume_role, endpoint, who_am_i
from sending.ses.errors import UNREACHABLE, SesError
from sending.ses.explain import explain, explain_words, missing_action
from sending.ses.policies import permission_policy, trust_policy
from sending.ses.provisioning import EVENT_TYPES, STEPS, Setup, topic_policy
from tests.cloud import PLATFORM, REGION, ROLE, TENANT, Cloud


def api(cloud: Cloud, **key: Any) -> SesApi:
    given = cloud.key(**key) if key else Credentials(cloud.key_id, cloud.secret)
    return SesApi(REGION, given)


def refusal(call: Any, *arguments: Any) -> SesError:
    with pytest.raises(SesError) as caught:
        call(*arguments)
    return caught.value


def test_the_account_is_read(cloud: Cloud) -> None:
    answer = api(cloud).get_account()
    assert answer["SendQuota"] == {
        "Max24HourSend": 200.0,
        "MaxSendRate": 1.0,
        "SentLast24Hours": 0.0,
    }
    assert answer["ProductionAccessEnabled"] is False


def test_who_we_are(cloud: Cloud) -> None:
    assert who_am_i(REGION).account == PLATFORM
    tenant = who_am_i(REGION, Credentials(cloud.key_id, cloud.secret))
    assert tenant.account == TENANT
    assert not tenant.is_root
    assert client.Caller("1", "arn:aws:iam::1:root").is_root


def test_a_role_is_assumed_with_its_external_id_only(cloud: Cloud) -> None:
    cloud.sim.add_role(TENANT, "bluefox", external_id="x1", trusted_accounts=[PLATFORM])
    session = assume_role(ROLE, "x1", region=REGION)
    assert session.token and session.expires_at
    assert who_am_i(REGION, session).arn.endswith("assumed-role/bluefox/bluefox")
    for wrong in ("x2", None):
        error = refusal(lambda wrong=wrong: assume_role(ROLE, wrong, region=REGION))
        assert (error.code, error.http_status) == ("AccessDenied", 403)


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(Credentials("AKIAEXAMPLEKEY", "very-secret", "token"))
    assert shown == "Credentials(…EKEY)"


def test_a_client_is_made_once_for_each_identity(cloud: Cloud) -> None:
    first = client.client_of("sesv2", REGION, Credentials("a", "b"))
    assert client.client_of("sesv2", REGION, Credentials("a", "b")) is first
    assert client.client_of("sesv2", REGION, Credentials("a", "c")) is not first
    assert first.meta.config.retries["total_max_attempts"] == 1


def test_the_endpoint_is_where_boto3_would_go(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endpoint(REGION) == cloud.process.url
    monkeypatch.delenv("AWS_ENDPOINT_URL_SESV2")
    client._new_client.cache_clear()
    endpoint.cache_clear()
    assert endpoint(REGION) == "https://email.eu-west-1.amazonaws.com"


def test_identities_are_created_adopted_and_read(cloud: Cloud) -> None:
    ses = api(cloud)
    ses.create_identity("shop.example")
    ses.create_identity("shop.example")
    ses.create_identity("news@other.example")
    assert ses.identities() == [
        ("acme.example", True),
        ("news@other.example", False),
        ("shop.example", False),
    ]
    dkim = ses.get_identity("shop.example")["DkimAttributes"]
    assert len(dkim["Tokens"]) == 3
    assert dkim["SigningHostedZone"].endswith(".amazonses.com")


def setup(topic_arn: str = "", url: str = "http://127.0.0.1:9/webhooks/sns/x/") -> Setup:
    return Setup("bluefox-1", REGION, TENANT, url, topic_arn)


def test_the_way_back_is_built_and_adopted(cloud: Cloud) -> None:
    ses, topic_arn = api(cloud), ""
    for _ in range(2):
        for step in STEPS:
            topic_arn = step.run(ses, setup(topic_arn)).get("topic_arn", topic_arn)
    assert topic_arn == f"arn:aws:sns:{REGION}:{TENANT}:bluefox-1-events"
    region = cloud.region()
    made = region["configuration_sets"]["bluefox-1"]
    assert made["options"]["ReputationOptions"] == {"ReputationMetricsEnabled": True}
    (destination,) = made["destinations"].values()
    assert destination["enabled"] is True
    assert destination["types"] == EVENT_TYPES
    assert destination["topic_arn"] == topic_arn
    topic = region["topics"][topic_arn]["attributes"]
    assert topic["SignatureVersion"] == "2"
    assert json.loads(topic["Policy"]) == topic_policy(setup(topic_arn))
    (subscription,) = region["subscriptions"].values()
    assert (subscription["protocol"], subscription["confirmed"]) == ("http", False)
    policy = json.loads(subscription["attributes"]["DeliveryPolicy"])
    assert policy["healthyRetryPolicy"]["numRetries"] == 20


def test_only_ses_of_this_account_and_set_may_publish() -> None:
    (statement,) = topic_policy(setup("arn:topic"))["Statement"]
    assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": TENANT},
        "ArnEquals": {
            "AWS:SourceArn": f"arn:aws:ses:{REGION}:{TENANT}:configuration-set/bluefox-1"
        },
    }


def test_an_https_webhook_is_subscribed_by_https(cloud: Cloud) -> None:
    ses = api(cloud)
    topic_arn = ses.create_topic("t")
    assert ses.subscribe(topic_arn, "https://mail.example.com/x/", {}) == ""
    (subscription,) = cloud.region()["subscriptions"].values()
    assert subscription["protocol"] == "https"


def test_a_destination_that_exists_differently_is_corrected(cloud: Cloud) -> None:
    ses = api(cloud)
    ses.create_configuration_set("set")
    topic = {"TopicArn": ses.create_topic("t")}
    wrong = {"Enabled": False, "MatchingEventTypes": ["SEND"], "SnsDestination": topic}
    ses.put_event_destination("set", "bluefox", wrong)
    ses.put_event_destination("set", "bluefox", wrong | {"Enabled": True})
    (destination,) = cloud.region()["configuration_sets"]["set"]["destinations"].values()
    assert destination["enabled"] is True


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("ses:GetAccount", lambda ses: ses.get_account()),
        ("ses:ListEmailIdentities", lambda ses: ses.identities()),
        ("ses:GetEmailIdentity", lambda ses: ses.get_identity("acme.example")),
        ("ses:CreateEmailIdentity", lambda ses: ses.create_identity("new.example")),
        ("ses:CreateConfigurationSet", lambda ses: ses.create_configuration_set("s")),
        ("sns:CreateTopic", lambda ses: ses.create_topic("t")),
    ],
)
def test_a_missing_permission_is_named_exactly(cloud: Cloud, action: str, call: Any) -> None:
    error = refusal(call, api(cloud, denied=[action]))
    explanation = explain(error)
    assert explanation.missing_action == action
    assert action in explanation.meaning
    assert explain_words(f"{error.code}: {error.message}") == explanation


def test_each_action_of_the_policy_we_show_is_enough(cloud: Cloud) -> None:
    """A key that may do only what the policy lists goes through everything that we do."""
    document = permission_policy(REGION, "bluefox-1")
    actions = [action for one in document["Statement"] for action in one["Action"]]
    assert not any("*" in action for action in actions)
    ses, topic_arn = api(cloud, allowed=actions), ""
    ses.get_account()
    ses.identities()
    ses.create_identity("shop.example")
    ses.get_identity("shop.example")
    for step in [*STEPS, *STEPS]:
        topic_arn = step.run(ses, setup(topic_arn)).get("topic_arn", topic_arn)
    (subscription,) = cloud.region()["subscriptions"].values()
    arn = ses.confirm_subscription(topic_arn, subscription["token"])
    assert ses.subscribe(topic_arn, subscription["endpoint"], {}) == arn
    ses.unsubscribe(arn)


def test_the_policies_name_nothing_but_what_is_ours() -> None:
    document = permission_policy(REGION, "bluefox-1")
    resources = {one["Sid"]: one["Resource"] for one in document["Statement"]}
    assert [sid for sid, resource in resources.items() if resource == "*"] == [
        "ReadAccount",
        "SuppressionList",
    ]
    assert resources["ConfigurationSet"] == f"arn:aws:ses:{REGION}:*:configuration-set/bluefox-1"
    (trust,) = trust_policy(REGION, PLATFORM, "x1")["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{PLATFORM}:root"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "x1"}}
    gov = trust_policy("us-gov-west-1", PLATFORM, "x1")["Statement"][0]["Principal"]["AWS"]
    assert gov.startswith("arn:aws-us-gov:")


def test_wrong_keys_are_told_apart(cloud: Cloud) -> None:
    unknown = SesApi(REGION, Credentials("AKIAAAAAAAAAAAAAAAAA", "x"))
    assert "does not know this access key" in str(explain(refusal(unknown.get_account)))
    wrong_secret = SesApi(REGION, Credentials(cloud.key_id, "x"))
    assert "does not belong to" in str(explain(refusal(wrong_secret.get_account)))


def test_an_aws_that_cannot_be_reached_says_so(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    error = refusal(api(cloud).get_account)
    assert (error.code, error.http_status, error.may_pass) == (UNREACHABLE, 0, True)
    assert "could not be reached" in explain(error).meaning


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: ses:GetAccount on resource: "
            "arn:aws:ses:eu-west-1:1:*",
            "ses:GetAccount",
        ),
        ("User `x' is not authorized to perform `ses:SendEmail' on resource", "ses:SendEmail"),
        ("User: x is not authorized to perform: SNS:CreateTopic on resource: y", "sns:CreateTopic"),
        ("You are not welcome", ""),
    ],
)  # fmt: skip
def test_the_missing_action_is_read_out_of_awss_words(message: str, action: str) -> None:
    assert missing_action(message) == action


@pytest.mark.parametrize(
    ("code", "message", "status", "words"),
    [
        ("AccessDenied", "not authorized to perform: sts:AssumeRole on x", 403, "use this role"),
        ("AccessDeniedException", "no", 403, "does not allow GetAccount"),
        ("ExpiredTokenException", "", 403, "has ended"),
        ("SignatureDoesNotMatch", "Signature expired: 20261120T1", 403, "clock"),
        ("TooManyRequestsException", "", 429, "slower"),
        ("Throttling", "Rate exceeded", 400, "slower"),
        ("InternalFailure", "", 500, "fault of its own"),
        ("AccountSuspendedException", "", 400, "suspended"),
        ("SendingPausedException", "", 400, "paused"),
        ("LimitExceededException", "", 400, "limit"),
        ("NotFoundException", "", 404, "gone"),
        ("SomethingElse", "", 400, "AWS refused GetAccount"),
    ],
)
def test_every_refusal_has_a_meaning_and_a_remedy(
    code: str, message: str, status: int, words: str
) -> None:
    explanation = explain(SesError(code, message, status, "GetAccount"))
    assert words in explanation.meaning
    assert explanation.remedy.endswith(".")


def test_our_own_words_are_not_taken_for_awss() -> None:
    assert explain_words("This key belongs to the root user.") is None
