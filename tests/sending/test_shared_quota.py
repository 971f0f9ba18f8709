"""Quotas belong to an AWS account and region, whoever sends through them."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from lists.models import List
from sending import outbound, queue, quota, sweeping
from sending.models import (
    Batch,
    BatchState,
    Lane,
    Message,
    SenderIdentity,
    SentMinute,
    SesAccount,
    SesAuth,
    SesState,
    Status,
)
from sending.selectors.batches import progress
from sending.services.batches import send_one
from sending.skeleton import Skeleton
from tenants.models import Tenant
from tests.sending.clock import later_in_postgresql
from tests.sending.conftest import A_FEW, ACCOUNT, REGION, Ses, statuses, two_at_once
from tests.sending.factory import make_batch, make_contacts, make_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
Drain = Callable[..., None]
Connect = Callable[..., SesAccount]
OTHER = "us-east-1"


_PRODUCTION = {"sandbox": False, "max_24_hour_send": 1_000_000, "max_send_rate": 1_000}


@pytest.fixture
def connect(ses: Ses, ses_account: SesAccount) -> Connect:
    """Connects a tenant to the simulated AWS account of `ses`; quotas as given."""

    def make(tenant: Tenant, region: str = REGION, **fields: Any) -> SesAccount:
        domain = f"{tenant.slug}.example"
        ses.client.set_identity(ACCOUNT, region, domain)
        account = SesAccount.unscoped.create(
            **{
                "tenant": tenant,
                "name": region,
                "region": region,
                "auth": SesAuth.KEY,
                "credentials": ses_account.credentials,
                "state": SesState.CONNECTED,
                "aws_account_id": ACCOUNT,
                "max_send_rate": 100_000,
                "max_24_hour_send": 1_000_000,
                **fields,
            }
        )
        SenderIdentity.unscoped.create(
            tenant=tenant, ses_account=account, name=domain, verified=True
        )
        return account

    return make


def campaign(account: SesAccount, count: int) -> Batch:
    """A running batch to a list of its own, pushed."""
    wanted = List.unscoped.create(tenant=account.tenant, name=f"For {account.pk}")
    slug = account.tenant.slug
    batch = make_batch(account, [wanted], from_header=f"{slug} <news@{slug}.example>")
    messages = make_messages(batch, make_contacts(wanted, count, prefix=f"{account.pk}-"))
    queue.push(account.pace_key, batch.lane, batch.pk, [message.pk for message in messages])
    return batch


def accounts_of(ses: Ses) -> list[int]:
    """The SesAccount that each accepted mail was for, in SES's order."""
    return [
        int(entry["recipients"][0].partition("-")[0])
        for entry in ses.client.ledger(ACCOUNT)
        if "-" in entry["recipients"][0]
    ]


def test_two_tenants_share_the_rate_of_one_aws_account(
    ses: Ses, ses_account: SesAccount, evil: Tenant, connect: Connect, drain: Drain
) -> None:
    theirs = connect(evil)
    ses.quota(max_send_rate=50)
    SesAccount.unscoped.update(max_send_rate=50)
    for account in (ses_account, theirs):
        campaign(account, 60)
    quota.refresh(theirs.pace_key)
    two_at_once(drain)
    assert statuses() == {Status.SENT: 120}
    assert ses.throttled() <= A_FEW
    first_half = Counter(accounts_of(ses)[:60])
    assert min(first_half[ses_account.pk], first_half[theirs.pk]) >= 20


def test_two_tenants_share_the_day_and_its_reserve(
    ses: Ses, ses_account: SesAccount, evil: Tenant, connect: Connect, drain: Drain
) -> None:
    """50 a day, of which 45 for campaigns: whoever of the two sends them."""
    theirs = connect(evil)
    ses.quota(max_24_hour_send=50)
    SesAccount.unscoped.update(max_24_hour_send=50)
    batches = [campaign(account, 30) for account in (ses_account, theirs)]
    quota.refresh(theirs.pace_key)
    drain(seconds=3)
    assert statuses() == {Status.SENT: 45, Status.QUEUED: 15}
    sent = Counter(accounts_of(ses))
    assert min(sent[ses_account.pk], sent[theirs.pk]) >= 10
    for account in (ses_account, theirs):
        account.refresh_from_db()
        assert account.parked_lane == Lane.AUTOMATION
    for batch in batches:
        held = Batch.unscoped.get(pk=batch.pk)
        assert progress(held).holding.startswith("Daily quota reached, resumes ")

    for account in (ses_account, theirs):
        slug = account.tenant.slug
        awaited = make_batch(account, from_header=f"{slug} <news@{slug}.example>")
        send_one(batch=awaited, email=f"waits@{slug}.example")
    drain(seconds=3)
    assert ses.arrived()["waits@acme.example"] == ses.arrived()["waits@evil.example"] == 1
    assert ses.throttled() == 0

    later_in_postgresql(timedelta(hours=24, minutes=2).total_seconds())
    ses.quota(sent_last_24_hours=0)
    sweeping.sweep()
    drain(seconds=3)
    assert statuses() == {Status.SENT: 62}
    assert Counter(ses.arrived().values()) == {1: 62}
    assert ses.throttled() == 0


