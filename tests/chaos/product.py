"""What people do in the product during a run, one command a process; answers are JSON.

`python -m tests.chaos.product start|bar|shown|resend JSON`
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from bench import people  # noqa: E402 (models need the set-up)
from lists.models import Source, SuppressionReason  # noqa: E402
from lists.services.suppression import (  # noqa: E402
    Suppress,
    remove_from_all_lists,
    suppress,
)
from sending.models import (  # noqa: E402
    Batch,
    Message,
    SenderIdentity,
    SesAccount,
    SesAuth,
    Status,
)
from sending.selectors.batches import progress  # noqa: E402
from sending.services.accounts import connect_key, start_connection  # noqa: E402
from sending.services.batches import launch_batch, resend_unknown  # noqa: E402
from sending.services.feedback import set_up_feedback  # noqa: E402
from tenants.models import Tenant  # noqa: E402

_HANDSHAKE_SECONDS = 60


def start(campaigns: list[dict[str, Any]], events: bool) -> list[int]:
    """A workspace and a campaign for each {slug, key, secret, recipients}; the batches' ids.

    They are launched together, once everyone has been made and SES's events arrive.
    """
    accounts = [_connected(**{k: one[k] for k in ("slug", "key", "secret")}) for one in campaigns]
    if events:
        _follow(accounts)
    batches = [
        people.make_campaign(account, one["recipients"])
        for account, one in zip(accounts, campaigns, strict=True)
    ]
    for batch in batches:
        launch_batch(batch=batch)
    return [batch.pk for batch in batches]


def _connected(slug: str, key: str, secret: str) -> SesAccount:
    # The simulated bounces and complaints must not pause the campaign: that is tested elsewhere.
    tenant = Tenant.objects.create(slug=slug, name=slug, bounce_limit=100, complaint_limit=100)
    account = start_connection(
        tenant=tenant, actor=None, name="Main", region=people.REGION, auth=SesAuth.KEY
    )
    connect_key(account=account, actor=None, access_key_id=key, secret_access_key=secret)
    SenderIdentity.unscoped.create(
        tenant=tenant, ses_account=account, name="acme.example", verified=True
    )
    return account


def _follow(accounts: list[SesAccount]) -> None:
    for account in accounts:
        set_up_feedback(account=account, actor=None)
    end = time.monotonic() + _HANDSHAKE_SECONDS
    ids = [account.pk for account in accounts]
    while SesAccount.unscoped.filter(pk__in=ids, subscription_arn="").exists():
        if time.monotonic() > end:
            raise SystemExit(f"SNS did not confirm within {_HANDSHAKE_SECONDS} seconds.")
        time.sleep(0.2)
    for account in accounts:
        account.refresh_from_db()


def bar(batch: int, share: float) -> dict[str, Any]:
    """Suppresses or unsubscribes a share of those who wait; who, and when that was committed."""
    waiting = Message.unscoped.filter(batch=batch, status=Status.QUEUED)
    chosen = list(waiting.order_by("?")[: int(waiting.count() * share)])
    half = len(chosen) // 2
    tenant = Batch.unscoped.select_related("tenant").get(pk=batch).tenant
    suppress(
        tenant=tenant,
        addresses=[
            Suppress(one.email.lower(), SuppressionReason.MANUAL, Source.MEMBER)
            for one in chosen[:half]
        ],
    )
    remove_from_all_lists(
        tenant=tenant,
        contact_ids=[one.contact_id for one in chosen[half:] if one.contact_id is not None],
        source=Source.MEMBER,
    )
    return {"at": time.time(), "who": [one.email for one in chosen]}


def shown(batches: list[int]) -> list[dict[str, int]]:
    """What the reports say: how many messages stand where."""
    names = "total queued sending sent unknown skipped failed delivered bounced complained".split()
    seen = [progress(batch) for batch in Batch.unscoped.filter(pk__in=batches).order_by("pk")]
    return [{name: getattr(one, name) for name in names} for one in seen]


def resend(batches: list[int]) -> list[int]:
    """Presses "send again" for what stayed unknown; how many went into the queue."""
    chosen = Batch.unscoped.filter(pk__in=batches).order_by("pk")
    return [resend_unknown(batch=batch) for batch in chosen]


_COMMANDS: dict[str, Callable[..., Any]] = {
    "start": start,
    "bar": bar,
    "shown": shown,
    "resend": resend,
}

if __name__ == "__main__":
    print(json.dumps(_COMMANDS[sys.argv[1]](**json.loads(sys.argv[2]))))
