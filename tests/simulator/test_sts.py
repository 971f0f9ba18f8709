"""AssumeRole with its conditions, and the sessions it gives."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.simulator.conftest import REGION, Cloud

PLATFORM = "900000000001"


@pytest.fixture
def sts(cloud: Cloud) -> Any:
    """STS as the platform's own account, which is not the tenant's."""
    made = cloud.sim.create_account(PLATFORM, keys=[{"user": "platform"}])
    key = next(iter(made["keys"].values()))
    return cloud.client("sts", aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])


def arn(cloud: Cloud, role: str = "mailer") -> str:
    return f"arn:aws:iam::{cloud.id}:role/{role}"


def denied(call: Any, **fields: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(RoleSessionName="bluefox", **fields)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def session_client(cloud: Cloud, credentials: dict[str, Any], service: str = "sesv2") -> Any:
    return cloud.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_caller_identity_of_a_key(cloud: Cloud) -> None:
    for tls in (False, True):
        found = cloud.client("sts", tls=tls).get_caller_identity()
        assert found["Account"] == cloud.id
        assert found["Arn"] == f"arn:aws:iam::{cloud.id}:user/sender"


def test_the_right_external_id_gives_a_working_session(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer", external_id="secret-1")
    answer = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox", ExternalId="secret-1")
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    left = credentials["Expiration"].timestamp() - time.time()
    assert 3590 < left <= 3600
    role = f"arn:aws:sts::{cloud.id}:assumed-role/mailer/bluefox"
    assert answer["AssumedRoleUser"]["Arn"] == role
    identity = session_client(cloud, credentials, "sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (cloud.id, role)
    cloud.send(session_client(cloud, credentials))


def test_a_wrong_or_missing_external_id_is_denied(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer", external_id="secret-1")
    for fields in ({"ExternalId": "wrong"}, {}):
        assert denied(sts.assume_role, RoleArn=arn(cloud), **fields) == {
            "Type": "Sender",
            "Code": "AccessDenied",
            "Message": f"User: arn:aws:iam::{PLATFORM}:user/platform is not authorized to "
            f"perform: sts:AssumeRole on resource: {arn(cloud)}",
        }


def test_a_role_without_the_condition_takes_any_external_id(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "open", external_id=None)
    sts.assume_role(RoleArn=arn(cloud, "open"), RoleSessionName="probe", ExternalId="wrong")


def test_unknown_roles_and_untrusted_accounts_are_denied_alike(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "theirs", trusted_accounts=["999999999999"])
    for role in ("theirs", "missing"):
        assert denied(sts.assume_role, RoleArn=arn(cloud, role))["Code"] == "AccessDenied"


def test_duration_has_limits(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer", max_session_seconds=7200)
    sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox", DurationSeconds=7200)
    too_long = denied(sts.assume_role, RoleArn=arn(cloud), DurationSeconds=7201)
    assert too_long["Code"] == "ValidationError"
    assert "MaxSessionDuration" in too_long["Message"]
    with pytest.raises((ClientError, ParamValidationError)):
        sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox", DurationSeconds=899)
    session = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox")["Credentials"]
    chained = session_client(cloud, session, "sts")
    assert "role chaining" in denied(
        chained.assume_role, RoleArn=arn(cloud), DurationSeconds=7200
    )["Message"]  # fmt: skip


def test_an_ended_session_says_so(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer")
    answer = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox")
    cloud.sim.expire_sessions(cloud.id)
    with pytest.raises(ClientError) as caught:
        cloud.send(session_client(cloud, answer["Credentials"]))
    assert caught.value.response["Error"] == {
        "Code": "ExpiredTokenException",
        "Message": "The security token included in the request is expired",
    }
    with pytest.raises(ClientError) as caught:
        session_client(cloud, answer["Credentials"], "sns").list_topics()
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"


def test_a_session_needs_its_own_token(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer")
    first = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="one")["Credentials"]
    second = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="two")["Credentials"]
    mixed = first | {"SessionToken": second["SessionToken"]}
    with pytest.raises(ClientError) as caught:
        session_client(cloud, mixed).get_account()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_role_and_session_policies_both_hold(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer", denied=["ses:DeleteEmailIdentity"])
    policy = {"Statement": [{"Effect": "Allow", "Action": ["ses:Get*"], "Resource": "*"}]}
    credentials = sts.assume_role(
        RoleArn=arn(cloud), RoleSessionName="bluefox", Policy=json.dumps(policy)
    )["Credentials"]
    ses = session_client(cloud, credentials)
    ses.get_account()
    for call in (
        lambda: cloud.send(ses),
        lambda: ses.delete_email_identity(EmailIdentity="example.com"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert denied(sts.assume_role, RoleArn=arn(cloud), Policy="{")["Code"] == (
        "MalformedPolicyDocument"
    )


def test_the_session_acts_in_the_region_it_signs_for(cloud: Cloud, sts: Any) -> None:
    cloud.sim.add_role(cloud.id, "mailer")
    credentials = sts.assume_role(RoleArn=arn(cloud), RoleSessionName="bluefox")["Credentials"]
    ses = session_client(cloud, credentials)
    assert ses.meta.region_name == REGION
    assert ses.get_account()["ProductionAccessEnabled"] is True