def test_what_is_wrong_with_one_tenants_access_stops_that_tenant_only(
    ses: Ses, ses_account: SesAccount, evil: Tenant, connect: Connect, drain: Drain
) -> None:
    gone = {"access_key_id": "AKIAGONE", "secret_access_key": "x"}
    theirs = connect(evil, credentials=gone)
    for account in (theirs, ses_account):
        campaign(account, 10)
    quota.refresh(theirs.pace_key)
    drain(seconds=3)
    assert Counter(accounts_of(ses)) == {ses_account.pk: 10}
    theirs.refresh_from_db()
    ses_account.refresh_from_db()
    assert "security token" in theirs.parked_reason
    assert ses_account.parked_reason == ""


def test_each_region_of_a_tenant_goes_at_its_own_pace(
    ses: Ses, ses_account: SesAccount, acme: Tenant, connect: Connect, drain: Drain
) -> None:
    ses.quota(max_send_rate=14)
    SesAccount.unscoped.update(max_send_rate=14)
    ses.client.set_region(ACCOUNT, OTHER, **_PRODUCTION | {"max_send_rate": 60})
    american = connect(acme, OTHER, max_send_rate=60)
    campaign(ses_account, 28)
    campaign(american, 120)
    for account in (ses_account, american):
        quota.refresh(account.pace_key)
    drain(seconds=20)
    assert statuses() == {Status.SENT: 148}
    assert ses.throttled() <= A_FEW
    entries = list(ses.client.ledger(ACCOUNT))
    assert Counter(entry["region"] for entry in entries) == {REGION: 28, OTHER: 120}
    # Both at once: neither waited until the other was through.
    first_half = Counter(entry["region"] for entry in entries[:74])
    assert min(first_half[REGION], first_half[OTHER]) >= 10


def test_what_is_taken_and_not_claimed_yet_is_not_given_out_again(
    ses_account: SesAccount, redis: object
) -> None:
    """A refresh between a worker's take and its claim must not find that part of the day free."""
    SesAccount.unscoped.update(max_24_hour_send=50, max_send_rate=100_000)
    campaign(ses_account, 60)
    quota.refresh(ses_account.pace_key)
    taken = 0
    for _ in range(8):
        taken += sum(lease.size for lease in queue.take(20).leases)
        quota.refresh(ses_account.pace_key)
    assert taken == 45
    assert Message.unscoped.filter(status=Status.QUEUED).count() == 60
    assert not SentMinute.objects.exists()


def test_an_access_key_that_cannot_be_decrypted_stops_its_own_connection_only(
    ses: Ses, connect: Connect, acme: Tenant, evil: Tenant, drain: Drain
) -> None:
    damaged, sound = campaign(connect(acme, OTHER), 3), campaign(connect(evil), 3)
    queue.set_rate(damaged.ses_account.pace_key, 100_000)
    queue.set_rate(sound.ses_account.pace_key, 100_000)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sending_sesaccount SET credentials = 'of a key that is gone' WHERE id = %s",
            [damaged.ses_account_id],
        )
    drain(seconds=3)
    assert Message.unscoped.filter(batch=sound, status=Status.SENT).count() == 3
    assert Message.unscoped.filter(batch=damaged, status=Status.QUEUED).count() == 3
    parked = SesAccount.unscoped.get(pk=damaged.ses_account_id)
    assert "Connect Amazon SES again" in parked.parked_reason


def test_a_batch_in_which_we_make_a_mistake_is_paused_and_others_go_on(
    ses: Ses, connect: Connect, acme: Tenant, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ses.client.set_region(ACCOUNT, OTHER, **_PRODUCTION)
    broken, sound = campaign(connect(acme), 3), campaign(connect(acme, OTHER), 3)
    for batch in (broken, sound):
        queue.set_rate(batch.ses_account.pace_key, 100_000)
    compile_well = outbound.compile_batch

    def compile_badly(batch: Batch, **fields: Any) -> Skeleton:
        if batch.pk == broken.pk:
            raise ZeroDivisionError
        return compile_well(batch, **fields)

    monkeypatch.setattr(outbound, "compile_batch", compile_badly)
    drain(seconds=3)
    assert Message.unscoped.filter(batch=sound, status=Status.SENT).count() == 3
    broken.refresh_from_db()
    assert broken.state == BatchState.PAUSED
    assert broken.state_reason == "An internal error in its content"
    assert Message.unscoped.filter(batch=broken, status=Status.QUEUED).count() == 3
