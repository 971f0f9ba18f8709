"""The pages that connect SES, as people use them."""

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from sending.models import Batch, Lane, SenderIdentity, SesAccount, SesState
from tenants.models import Membership, Role
from tests.cloud import PLATFORM, REGION, TENANT, Cloud, forget
from tests.conftest import Person


def page(name: str, account: SesAccount | None = None, workspace: str = "acme") -> str:
    return reverse(f"sending:{name}", args=[workspace, *([account.public_id] if account else [])])


def begin(person: Person, auth: str = "key") -> SesAccount:
    answer = person.client.post(
        page("connect"), {"region": REGION, "auth": auth, "name": "Newsletter"}
    )
    account = SesAccount.unscoped.get()
    assert answer.status_code == 302
    assert answer["Location"] == page("access", account)
    return account


def give_key(person: Person, account: SesAccount, cloud: Cloud, **changed: str) -> Any:
    given = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret} | changed
    return person.client.post(page("access", account), given)


@pytest.fixture
def connected(cloud: Cloud, alice: Person) -> SesAccount:
    account = begin(alice)
    assert give_key(alice, account, cloud)["Location"] == f"{page('account', account)}?looking=1"
    account.refresh_from_db()
    return account


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_empty_workspace_has_one_next_step(alice: Person) -> None:
    content = text(alice.client.get(page("index")))
    assert page("connect") in content
    assert "Connect Amazon SES" in content


def test_from_nothing_to_connected_by_key(cloud: Cloud, alice: Person) -> None:
    form = text(alice.client.get(page("connect")))
    assert "Europe (Ireland)" in form
    account = begin(alice)
    steps = text(alice.client.get(page("access", account)))
    assert "ses:SendEmail" in steps
    assert f"bluefox-{account.public_id.hex[:8]}" in steps
    answer = give_key(alice, account, cloud)
    assert answer["Location"] == f"{page('account', account)}?looking=1"
    content = text(alice.client.get(page("account", account)))
    assert "Sandbox" in content
    assert "acme.example" in content
    assert cloud.key_id[-4:] in content
    assert cloud.key_id not in content and cloud.secret not in content


def test_a_connection_that_was_only_begun_can_be_removed(alice: Person) -> None:
    account = begin(alice)
    assert page("disconnect", account) in text(alice.client.get(page("access", account)))
    alice.client.post(page("disconnect", account))
    assert not SesAccount.unscoped.exists()


def test_a_role_shows_its_trust_policy_and_connects(cloud: Cloud, alice: Person) -> None:
    account = begin(alice, auth="role")
    context = alice.client.get(page("access", account)).context
    (trust,) = json.loads(context["trust"])["Statement"]
    assert trust["Principal"]["AWS"] == f"arn:aws:iam::{PLATFORM}:root"
    assert trust["Condition"]["StringEquals"]["sts:ExternalId"] == account.external_id
    cloud.sim.add_role(
        TENANT, "bluefox", external_id=account.external_id, trusted_accounts=[PLATFORM]
    )
    arn = f"arn:aws:iam::{TENANT}:role/bluefox"
    answer = alice.client.post(page("access", account), {"role_arn": f" {arn} "})
    assert answer["Location"] == f"{page('account', account)}?looking=1"
    assert arn in text(alice.client.get(page("account", account)))


