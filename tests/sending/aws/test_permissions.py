"""Which permissions we have, asked without changing anything; and the stack that gives them."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from sending import permitted, tasks
from sending.models import SenderIdentity, SesAccount, SesAuth
from sending.services import accounts, feedback
from sending.ses.policies import actions, permission_policy, trust_policy
from sending.ses.stack import quick_create_url, template
from tests.cloud import PLATFORM, REGION, TENANT, Cloud
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)

# What no call can tell before it is used.
LEARNED = {
    "ses:CreateConfigurationSetEventDestination",
    "sns:Subscribe",
    "sqs:CreateQueue",
    "sqs:SetQueueAttributes",
    "sqs:ReceiveMessage",
}


@pytest.fixture
def connected(cloud: Cloud, alice: Person, monkeypatch: pytest.MonkeyPatch) -> SesAccount:
    monkeypatch.setattr(tasks.look_at_permissions, "delay", lambda *_: None)
    account = accounts.start_connection(
        tenant=alice.tenant, actor=alice.user, name="Main", region=REGION, auth=SesAuth.KEY
    )
    account = accounts.connect_key(
        account=account, actor=None, access_key_id=cloud.key_id, secret_access_key=cloud.secret
    )
    SenderIdentity.unscoped.create(
        tenant=alice.tenant, ses_account=account, name="acme.example", verified=True
    )
    return account


def deny(cloud: Cloud, account: SesAccount, *denied: str) -> None:
    key = cloud.key(denied=list(denied))
    account.credentials = {"access_key_id": key.access_key, "secret_access_key": key.secret_key}
    account.save(update_fields=["credentials"])


def look(account: SesAccount) -> dict[str, str]:
    permitted.look(account, feedback.resource_name(account))
    found: dict[str, str] = SesAccount.unscoped.get(pk=account.pk).permissions
    return found


def probed(found: dict[str, str]) -> set[str]:
    return {action for action, state in found.items() if state != "unknown"}


def test_every_call_that_can_be_asked_is_allowed_and_nothing_changes(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    before = cloud.region()
    found = look(connected)
    assert cloud.region() == before
    assert set(found) == set(actions())
    assert set(found.values()) == {"allowed", "unknown"}
    feedback.set_up_feedback(account=connected, actor=None)
    before = cloud.region()
    after = look(connected)
    assert cloud.region() == before
    assert probed(after) > probed(found)
    assert not LEARNED & probed(after)
    assert not list(cloud.sim.ledger(TENANT))


@pytest.mark.parametrize(
    "action",
    [
        "ses:GetAccount",
        "ses:ListEmailIdentities",
        "ses:GetEmailIdentity",
        "ses:CreateEmailIdentity",
        "ses:SendEmail",
        "ses:ListSuppressedDestinations",
        "ses:PutSuppressedDestination",
        "ses:DeleteSuppressedDestination",
        "ses:CreateConfigurationSet",
        "ses:UpdateConfigurationSetEventDestination",
        "sns:CreateTopic",
        "sns:SetTopicAttributes",
        "sns:ConfirmSubscription",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
        "sqs:GetQueueAttributes",
        "sqs:DeleteMessage",
    ],
)
def test_exactly_the_missing_one_is_named(
    cloud: Cloud, connected: SesAccount, alice: Person, action: str
) -> None:
    feedback.set_up_feedback(account=connected, actor=None)
    deny(cloud, connected, action)
    found = look(connected)
    assert [name for name, state in found.items() if state == "missing"] == [action]
    page = alice.client.get(f"/w/acme/sending/{connected.public_id}/").content.decode()
    assert "Statements to add" in page
    shown = re.search(r"<code[^>]*>(\{.*?\})</code>", page, re.DOTALL)
    assert shown
    document = json.loads(shown[1].replace("&quot;", '"').replace("&#x27;", "'"))
    assert [one["Action"] for one in document["Statement"]] == [[action]]


def test_the_button_asks_a_worker(
    connected: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks.look_at_permissions, "delay", lambda *given: asked.append(given))
    url = f"/w/acme/sending/{connected.public_id}/permissions/"
    page = alice.client.post(url, follow=True).content.decode()
    assert "Asking AWS" in page
    assert alice.client.get(f"{url}state/").status_code == 200
    tasks.look_at_permissions(*asked[0])
    state = alice.client.get(f"{url}state/")
    assert (state.status_code, "ses:SendEmail" in state.content.decode()) == (286, True)


def test_who_connects_is_told_at_once_what_is_missing(
    cloud: Cloud, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks.look_at_permissions, "delay", lambda *given: asked.append(given))
    account = accounts.start_connection(
        tenant=alice.tenant, actor=alice.user, name="Main", region=REGION, auth=SesAuth.KEY
    )
    base = f"/w/acme/sending/{account.public_id}/"
    key = cloud.key(denied=["ses:PutSuppressedDestination"])
    wrong = {"access_key_id": key.access_key, "secret_access_key": "x" * 40}
    assert alice.client.post(f"{base}access/", wrong).status_code == 422
    assert not asked
    right = wrong | {"secret_access_key": key.secret_key}
    page = alice.client.post(f"{base}access/", right, follow=True).content.decode()
    assert "Asking AWS" in page
    (given,) = asked
    assert given == (account.pk, f"bluefox-{account.public_id.hex[:8]}")
    tasks.look_at_permissions(*given)
    state = alice.client.get(f"{base}permissions/state/").content.decode()
    assert "Permissions are missing" in state and "ses:PutSuppressedDestination" in state


def test_whoever_connects_is_connected_while_valkey_is_down(
    cloud: Cloud, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks.look_at_permissions, "delay", down)
    account = accounts.start_connection(
        tenant=alice.tenant, actor=alice.user, name="Main", region=REGION, auth=SesAuth.KEY
    )
    given = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret}
    url = f"/w/acme/sending/{account.public_id}/access/"
    assert alice.client.post(url, given).status_code == 302
    account.refresh_from_db()
    assert account.state == "connected"


def resolved(value: Any, names: dict[str, str]) -> Any:
    """What CloudFormation makes of a template with these values."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: names[found[1]], value["Fn::Sub"])
        if set(value) == {"Ref"}:
            return names[value["Ref"]]
        return {key: resolved(one, names) for key, one in value.items()}
    return [resolved(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("region", "part"), [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_stack_gives_what_the_pages_tell_to_copy(region: str, part: str) -> None:
    names = {
        "AWS::Partition": part,
        "AWS::Region": region,
        "PlatformAccountId": PLATFORM,
        "ExternalId": "x" * 43,
        "ConfigurationSet": "bluefox-1",
    }
    document = template()
    assert set(document["Parameters"]) == {"PlatformAccountId", "ExternalId", "ConfigurationSet"}
    role = document["Resources"]["Role"]["Properties"]
    assert resolved(role["AssumeRolePolicyDocument"], names) == trust_policy(
        region, PLATFORM, "x" * 43
    )
    [policy] = role["Policies"]
    assert resolved(policy["PolicyDocument"], names) == permission_policy(region, "bluefox-1")


def test_the_command_prints_the_template_without_anybodys_values() -> None:
    out = StringIO()
    call_command("aws_template", stdout=out)
    assert json.loads(out.getvalue()) == template()
    assert "Default" not in out.getvalue()


def test_the_template_is_downloaded_filled_in_or_linked(
    cloud: Cloud, alice: Person, settings: Any
) -> None:
    account = accounts.start_connection(
        tenant=alice.tenant, actor=alice.user, name="Main", region=REGION, auth=SesAuth.ROLE
    )
    base = f"/w/acme/sending/{account.public_id}"
    assert "Download the template" in alice.client.get(f"{base}/access/").content.decode()
    answer = alice.client.get(f"{base}/stack/")
    assert "attachment" in answer["Content-Disposition"]
    parameters = json.loads(answer.content)["Parameters"]
    assert parameters["ExternalId"]["Default"] == account.external_id
    assert parameters["PlatformAccountId"]["Default"] == PLATFORM
    settings.AWS_TEMPLATE_URL = "https://s3.eu-west-1.amazonaws.com/operator/role.json"
    page = alice.client.get(f"{base}/access/").content.decode()
    assert "Create the role in AWS" in page
    assert f"param_ExternalId={account.external_id}" in page


def test_the_link_is_of_the_regions_console() -> None:
    url = quick_create_url("us-gov-west-1", "https://s3.example/r.json", {"ExternalId": "a b"})
    assert url == (
        "https://console.amazonaws-us-gov.com/cloudformation/home?region=us-gov-west-1"
        "#/stacks/create/review?templateURL=https%3A%2F%2Fs3.example%2Fr.json&stackName=bluefox"
        "&param_ExternalId=a%20b"
    )
