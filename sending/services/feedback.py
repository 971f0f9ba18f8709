"""The way back: one click makes what tells us of deliveries, bounces and complaints."""

import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from sending import tasks
from sending.connection import refused, store
from sending.credentials import api_of
from sending.errors import SelfTestRefused
from sending.models import SelfTest, SesAccount
from sending.ses.errors import SesError
from sending.ses.provisioning import STEPS, Setup
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record


def token_hash(token: str) -> bytes:
    """What the row keeps of a webhook's secret address, to find it by."""
    return hashlib.sha256(token.encode()).digest()


def webhook_url(account: SesAccount) -> str:
    """The secret address that SNS posts to, or "" before feedback was first set up."""
    token = account.webhook_token.get("token")
    return f"{settings.AWS_WEBHOOK_ORIGIN}{reverse('sns:receive', args=[token])}" if token else ""


def resource_name(account: SesAccount) -> str:
    """The name of our configuration set in the tenant's AWS account, known before connecting."""
    return account.configuration_set or f"bluefox-{account.public_id.hex[:8]}"


def set_up_feedback(
    *, account: SesAccount, actor: User | None, request: HasMeta | None = None
) -> SesAccount:
    """Makes, or adopts, configuration set, topic, subscription and event destination.

    Each step is stored as it is done. Raises AwsRefused when one fails: the row then says which
    and why, and the next call goes on from there. SNS confirms the subscription through our
    webhook a moment later.
    """
    _give_webhook_token(account)
    try:
        api = api_of(account)
    except SesError as error:
        raise refused(error) from error
    for step in STEPS:
        if step.key == "subscription":
            # Before the call: SNS may post the confirmation before it answers.
            store(account, {"subscription_requested_at": timezone.now()})
        try:
            columns = step.run(api, _setup(account))
        except SesError as error:
            words = f"{error.code}: {error.message}"
            store(account, {"feedback_failed_step": step.key, "feedback_error": words})
            raise refused(error) from error
        store(account, columns | {"feedback_failed_step": "", "feedback_error": ""})
    record(
        tenant=account.tenant,
        actor=actor,
        action="ses_account.feedback_set_up",
        target=account.name,
        request=request,
    )
    return account


@transaction.atomic
def start_self_test(
    *, account: SesAccount, actor: User | None, request: HasMeta | None = None
) -> SelfTest:
    """Has a worker send three mails to the mailbox simulator, and watch what comes back.

    Raises SelfTestRefused where no verified domain or address could be its sender.
    """
    from_address = _test_sender(account)
    if not from_address:
        raise SelfTestRefused(
            "The self-test needs a verified domain or address to send from. Verify one, then run "
            "it."
        )
    test = SelfTest.unscoped.create(
        tenant=account.tenant, ses_account=account, from_address=from_address
    )
    record(
        tenant=account.tenant,
        actor=actor,
        action="ses_account.self_test_started",
        target=account.name,
        request=request,
    )
    transaction.on_commit(lambda: tasks.run_self_test.delay(test.pk))
    return test


def _test_sender(account: SesAccount) -> str:
    verified = account.identities.filter(verified=True, paused_reason="").order_by("name")
    domains = [one.name for one in verified if one.is_domain]
    addresses = [one.name for one in verified if not one.is_domain]
    return f"bluefox-test@{domains[0]}" if domains else addresses[0] if addresses else ""


def confirm_subscription(*, account: SesAccount, token: str) -> None:
    """Confirms with the tenant's own credentials the subscription that SNS asks us to confirm.

    The address in the SNS message is never visited. Raises SesError: the row then says why,
    unless the same call may succeed later.
    """
    try:
        arn = api_of(account).confirm_subscription(account.topic_arn, token)
    except SesError as error:
        if not error.may_pass:
            words = f"{error.code}: {error.message}"
            store(account, {"feedback_failed_step": "subscription", "feedback_error": words})
        raise
    confirmed = {"subscription_arn": arn, "subscription_requested_at": None}
    store(account, confirmed | {"events_stopped_at": None})


def _give_webhook_token(account: SesAccount) -> None:
    """Makes the secret address once; two clicks at the same time share one."""
    if account.webhook_token:
        return
    with transaction.atomic():
        kept = SesAccount.unscoped.select_for_update().get(pk=account.pk)
        if not kept.webhook_token:
            token = secrets.token_urlsafe(32)
            store(
                kept, {"webhook_token": {"token": token}, "webhook_token_hash": token_hash(token)}
            )
    account.webhook_token, account.webhook_token_hash = kept.webhook_token, kept.webhook_token_hash


def _setup(account: SesAccount) -> Setup:
    return Setup(
        name=resource_name(account),
        region=account.region,
        aws_account_id=account.aws_account_id,
        webhook_url=webhook_url(account),
        topic_arn=account.topic_arn,
    )
