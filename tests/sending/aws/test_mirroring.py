"""The suppression list of SES and ours: read in steps, put there, taken off, nothing undone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact, Source, Suppression, SuppressionReason
from lists.services.erasure import erase_contact
from lists.services.suppression import Suppress, suppress, unsuppress
from sending import mirroring
from sending.models import SesAccount, SesAuth, SuppressionChange, SuppressionMirror
from sending.services import accounts
from sending.ses import suppression_calls
from sending.ses.policies import permission_policy
from sending.ses.suppression_calls import SuppressionCalls
from tests.cloud import REGION, TENANT, Cloud
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")
BOUNCE, COMPLAINT = SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT


def connect(cloud: Cloud, person: Person, **changed: Any) -> SesAccount:
    account = accounts.start_connection(
        tenant=person.tenant, actor=person.user, name="Main", region=REGION, auth=SesAuth.KEY
    )
    keys = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret} | changed
    return accounts.connect_key(account=account, actor=person.user, **keys)


@pytest.fixture
def ses(cloud: Cloud) -> SuppressionCalls:
    """The list as its owner changes it in the console."""
    cloud.sim.set_region(TENANT, REGION, sandbox=False, suppressed_reasons=["BOUNCE", "COMPLAINT"])
    return SuppressionCalls(REGION, cloud.key())


@pytest.fixture
def account(cloud: Cloud, ses: SuppressionCalls, alice: Person) -> SesAccount:
    return connect(cloud, alice)


def settle(*, again: bool = False) -> int:
    """Does what is due now, without the pause between calls; how many calls. `again` reads anew."""
    now = timezone.now()
    if again:
        SuppressionMirror.unscoped.update(next_read_at=now)
    calls = 0
    while due := list(mirroring.due_accounts(timezone.now())):
        for one in due:
            mirroring.step(one.pk)
            calls += 1
        assert calls < 100
    return calls


def at_ses(cloud: Cloud) -> dict[str, str]:
    return {one["address"]: one["reason"] for one in cloud.region()["suppressed"].values()}


def here(person: Person) -> dict[str, str]:
    rows = Suppression.objects.for_tenant(person.tenant)
    return dict(rows.values_list("email_norm", "reason"))


def bounced(person: Person, address: str, reason: SuppressionReason = BOUNCE) -> None:
    suppress(tenant=person.tenant, addresses=[Suppress(address, reason, Source.IMPORT, "550")])


# --- theirs to ours -----------------------------------------------------------------------------


def test_a_list_is_read_in_steps_and_then_only_what_is_new(
    cloud: Cloud,
    ses: SuppressionCalls,
    account: SesAccount,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suppression_calls, "PAGE", 2)
    for number in range(5):
        ses.put_suppressed(f"P{number}@Example.com", "COMPLAINT" if number == 4 else "BOUNCE")
    mirroring.step(account.pk)
    mirror = SuppressionMirror.unscoped.get()
    assert mirror.read == 2 and mirror.token and len(here(alice)) == 2
    assert SesAccount.unscoped.get().suppression_synced_at is None
    assert settle() == 2
    assert here(alice) == {
        **{f"p{number}@example.com": "provider" for number in range(4)},
        "p4@example.com": "complaint",
    }
    row = Suppression.unscoped.get(email_norm="p0@example.com")
    assert row.source == Source.SES and "for a bounce since" in row.diagnostic
    assert SesAccount.unscoped.get().suppression_synced_at is not None
    assert at_ses(cloud).keys() == here(alice).keys() and settle() == 0
    SuppressionMirror.unscoped.update(since=timezone.now() + timedelta(days=1))
    ses.put_suppressed("new@example.com", "BOUNCE")
    assert settle(again=True) == 1  # nothing is that new
    assert "new@example.com" not in here(alice)


def test_a_place_in_the_list_that_is_too_old_begins_again(
    ses: SuppressionCalls, account: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression_calls, "PAGE", 1)
    for number in range(3):
        ses.put_suppressed(f"p{number}@example.com", "BOUNCE")
    mirroring.step(account.pk)
    SuppressionMirror.unscoped.update(token="of-yesterday")
    assert settle() == 4
    assert len(here(alice)) == 3
    assert SesAccount.unscoped.get().suppression_error == ""


def test_a_complaint_beats_what_is_here_and_nothing_weaker_replaces_it(
    cloud: Cloud, ses: SuppressionCalls, account: SesAccount, alice: Person
) -> None:
    bounced(alice, "a@example.com")
    bounced(alice, "b@example.com", COMPLAINT)
    ses.put_suppressed("a@example.com", "COMPLAINT")
    ses.put_suppressed("b@example.com", "BOUNCE")
    settle()
    assert here(alice) == {"a@example.com": "complaint", "b@example.com": "complaint"}
    assert at_ses(cloud) == {"a@example.com": "COMPLAINT", "b@example.com": "COMPLAINT"}


# --- ours to theirs -----------------------------------------------------------------------------


def test_bounces_and_complaints_are_put_there_and_nothing_else(
    cloud: Cloud, account: SesAccount, alice: Person
) -> None:
    for reason in SuppressionReason:
        bounced(alice, f"{reason.value}@example.com", reason)
    told = Suppress("told@example.com", BOUNCE, Source.SES)
    suppress(tenant=alice.tenant, addresses=[told])
    settle()
    assert at_ses(cloud) == {
        "hard_bounce@example.com": "BOUNCE",
        "complaint@example.com": "COMPLAINT",
    }
    assert not SuppressionChange.unscoped.exists()


def test_what_was_suppressed_before_the_account_came_is_put_there(
    cloud: Cloud, ses: SuppressionCalls, alice: Person
) -> None:
    bounced(alice, "old@example.com")
    connect(cloud, alice)
    settle()
    assert at_ses(cloud) == {"old@example.com": "BOUNCE"}


def test_in_the_sandbox_it_waits_and_the_list_is_read_all_the_same(
    cloud: Cloud, ses: SuppressionCalls, alice: Person
) -> None:
    ses.put_suppressed("theirs@example.com", "BOUNCE")
    cloud.sim.set_region(TENANT, REGION, sandbox=True)
    account = connect(cloud, alice)
    bounced(alice, "ours@example.com")
    settle()
    mirroring.step(account.pk)  # by a worker that came too late for what was due
    assert at_ses(cloud).keys() == {"theirs@example.com"}
    assert SuppressionChange.unscoped.count() == 1
    assert here(alice).keys() == {"theirs@example.com", "ours@example.com"}
    cloud.sim.set_region(TENANT, REGION, sandbox=False)
    accounts.test_connection(account=account, actor=alice.user)
    settle()
    assert at_ses(cloud).keys() == {"theirs@example.com", "ours@example.com"}


# --- taking off ---------------------------------------------------------------------------------


def test_a_removal_here_is_one_there_and_only_a_newer_entry_brings_it_back(
    cloud: Cloud, ses: SuppressionCalls, account: SesAccount, alice: Person
) -> None:
    ses.put_suppressed("gone@example.com", "BOUNCE")
    settle()
    assert unsuppress(tenant=alice.tenant, email_norm="gone@example.com", actor=alice.user)
    SuppressionMirror.unscoped.update(next_read_at=timezone.now())
    old = mirroring.take_over(
        tenant=alice.tenant,
        entries=[mirroring.Entry("gone@example.com", False, timezone.now() - timedelta(days=1))],
    )
    assert old == 0 and here(alice) == {}
    assert settle() == 2
    assert at_ses(cloud) == {} and here(alice) == {}
    ses.put_suppressed("gone@example.com", "BOUNCE")
    settle(again=True)
    assert here(alice) == {"gone@example.com": "provider"}


def test_a_removal_waits_while_aws_refuses_and_says_why(
    cloud: Cloud, ses: SuppressionCalls, alice: Person
) -> None:
    key = cloud.sim.add_key(TENANT, denied=["ses:DeleteSuppressedDestination"])
    connect(cloud, alice, access_key_id=key["id"], secret_access_key=key["secret"])
    ses.put_suppressed("gone@example.com", "BOUNCE")
    settle()
    unsuppress(tenant=alice.tenant, email_norm="gone@example.com", actor=alice.user)
    settle()
    waiting = SuppressionChange.unscoped.get()
    assert "ses:DeleteSuppressedDestination" in waiting.error
    assert waiting.retry_at is not None and waiting.retry_at > timezone.now()
    bounced(alice, "next@example.com")
    settle(again=True)  # the rest goes on, and the old entry does not come back
    assert here(alice) == {"next@example.com": "hard_bounce"}
    assert at_ses(cloud).keys() == {"gone@example.com", "next@example.com"}


def test_what_is_asked_while_a_call_is_under_way_is_not_lost(
    cloud: Cloud, account: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle()
    bounced(alice, "a@example.com")
    real = SuppressionCalls.put_suppressed

    def slow(self: SuppressionCalls, address: str, reason: str) -> None:
        real(self, address, reason)
        unsuppress(tenant=alice.tenant, email_norm=address, actor=alice.user)

    monkeypatch.setattr(SuppressionCalls, "put_suppressed", slow)
    settle()
    assert at_ses(cloud) == {}


# --- trouble ------------------------------------------------------------------------------------


def test_awss_words_are_kept_until_it_works_again(
    cloud: Cloud, ses: SuppressionCalls, alice: Person
) -> None:
    key = cloud.sim.add_key(TENANT, denied=["ses:ListSuppressedDestinations"])
    account = connect(cloud, alice, access_key_id=key["id"], secret_access_key=key["secret"])
    settle()
    account.refresh_from_db()
    assert "ses:ListSuppressedDestinations" in account.suppression_error
    assert account.suppression_synced_at is None
    accounts.connect_key(
        account=account,
        actor=alice.user,
        access_key_id=cloud.key_id,
        secret_access_key=cloud.secret,
    )
    settle(again=True)
    account.refresh_from_db()
    assert account.suppression_error == "" and account.suppression_synced_at is not None


def test_a_throttled_call_is_repeated_later(
    cloud: Cloud, account: SesAccount, alice: Person, ses: SuppressionCalls
) -> None:
    ses.put_suppressed("a@example.com", "BOUNCE")
    cloud.sim.add_fault(TENANT, "error", status=500, count=1, all_operations=True)
    assert settle() == 1
    assert here(alice) == {}
    SuppressionMirror.unscoped.update(retry_at=timezone.now())
    settle()
    assert here(alice) == {"a@example.com": "provider"}


def test_one_worker_at_a_time_and_one_call_a_pause(account: SesAccount) -> None:
    assert mirroring._may_call(account)
    assert not mirroring._may_call(account)
    busy = SuppressionMirror.unscoped.create(
        tenant=account.tenant,
        ses_account=account,
        next_read_at=timezone.now(),
        busy_until=timezone.now() + timedelta(minutes=1),
    )
    mirroring.step(account.pk)
    assert SuppressionMirror.unscoped.get().busy_until == busy.busy_until
    assert SesAccount.unscoped.get().suppression_synced_at is None
    assert not mirroring.due_accounts(timezone.now()).exists()


# --- who is concerned ---------------------------------------------------------------------------


def test_workspaces_on_one_aws_account_put_nothing_but_may_take_off(
    cloud: Cloud, ses: SuppressionCalls, account: SesAccount, alice: Person, mallory: Person
) -> None:
    connect(cloud, mallory)
    bounced(alice, "ours@example.com")
    ses.put_suppressed("theirs@example.com", "BOUNCE")
    settle()
    assert at_ses(cloud).keys() == {"theirs@example.com"}
    assert here(mallory) == {"theirs@example.com": "provider"}
    unsuppress(tenant=alice.tenant, email_norm="theirs@example.com", actor=alice.user)
    settle(again=True)
    assert at_ses(cloud) == {}
    assert "theirs@example.com" in here(mallory)  # suppressed there until they remove it, too


def test_an_erased_person_is_not_put_there_and_does_not_come_back(
    cloud: Cloud,
    account: SesAccount,
    alice: Person,
    ses: SuppressionCalls,
    add_contact: Callable[..., Contact],
) -> None:
    settle()
    contact = add_contact("ada@example.com")
    bounced(alice, "ada@example.com")
    erase_contact(contact=contact, actor=alice.user)
    ses.put_suppressed("ada@example.com", "BOUNCE")
    settle(again=True)
    assert "ada@example.com" not in here(alice)
    assert not SuppressionChange.unscoped.exists()


def test_another_aws_account_begins_anew(cloud: Cloud, account: SesAccount, alice: Person) -> None:
    settle()
    bounced(alice, "a@example.com")
    other = cloud.sim.create_account("222233334444")
    (key,) = other["keys"].values()
    accounts.connect_key(
        account=account, actor=alice.user, access_key_id=key["id"], secret_access_key=key["secret"]
    )
    account.refresh_from_db()
    assert account.suppression_synced_at is None
    assert not SuppressionMirror.unscoped.exists() and not SuppressionChange.unscoped.exists()


def test_the_policy_allows_what_is_called() -> None:
    actions = [one["Action"] for one in permission_policy(REGION, "x")["Statement"]]
    allowed = {action for group in actions for action in group}
    names = ("List", "Put", "Delete")
    wanted = {f"ses:{name}SuppressedDestination{'s' if name == 'List' else ''}" for name in names}
    assert wanted <= allowed


# --- the page -----------------------------------------------------------------------------------

PAGE = "/w/acme/sending/suppressions/"


def test_the_page_shows_reading_what_waits_and_awss_words(
    cloud: Cloud, ses: SuppressionCalls, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No SES account is connected" in alice.client.get(PAGE).content.decode()
    key = cloud.sim.add_key(TENANT, denied=["ses:DeleteSuppressedDestination"])
    account = connect(cloud, alice, access_key_id=key["id"], secret_access_key=key["secret"])
    monkeypatch.setattr(suppression_calls, "PAGE", 1)
    for number in range(3):
        ses.put_suppressed(f"p{number}@example.com", "BOUNCE")
    assert "Waits for its turn" in alice.client.get(PAGE).content.decode()
    mirroring.step(account.pk)
    assert "1 addresses so far" in alice.client.get(PAGE).content.decode()
    assert alice.client.get(f"{PAGE}state/").status_code == 200
    settle()
    assert alice.client.get(f"{PAGE}state/").status_code == 286
    alice.client.post("/w/acme/suppressions/remove/", {"address": "p0@example.com"})
    settle()
    page = alice.client.get(PAGE).content.decode()
    assert "To be taken off" in page and "ses:DeleteSuppressedDestination" in page
    alice.client.post(f"{PAGE}again/")
    assert SuppressionChange.unscoped.get().retry_at is None
    assert SuppressionMirror.unscoped.get().next_read_at <= timezone.now()


def test_the_page_says_that_another_workspace_shares_the_list(
    cloud: Cloud, account: SesAccount, alice: Person, mallory: Person
) -> None:
    assert "Another workspace" not in alice.client.get(PAGE).content.decode()
    connect(cloud, mallory)
    page = alice.client.get(PAGE).content.decode()
    assert "Another workspace uses this AWS account" in page and "Evil" not in page
