"""The way back: one click makes what tells us of deliveries, bounces and complaints."""

import hashlib
import re
import secrets
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from sending import tasks
from sending.connection import refused, store
from sending.credentials import api_of
from sending.errors import SelfTestRefused, WrongTopic
from sending.models import SelfTest, SesAccount
from sending.ses.errors import SesError
from sending.ses.provisioning import SIGNATURE_VERSION, STEPS, Setup
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
    if account.feedback_manual:
        # The tenant's own topic and set stay as they are; ours are made beside them.
        own = {"feedback_manual": False, "topic_arn": "", "configuration_set": ""}
        store(account, _NO_FEEDBACK | own)
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


def look_at_permissions(*, account: SesAccount) -> None:
    """Has a worker find out which permissions we have; the page shows what it found."""
    store(account, {"permissions_checked_at": None})
    name = resource_name(account)
    # Without Valkey whoever has just connected is connected all the same; the button asks again.
    transaction.on_commit(lambda: tasks.look_at_permissions.delay(account.pk, name), robust=True)


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
        if not error.may_pass and not account.feedback_manual:
            words = f"{error.code}: {error.message}"
            store(account, {"feedback_failed_step": "subscription", "feedback_error": words})
        raise
    note_confirmed(account=account, subscription_arn=arn)


def note_confirmed(*, account: SesAccount, subscription_arn: str) -> None:
    """SNS delivers to our webhook from now on."""
    columns = {
        "subscription_arn": subscription_arn,
        "subscription_requested_at": None,
        "events_stopped_at": None,
    }
    store(account, columns)


def note_signature_version(*, token_hash: bytes, version: str) -> None:
    """A topic of the tenant's own that signs with version 2 is not believed with an older one."""
    if version == SIGNATURE_VERSION:
        rows = SesAccount.unscoped.filter(webhook_token_hash=token_hash, feedback_manual=True)
        rows.update(topic_signature_version=version)


# https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
_TOPIC_ARN = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]+):(\d{12}):[A-Za-z0-9_-]{1,256}")
_NO_FEEDBACK: dict[str, Any] = {
    "topic_signature_version": "",
    "subscription_arn": "",
    "events_published": False,
    "events_stopped_at": None,
    "feedback_failed_step": "",
    "feedback_error": "",
    "dead_letter_url": "",
    "selftest_passed_at": None,
}


def use_own_topic(
    *,
    account: SesAccount,
    actor: User | None,
    topic_arn: str,
    configuration_set: str = "",
    request: HasMeta | None = None,
) -> SesAccount:
    """Expects events through a topic that the tenant has made; calls nothing at AWS.

    Pins it: nothing else is believed from now on, and its confirmation is awaited. Mail carries
    the configuration set if one is named. Raises WrongTopic.
    """
    found = _TOPIC_ARN.fullmatch(topic_arn)
    if found is None:
        raise WrongTopic(
            "This is no ARN of a topic: it begins with arn:aws:sns: and ends in a name."
        )
    if found[2] != account.region:
        raise WrongTopic(
            f"This topic is in {found[2]}, your SES in {account.region}. Make one there."
        )
    if found[3] != account.aws_account_id:
        raise WrongTopic(
            f"This topic belongs to AWS account {found[3]}, your SES to {account.aws_account_id}."
        )
    _give_webhook_token(account)
    columns = _NO_FEEDBACK | {
        "feedback_manual": True,
        "topic_arn": topic_arn,
        "configuration_set": configuration_set,
        "subscription_requested_at": timezone.now(),
    }
    with transaction.atomic():
        store(account, columns)
        record(
            tenant=account.tenant,
            actor=actor,
            action="ses_account.own_topic",
            target=account.name,
            detail={"topic": topic_arn, "configuration_set": configuration_set},
            request=request,
        )
    return account


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
