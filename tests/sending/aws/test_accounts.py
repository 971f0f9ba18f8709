"""Connecting, testing, setting up feedback and letting go: nothing half done, nothing leaked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from sending import connection as connecting
from sending import credentials
from sending.connection import read_quota, watch_quota
from sending.credentials import platform_account_id, sending_credentials
from sending.errors import AwsRefused
from sending.models import Batch, Lane, SenderIdentity, SesAccount, SesAuth, SesState
from sending.selectors.accounts import (
    default_account,
    due_for_quota,
    feedback_ready,
    feedback_steps,
)
from sending.selectors.domains import wanted_records
from sending.services import accounts, feedback, identities
from sending.ses.api import SesApi
from sending.ses.client import Credentials
from sending.ses.errors import SesError
from tenants.models import AuditEvent, Tenant
from tests.cloud import PLATFORM, REGION, ROLE, TENANT, Cloud, forget
from tests.conftest import Person

SECRET = "a-secret-that-must-never-be-seen"


@pytest.fixture
def started(acme: Tenant, alice: Person) -> SesAccount:
    """An account whose steps are shown, not connected yet; by role."""
    return start(acme, alice, SesAuth.ROLE)


def start(tenant: Tenant, person: Person, auth: SesAuth) -> SesAccount:
    return accounts.start_connection(
        tenant=tenant, actor=person.user, name="Main", region=REGION, auth=auth
    )


def stored(account: SesAccount) -> dict[str, Any]:
    return dict(SesAccount.unscoped.filter(pk=account.pk).values().get())


def connect_role(account: SesAccount, person: Person, arn: str = ROLE) -> SesAccount:
    return accounts.connect_role(account=account, actor=person.user, role_arn=arn)


def connect_key(account: SesAccount, person: Person, key_id: str, secret: str) -> SesAccount:
    return accounts.connect_key(
        account=account, actor=person.user, access_key_id=key_id, secret_access_key=secret
    )


@pytest.fixture
def connected(cloud: Cloud, started: SesAccount, alice: Person) -> SesAccount:
    return connect_key(started, alice, cloud.key_id, cloud.secret)


# --- connecting ---------------------------------------------------------------------------------


def test_a_role_that_trusts_only_us_connects(
    cloud: Cloud, started: SesAccount, alice: Person
) -> None:
    cloud.sim.add_role(
        TENANT, "bluefox", external_id=started.external_id, trusted_accounts=[PLATFORM]
    )
    cloud.sim.set_region(TENANT, REGION, sandbox=False, max_send_rate=14, max_24_hour_send=50_000)
    connect_role(started, alice)
    account = SesAccount.unscoped.get()
    assert (account.state, account.aws_account_id) == (SesState.CONNECTED, TENANT)
    assert (account.max_send_rate, account.max_24_hour_send) == (14, 50_000)
    assert account.production_access and account.sending_enabled
    assert account.enforcement_status == "HEALTHY"
    assert account.quota_read_at is not None
    assert default_account(account.tenant) == account
    actions = list(AuditEvent.unscoped.order_by("id").values_list("action", flat=True))
    assert actions == ["ses_account.created", "ses_account.connected"]


def test_a_role_that_anyone_could_assume_is_refused(
    cloud: Cloud, started: SesAccount, alice: Person
) -> None:
    cloud.sim.add_role(TENANT, "bluefox", external_id=None)
    before = stored(started)
    with pytest.raises(AwsRefused, match="external id") as caught:
        connect_role(started, alice)
    assert "sts:ExternalId" in caught.value.message
    assert caught.value.param == "role_arn"
    assert stored(started) == before


def test_a_role_with_a_condition_that_holds_when_no_id_is_given_is_refused(
    cloud: Cloud, started: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """StringEqualsIfExists: the wrong id is refused, none at all is let in."""
    cloud.sim.add_role(TENANT, "bluefox", external_id=started.external_id)
    real = connecting.assume_role

    def lenient(arn: str, external_id: str | None, *, region: str) -> Credentials:
        return real(arn, external_id or started.external_id, region=region)

    monkeypatch.setattr(connecting, "assume_role", lenient)
    with pytest.raises(AwsRefused, match="external id"):
        connect_role(started, alice)


def test_a_role_that_does_not_trust_us_shows_awss_words(
    cloud: Cloud, started: SesAccount, alice: Person
) -> None:
    cloud.sim.add_role(TENANT, "bluefox", external_id="of-somebody-else")
    before = stored(started)
    with pytest.raises(AwsRefused, match="trust policy") as caught:
        connect_role(started, alice)
    assert caught.value.aws.startswith("AccessDenied: User: arn:aws:iam::")
    assert stored(started) == before


def test_a_key_connects_and_is_stored_encrypted(cloud: Cloud, acme: Tenant, alice: Person) -> None:
    account = connect_key(start(acme, alice, SesAuth.KEY), alice, cloud.key_id, cloud.secret)
    assert account.state == SesState.CONNECTED
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM sending_sesaccount")
        (raw,) = cursor.fetchone()
    assert cloud.secret not in raw and cloud.key_id not in raw
    assert sending_credentials(SesAccount.unscoped.get()).secret_key == cloud.secret
    told = json.dumps(list(AuditEvent.unscoped.values("detail", "target")))
    assert cloud.secret not in told and cloud.key_id not in told


def test_a_missing_permission_is_named_and_nothing_is_stored(
    cloud: Cloud, started: SesAccount, alice: Person
) -> None:
    key = cloud.key(denied=["ses:GetAccount"])
    before = stored(started)
    with pytest.raises(AwsRefused, match="ses:GetAccount is missing") as caught:
        connect_key(started, alice, key.access_key, key.secret_key)
    assert "AccessDeniedException: " in caught.value.aws
    assert stored(started) == before
    assert not AuditEvent.unscoped.filter(action="ses_account.connected").exists()


def test_wrong_keys_are_refused_without_showing_them(
    cloud: Cloud, started: SesAccount, alice: Person
) -> None:
    before = stored(started)
    with pytest.raises(AwsRefused, match="does not belong") as caught:
        connect_key(started, alice, cloud.key_id, SECRET)
    assert SECRET not in caught.value.message + caught.value.aws
    with pytest.raises(AwsRefused, match="does not know this access key"):
        connect_key(started, alice, "AKIA" + "A" * 16, SECRET)
    assert stored(started) == before


def test_the_root_users_key_is_refused(
    cloud: Cloud, started: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = connecting.Caller(TENANT, f"arn:aws:iam::{TENANT}:root")
    monkeypatch.setattr(connecting, "who_am_i", lambda region, given: root)
    with pytest.raises(AwsRefused, match="root user"):
        connect_key(started, alice, cloud.key_id, cloud.secret)


def test_another_account_than_the_arn_names_is_refused(
    cloud: Cloud, started: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sim.add_role(TENANT, "bluefox", external_id=started.external_id)
    other = connecting.Caller("444455556666", "arn:aws:sts::444455556666:assumed-role/x/y")
    monkeypatch.setattr(connecting, "who_am_i", lambda region, given: other)
    with pytest.raises(AwsRefused, match="444455556666"):
        connect_role(started, alice)


def test_another_aws_account_forgets_what_was_made_in_the_first(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    feedback.set_up_feedback(account=connected, actor=alice.user)
    identities.refresh_identities(account=connected)
    other = next(iter(cloud.sim.create_account("444455556666")["keys"].values()))
    connect_key(connected, alice, other["id"], other["secret"])
    account = SesAccount.unscoped.get()
    assert account.aws_account_id == "444455556666"
    assert (account.topic_arn, account.configuration_set) == ("", "")
    assert account.webhook_token_hash is None
    assert not SenderIdentity.unscoped.exists()


# --- afterwards ---------------------------------------------------------------------------------


def test_testing_again_stores_what_changed(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    cloud.sim.set_region(TENANT, REGION, sandbox=False, max_send_rate=99, enforcement="PROBATION")
    accounts.test_connection(account=connected, actor=alice.user)
    account = SesAccount.unscoped.get()
    assert (account.max_send_rate, account.enforcement_status) == (99, "PROBATION")
    assert account.production_access


def test_a_connection_that_breaks_keeps_awss_words_and_heals(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    key = cloud.key(denied=["ses:GetAccount"])
    secret = connected.credentials
    connected.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    connected.save()
    with pytest.raises(AwsRefused):
        accounts.test_connection(account=connected, actor=alice.user)
    broken = SesAccount.unscoped.get()
    assert broken.state == SesState.FAILED
    assert "ses:GetAccount" in broken.last_error
    assert default_account(broken.tenant) is None
    broken.credentials = secret
    broken.save()
    accounts.test_connection(account=broken, actor=alice.user)
    assert (broken.state, broken.last_error) == (SesState.CONNECTED, "")


def test_a_parking_that_waited_for_a_person_ends(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    SesAccount.unscoped.update(parked_reason="AWS refuses us")
    account = SesAccount.unscoped.get()
    cloud.sim.set_region(TENANT, REGION, sending_enabled=False)
    accounts.test_connection(account=account, actor=alice.user)
    assert account.parked_reason == "AWS refuses us"
    assert not account.sending_enabled
    cloud.sim.set_region(TENANT, REGION, sending_enabled=True)
    read_quota(account)
    account.refresh_from_db()
    assert (account.parked_reason, account.sending_enabled) == ("", True)


def test_the_quota_is_read_and_a_silent_aws_changes_nothing(
    cloud: Cloud, connected: SesAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sim.set_region(TENANT, REGION, max_send_rate=20, sent_last_24_hours=7)
    read_quota(connected)
    account = SesAccount.unscoped.get()
    assert (account.max_send_rate, account.sent_last_24_hours) == (20, 7)
    before = stored(account)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    forget()
    with pytest.raises(SesError):
        read_quota(account)
    assert stored(account) == before


def test_the_clock_reads_where_mail_leaves_each_minute(connected: SesAccount, evil: Tenant) -> None:
    now = datetime.now(UTC)
    assert due_for_quota(now) == []
    SesAccount.unscoped.update(quota_read_at=now - timedelta(minutes=1))
    assert due_for_quota(now) == []
    Batch.unscoped.create(
        tenant=connected.tenant, lane=Lane.CAMPAIGN, ses_account=connected, state="running"
    )
    assert due_for_quota(now) == [connected.pk]
    Batch.unscoped.update(state="done")
    assert due_for_quota(now) == []
    SesAccount.unscoped.update(quota_read_at=now - timedelta(minutes=15))
    assert due_for_quota(now) == [connected.pk]
    SesAccount.unscoped.update(state=SesState.FAILED)
    assert due_for_quota(now) == []


def test_the_clock_notices_that_aws_refuses_us(cloud: Cloud, connected: SesAccount) -> None:
    cloud.sim.set_region(TENANT, REGION, max_send_rate=33)
    watch_quota(connected.pk)
    connected.refresh_from_db()
    assert (connected.state, connected.max_send_rate) == (SesState.CONNECTED, 33)
    connected.credentials = {"access_key_id": "AKIA" + "A" * 16, "secret_access_key": "x"}
    connected.save()
    watch_quota(connected.pk)
    connected.refresh_from_db()
    assert connected.state == SesState.FAILED
    assert connected.last_error.startswith("UnrecognizedClientException")


def test_a_role_session_is_kept_until_shortly_before_it_ends(
    cloud: Cloud, started: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sim.add_role(TENANT, "bluefox", external_id=started.external_id)
    connect_role(started, alice)
    first = sending_credentials(started)
    assert sending_credentials(started) == first
    soon = first.expires_at
    assert soon is not None
    key = (started.role_arn, started.external_id, started.region)
    ends = datetime.now(UTC) + timedelta(minutes=4)
    credentials._sessions[key] = Credentials("a", "b", "c", ends)
    assert sending_credentials(started).access_key not in ("a", first.access_key)
    second = sending_credentials(started)
    credentials.forget_session(started)
    assert sending_credentials(started) != second


def test_the_platforms_account_is_asked_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert platform_account_id() == PLATFORM
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    assert platform_account_id() == PLATFORM


def test_a_platform_without_credentials_has_no_account(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    assert platform_account_id() == ""


# --- identities ---------------------------------------------------------------------------------


def test_identities_are_those_of_ses(cloud: Cloud, connected: SesAccount) -> None:
    SenderIdentity.unscoped.create(
        tenant=connected.tenant, ses_account=connected, name="gone.example"
    )
    cloud.sim.set_identity(TENANT, REGION, "shop.example", "PENDING")
    assert identities.refresh_identities(account=connected) == 2
    rows = {row.name: row for row in SenderIdentity.unscoped.all()}
    assert set(rows) == {"acme.example", "shop.example"}
    assert rows["acme.example"].verified and not rows["shop.example"].verified
    *records, dmarc = wanted_records(rows["shop.example"])
    assert len(records) == 3
    assert all(one.name.endswith("._domainkey.shop.example") for one in records)
    assert dmarc.name == "_dmarc.shop.example"
    zone = rows["shop.example"].signing_hosted_zone
    assert zone and all(one.value.endswith(f".{zone}") for one in records)


def test_a_domain_is_created_or_adopted(cloud: Cloud, connected: SesAccount, alice: Person) -> None:
    for _ in range(2):
        made = identities.create_identity(account=connected, actor=alice.user, name="Shop.Example")
    assert (made.name, made.verified, len(made.dkim_tokens)) == ("shop.example", False, 3)
    cloud.sim.set_identity(TENANT, REGION, "shop.example", "SUCCESS")
    assert identities.check_identity(identity=made).verified
    address = identities.create_identity(
        account=connected, actor=alice.user, name="news@shop.example"
    )
    assert wanted_records(address) == []


def test_a_domain_that_ses_refuses_leaves_no_row(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    key = cloud.key(denied=["ses:CreateEmailIdentity"])
    connected.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    with pytest.raises(AwsRefused, match="ses:CreateEmailIdentity is missing"):
        identities.create_identity(account=connected, actor=alice.user, name="shop.example")
    assert not SenderIdentity.unscoped.filter(name="shop.example").exists()


# --- the way back -------------------------------------------------------------------------------


def test_one_click_sets_up_the_way_back(cloud: Cloud, connected: SesAccount, alice: Person) -> None:
    feedback.set_up_feedback(account=connected, actor=alice.user)
    account = SesAccount.unscoped.get()
    name = f"bluefox-{account.public_id.hex[:8]}"
    assert account.configuration_set == name
    assert account.topic_arn == f"arn:aws:sns:{REGION}:{TENANT}:{name}-events"
    assert account.topic_signature_version == "2"
    assert account.events_published
    assert account.subscription_arn == ""
    assert account.subscription_requested_at is not None
    url = feedback.webhook_url(account)
    token = account.webhook_token["token"]
    assert url == f"{settings.AWS_WEBHOOK_ORIGIN}/webhooks/sns/{token}/"
    assert len(token) >= 43
    assert bytes(account.webhook_token_hash or b"") == feedback.token_hash(token)
    states = [step.state for step in feedback_steps(account)]
    assert states == ["done", "done", "done", "waiting", "done"]
    assert not feedback_ready(account)
    (subscription,) = cloud.region()["subscriptions"].values()
    assert subscription["endpoint"] == url
    feedback.confirm_subscription(account=account, token=subscription["token"])
    assert account.subscription_arn == subscription["arn"]
    assert account.subscription_requested_at is None
    assert feedback_ready(account)
    (subscription,) = cloud.region()["subscriptions"].values()
    assert subscription["confirmed"] and subscription["authenticated"]


def test_set_up_twice_adopts_everything(cloud: Cloud, connected: SesAccount, alice: Person) -> None:
    feedback.set_up_feedback(account=connected, actor=alice.user)
    (subscription,) = cloud.region()["subscriptions"].values()
    feedback.confirm_subscription(account=connected, token=subscription["token"])
    before = stored(connected)
    feedback.set_up_feedback(account=connected, actor=alice.user)
    assert stored(connected) == before
    region = cloud.region()
    for kind in ("configuration_sets", "topics", "queues", "subscriptions"):
        assert len(region[kind]) == 1


# The action that is missing: where the set-up stops, and after how many steps of the page.
STOPS = {
    "ses:CreateConfigurationSet": ("configuration_set", 0),
    "sns:CreateTopic": ("topic", 1),
    "sns:SetTopicAttributes": ("topic_rules", 1),
    "sqs:CreateQueue": ("dead_letters", 2),
    "sqs:SetQueueAttributes": ("dead_letters", 2),
    "sns:Subscribe": ("subscription", 3),
    "ses:CreateConfigurationSetEventDestination": ("event_destination", 4),
}


@pytest.mark.parametrize("action", STOPS)
def test_a_set_up_that_stops_says_where_and_goes_on(
    cloud: Cloud, connected: SesAccount, alice: Person, action: str
) -> None:
    step, shown = STOPS[action]
    whole = connected.credentials
    key = cloud.key(denied=[action])
    connected.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    connected.save()
    with pytest.raises(AwsRefused, match=f"{action} is missing"):
        feedback.set_up_feedback(account=connected, actor=alice.user)
    account = SesAccount.unscoped.get()
    assert account.feedback_failed_step == step
    assert action.partition(":")[2].lower() in account.feedback_error.lower()
    steps = feedback_steps(account)
    assert [one.state for one in steps[:shown]] == [
        "waiting" if number == 4 else "done" for number in range(1, shown + 1)
    ]
    assert steps[shown].state == "failed"
    meaning = steps[shown].meaning
    assert meaning is not None and meaning.missing_action == action
    token = account.webhook_token
    account.credentials = whole
    account.save()
    feedback.set_up_feedback(account=account, actor=alice.user)
    account = SesAccount.unscoped.get()
    assert (account.feedback_failed_step, account.feedback_error) == ("", "")
    assert account.events_published
    assert account.webhook_token == token


def test_a_confirmation_that_aws_refuses_is_shown(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    feedback.set_up_feedback(account=connected, actor=alice.user)
    with pytest.raises(SesError):
        feedback.confirm_subscription(account=connected, token="not-the-token")
    account = SesAccount.unscoped.get()
    assert account.feedback_failed_step == "subscription"
    assert "InvalidParameter" in account.feedback_error


# --- letting go ---------------------------------------------------------------------------------


def test_disconnecting_ends_the_subscription_and_forgets_the_secret(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    Batch.unscoped.create(
        tenant=connected.tenant, lane=Lane.CAMPAIGN, ses_account=connected, state="done"
    )
    feedback.set_up_feedback(account=connected, actor=alice.user)
    (subscription,) = cloud.region()["subscriptions"].values()
    feedback.confirm_subscription(account=connected, token=subscription["token"])
    old = connected.external_id
    accounts.disconnect(account=connected, actor=alice.user)
    account = SesAccount.unscoped.get()
    assert account.state == SesState.NEW
    assert (account.credentials, account.role_arn, account.webhook_token) == ({}, "", {})
    assert account.external_id != old
    assert account.webhook_token_hash is None
    assert cloud.region()["subscriptions"] == {}
    assert AuditEvent.unscoped.filter(action="ses_account.disconnected").count() == 1


def test_an_account_that_never_sent_is_deleted(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    accounts.disconnect(account=connected, actor=alice.user)
    assert not SesAccount.unscoped.exists()


def test_an_account_with_mail_under_way_stays(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    Batch.unscoped.create(
        tenant=connected.tenant, lane=Lane.CAMPAIGN, ses_account=connected, state="paused"
    )
    before = stored(connected)
    with pytest.raises(accounts.AccountInUse, match="1 sending"):
        accounts.disconnect(account=connected, actor=alice.user)
    assert stored(connected) == before


def test_a_revoked_key_does_not_hold_the_account(
    cloud: Cloud, connected: SesAccount, alice: Person
) -> None:
    connected.subscription_arn = f"arn:aws:sns:{REGION}:{TENANT}:t:1"
    connected.credentials = {"access_key_id": "AKIA" + "A" * 16, "secret_access_key": "x"}
    connected.save()
    accounts.disconnect(account=connected, actor=alice.user)
    assert not SesAccount.unscoped.exists()


def test_nothing_is_called_inside_a_transaction(
    cloud: Cloud, connected: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS may take twenty seconds; rows must not stay locked for it."""
    outermost = len(connection.savepoint_ids)
    depths: list[int] = []
    for name in ("_ses", "_sns"):
        real = getattr(SesApi, name)

        def watched(self: SesApi, real: Any = real) -> Any:
            depths.append(len(connection.savepoint_ids))
            return real(self)

        monkeypatch.setattr(SesApi, name, watched)
    accounts.test_connection(account=connected, actor=alice.user)
    feedback.set_up_feedback(account=connected, actor=alice.user)
    identities.refresh_identities(account=connected)
    identities.create_identity(account=connected, actor=alice.user, name="a.example")
    accounts.disconnect(account=connected, actor=alice.user)
    assert set(depths) == {outermost}
