"""An account in the simulator, whose SNS reaches our webhook. Import the fixtures one needs."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from sending.models import SesAccount, SesAuth
from sending.services import accounts, feedback
from tests.cloud import REGION, TENANT, Cloud
from tests.conftest import Person
from webhooks import certificates, tasks
from webhooks.models import SnsMessage


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("did not happen in time")


@pytest.fixture
def connected(
    cloud: Cloud, alice: Person, live_server: Any, settings: Any, monkeypatch: Any
) -> Iterator[SesAccount]:
    """Acme's account in the simulator, which reaches our webhook; no worker runs by itself."""
    settings.AWS_WEBHOOK_ORIGIN = live_server.url
    settings.AWS_SNS_ORIGIN = cloud.process.url
    certificates.certificate.cache_clear()
    for task in (tasks.translate, tasks.confirm_subscriptions):
        monkeypatch.setattr(task, "delay", lambda: None)
    cloud.sim.set_region(TENANT, REGION, sandbox=False, max_send_rate=100)
    account = accounts.start_connection(
        tenant=alice.tenant, actor=alice.user, name="Main", region=REGION, auth=SesAuth.KEY
    )
    yield accounts.connect_key(
        account=account,
        actor=alice.user,
        access_key_id=cloud.key_id,
        secret_access_key=cloud.secret,
    )
    certificates.certificate.cache_clear()


def aws(cloud: Cloud, service: str) -> Any:
    """A client of the tenant's own, as somebody in their company uses it."""
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=cloud.key_id,
        aws_secret_access_key=cloud.secret,
    )


def set_up(account: SesAccount, actor: Any) -> SesAccount:
    """Sets feedback up and confirms the subscription; the account afterwards."""
    feedback.set_up_feedback(account=account, actor=actor)
    until(lambda: SnsMessage.unscoped.filter(kind="SubscriptionConfirmation").exists())
    tasks.confirm_subscriptions()
    return SesAccount.unscoped.get(pk=account.pk)