def test_a_server_without_aws_identity_offers_keys_only(
    cloud: Cloud, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    content = text(alice.client.get(page("connect")))
    assert "Roles are not offered here" in content
    answer = alice.client.post(page("connect"), {"region": REGION, "auth": "role", "name": "x"})
    assert answer.status_code == 422
    assert not SesAccount.unscoped.exists()


def test_a_role_that_anyone_could_assume_is_refused_in_words(cloud: Cloud, alice: Person) -> None:
    account = begin(alice, auth="role")
    cloud.sim.add_role(TENANT, "open", external_id=None)
    arn = f"arn:aws:iam::{TENANT}:role/open"
    answer = alice.client.post(page("access", account), {"role_arn": arn})
    assert answer.status_code == 422
    assert "any other customer" in text(answer)
    assert arn in text(answer)
    account.refresh_from_db()
    assert (account.state, account.role_arn) == (SesState.NEW, "")


def test_awss_refusal_is_shown_and_the_secret_is_not(cloud: Cloud, alice: Person) -> None:
    account = begin(alice)
    secret = "wrong-secret-that-must-not-be-shown"
    answer = give_key(alice, account, cloud, secret_access_key=secret)
    assert answer.status_code == 422
    content = text(answer)
    assert "does not belong to this access key id" in content
    assert "SignatureDoesNotMatch" in content or "InvalidSignature" in content
    assert cloud.key_id in content  # typed, and not lost
    assert secret not in content
    account.refresh_from_db()
    assert (account.state, account.credentials) == (SesState.NEW, {})


def test_a_missing_permission_is_named_on_the_page(cloud: Cloud, alice: Person) -> None:
    account = begin(alice)
    key = cloud.key(denied=["ses:GetAccount"])
    answer = give_key(
        alice,
        account,
        cloud,
        access_key_id=key.access_key,
        secret_access_key=key.secret_key,
    )
    assert "ses:GetAccount is missing" in text(answer)
    assert "because no identity-based policy allows" in text(answer)


def test_a_connection_stands_where_only_the_domains_cannot_be_read(
    cloud: Cloud, alice: Person
) -> None:
    account = begin(alice)
    key = cloud.key(denied=["ses:ListEmailIdentities"])
    give_key(alice, account, cloud, access_key_id=key.access_key, secret_access_key=key.secret_key)
    content = text(alice.client.get(page("account", account)))
    assert "ses:ListEmailIdentities is missing" in content
    account.refresh_from_db()
    assert account.state == SesState.CONNECTED


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("access_key_id", "", "required"),
        ("access_key_id", "not a key", "begins with AKIA"),
        ("access_key_id", "ASIAAAAAAAAAAAAAAAAA", "temporary"),
        ("secret_access_key", "", "required"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_before_aws_is_asked(
    alice: Person, ses_account: SesAccount, field: str, value: str, words: str
) -> None:
    given = {"access_key_id": "AKIA" + "A" * 16, "secret_access_key": "x"} | {field: value}
    answer = alice.client.post(page("access", ses_account), given)
    assert answer.status_code == 422
    assert words in text(answer)


@pytest.mark.parametrize(
    "arn", ["", "bluefox", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x"]
)
def test_what_is_no_role_is_refused(alice: Person, ses_account: SesAccount, arn: str) -> None:
    SesAccount.unscoped.update(auth="role")
    answer = alice.client.post(page("access", ses_account), {"role_arn": arn})
    assert answer.status_code == 422
    assert not SesAccount.unscoped.exclude(role_arn="").exists()


def test_test_again_shows_what_aws_says_now(
    cloud: Cloud, alice: Person, connected: SesAccount
) -> None:
    cloud.sim.set_region(TENANT, REGION, sandbox=False, max_send_rate=50, sending_enabled=False)
    answer = alice.client.post(page("test", connected), follow=True)
    assert "Production" in text(answer)
    assert "AWS has paused sending" in text(answer)
    key = cloud.key(denied=["ses:GetAccount"])
    connected.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    connected.save(update_fields=["credentials"])
    content = text(alice.client.post(page("test", connected), follow=True))
    assert "AWS refuses us" in content
    assert "ses:GetAccount is missing" in content
    assert "AccessDeniedException" in content


def test_feedback_is_set_up_by_one_click_and_watched(
    cloud: Cloud, alice: Person, connected: SesAccount
) -> None:
    content = text(alice.client.get(page("account", connected)))
    assert "Set up feedback" in content and "Not set up" in content
    answer = alice.client.post(page("set_up_feedback", connected), follow=True)
    assert page("feedback_state", connected) in text(answer)
    state = alice.client.get(page("feedback_state", connected))
    assert (state.status_code, "Waiting for AWS" in text(state)) == (200, True)
    SesAccount.unscoped.update(
        subscription_arn="arn:x", subscription_requested_at=None, last_event_at=timezone.now()
    )
    assert alice.client.get(page("feedback_state", connected)).status_code == 286
    assert "Events arrive" in text(alice.client.get(page("account", connected)))


def test_a_step_that_fails_shows_awss_words_and_the_permission(
    cloud: Cloud, alice: Person, connected: SesAccount
) -> None:
    key = cloud.key(denied=["sns:Subscribe"])
    connected.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    connected.save(update_fields=["credentials"])
    content = text(alice.client.post(page("set_up_feedback", connected), follow=True))
    assert "sns:Subscribe is missing" in content
    assert "AuthorizationError" in content
    assert alice.client.get(page("feedback_state", connected)).status_code == 286


def test_a_domain_is_added_and_its_records_are_one_click_away(
    cloud: Cloud, alice: Person, connected: SesAccount
) -> None:
    answer = alice.client.post(page("add_identity", connected), {"name": "Shop.example"})
    identity = SenderIdentity.unscoped.get(name="shop.example")
    records = reverse("domains:domain", args=["acme", identity.public_id])
    assert answer["Location"] == records
    assert records in text(alice.client.get(page("account", connected)))


def test_an_address_is_checked_again(cloud: Cloud, alice: Person, connected: SesAccount) -> None:
    answer = alice.client.post(page("add_identity", connected), {"name": "news@shop.example"})
    assert answer["Location"] == page("account", connected)
    identity = SenderIdentity.unscoped.get(name="news@shop.example")
    cloud.sim.set_identity(TENANT, REGION, identity.name, "SUCCESS")
    check = reverse(
        "sending:check_identity", args=["acme", connected.public_id, identity.public_id]
    )
    assert alice.client.post(check).status_code == 302
    identity.refresh_from_db()
    assert identity.verified


@pytest.mark.parametrize("name", ["", "localhost", "a b.example", "x@", "<script>.example"])
def test_what_is_no_domain_is_refused_and_kept_in_the_field(
    alice: Person, ses_account: SesAccount, name: str
) -> None:
    answer = alice.client.post(page("add_identity", ses_account), {"name": name})
    assert answer.status_code == 422
    assert "<script>." not in text(answer)
    assert SenderIdentity.unscoped.count() == 1


def test_disconnect_waits_for_mail_and_then_forgets(
    cloud: Cloud, alice: Person, connected: SesAccount
) -> None:
    batch = Batch.unscoped.create(
        tenant=alice.tenant, lane=Lane.CAMPAIGN, ses_account=connected, state="running"
    )
    answer = alice.client.post(page("disconnect", connected), follow=True)
    assert "have not ended" in text(answer)
    Batch.unscoped.filter(pk=batch.pk).update(state="done")
    assert alice.client.post(page("disconnect", connected))["Location"] == page("index")
    connected.refresh_from_db()
    assert (connected.state, connected.credentials) == (SesState.NEW, {})
    assert page("access", connected) in text(alice.client.get(page("index")))


def test_a_marketer_sees_and_may_not_change(
    alice: Person, bob: Person, ses_account: SesAccount
) -> None:
    content = text(bob.client.get(page("account", ses_account)))
    assert "Test again" not in content and "Disconnect" not in content
    for name in ("connect", "access", "test", "set_up_feedback", "add_identity", "disconnect"):
        account = None if name == "connect" else ses_account
        assert bob.client.post(page(name, account)).status_code == 403
    Membership.unscoped.filter(user=bob.user).update(role=Role.DEVELOPER)
    assert bob.client.get(page("connect")).status_code == 200


def test_another_tenant_finds_nothing(mallory: Person, ses_account: SesAccount) -> None:
    for name in ("account", "access", "feedback_state"):
        assert mallory.client.get(page(name, ses_account)).status_code == 404
        assert mallory.client.get(page(name, ses_account, "evil")).status_code == 404
    for name in ("access", "test", "set_up_feedback", "add_identity", "disconnect"):
        assert mallory.client.post(page(name, ses_account)).status_code == 404
        assert mallory.client.post(page(name, ses_account, "evil")).status_code == 404


def test_only_post_acts(alice: Person, ses_account: SesAccount) -> None:
    for name in ("test", "set_up_feedback", "add_identity", "disconnect"):
        assert alice.client.get(page(name, ses_account)).status_code == 405
