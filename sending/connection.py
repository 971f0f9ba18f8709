"""Whether a connection to a tenant's SES is sound, and what SES allows it just now."""

import re
import secrets
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from redis.exceptions import RedisError

from sending import quota
from sending.credentials import api_of, sending_credentials
from sending.errors import AwsRefused
from sending.models import SesAccount, SesAuth, SesState, pace_key
from sending.parking import unpark_aws
from sending.ses.client import Caller, assume_role, who_am_i
from sending.ses.errors import SesError
from sending.ses.explain import explain
from sending.signals import review_moved

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
ROLE_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:iam::(\d{12}):role/[\w+=,.@/-]{1,128}")

Columns = dict[str, Any]


def refused(error: SesError) -> AwsRefused:
    """The error to show a person for what AWS answered."""
    return AwsRefused(str(explain(error)), aws=f"{error.code}: {error.message}")


def check_connection(account: SesAccount) -> Columns:
    """Asks AWS who we are and what SES allows: the columns of SesAccount to store.

    `account` need not be saved. Raises AwsRefused, with AWS's words where it gave any, and
    changes nothing.
    """
    try:
        caller = who_am_i(account.region, sending_credentials(account))
        _check_caller(account, caller)
        if account.auth == SesAuth.ROLE:
            _check_only_we_may_assume(account)
        answer = api_of(account).get_account()
    except SesError as error:
        raise refused(error) from error
    key = pace_key(caller.account, account.region)
    return {"aws_account_id": caller.account, **quota_columns(answer, key)}


def _check_caller(account: SesAccount, caller: Caller) -> None:
    if caller.is_root:
        raise AwsRefused(
            "This key belongs to the root user of the AWS account and may do everything there. "
            "Make an IAM user with the policy shown here and use its key; then delete this one.",
            param="access_key_id",
        )
    named = ROLE_ARN.fullmatch(account.role_arn)
    if named and named[1] != caller.account:
        raise AwsRefused(
            f"The role belongs to AWS account {named[1]}, but AWS took us to account "
            f"{caller.account}. Copy the role's ARN again.",
            param="role_arn",
        )


def _check_only_we_may_assume(account: SesAccount) -> None:
    """A role that does not ask for our external id lets every customer of ours in, by proxy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html. The wrong id finds a
    missing condition; no id at all finds a condition that only holds where an id is given.
    """
    for wrong in (secrets.token_urlsafe(32), None):
        try:
            assume_role(account.role_arn, wrong, region=account.region)
        except SesError as error:
            if error.code in ("AccessDenied", "AccessDeniedException"):
                continue
            raise
        raise AwsRefused(
            "This role can be assumed without the right external id, so any other customer of "
            "this service could send as you. Add the condition on sts:ExternalId to its trust "
            "policy, exactly as shown here, then connect again.",
            param="role_arn",
        )


def quota_columns(answer: Columns, key: str) -> Columns:
    """The columns of SesAccount that GetAccount fills; `key` is the account's pace key."""
    read = answer.get("SendQuota", {})
    sent = read.get("SentLast24Hours", 0.0)
    review = answer.get("Details", {}).get("ReviewDetails", {})
    return {
        "max_send_rate": read.get("MaxSendRate", 0.0),
        "max_24_hour_send": read.get("Max24HourSend", 0.0),
        "sent_last_24_hours": sent,
        "sent_by_others": quota.by_others(key, int(sent)),
        "production_access": answer.get("ProductionAccessEnabled", False),
        "sending_enabled": answer.get("SendingEnabled", False),
        "enforcement_status": answer.get("EnforcementStatus", ""),
        "review_status": review.get("Status", ""),
        "review_case": review.get("CaseId", ""),
        "quota_read_at": timezone.now(),
    }


def store(row: Model, columns: Columns) -> None:
    """Writes these columns of the row, and no other."""
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=list(columns))


def store_answer(account: SesAccount, columns: Columns) -> None:
    """Writes what AWS said of the account, and tells who follows its review when that has moved.

    Two who read at the same time wait for each other here, and of the older answer the review and
    the enforcement are dropped: they move once, never back. The first answer of an AWS account is
    no news.
    """
    with transaction.atomic():
        stored = SesAccount.unscoped.select_for_update(no_key=True).get(pk=account.pk)
        if stored.quota_read_at and stored.quota_read_at > columns["quota_read_at"]:
            moved = ("review_", "enforcement_")
            columns = {name: columns[name] for name in columns if not name.startswith(moved)}
        elif columns["enforcement_status"] != stored.enforcement_status:
            columns = columns | {"enforcement_since": columns["quota_read_at"]}
        store(account, columns)
        known = stored.quota_read_at and stored.aws_account_id == account.aws_account_id
        if known and account.review_status not in ("", stored.review_status):
            review_moved.send(SesAccount, account=account, before=stored.review_status)


def read_quota(account: SesAccount) -> None:
    """Reads GetAccount into the row. At most once a minute: SES throttles its callers.

    Raises SesError, and changes nothing, when AWS does not answer.
    """
    was_paused = not account.sending_enabled
    store_answer(account, quota_columns(api_of(account).get_account(), account.pace_key))
    if was_paused and account.sending_enabled:
        resume(account)
    announce_quota(account)


def watch_quota(account_id: int) -> None:
    """Reads the quota for the clock; keeps AWS's words when it refuses us for good."""
    account = SesAccount.unscoped.filter(pk=account_id, state=SesState.CONNECTED).first()
    if account is None:
        return
    try:
        read_quota(account)
    except SesError as error:
        if not error.may_pass:
            words = f"{error.code}: {error.message}"
            store(account, {"state": SesState.FAILED, "last_error": words})


def announce_quota(account: SesAccount) -> None:
    """Tells the queue what SES allows. Without Valkey, the queue asks again by itself."""
    with suppress(RedisError):
        quota.refresh(account.pace_key)


def resume(account: SesAccount) -> None:
    """Ends a parking that waited for a person, now that SES lets us send.

    Others on the same AWS account go on too; one that still may not is parked again by its next
    mail. A parking for the day's quota ends by itself.
    """
    if account.parked_reason and account.parked_until is None and account.sending_enabled:
        with suppress(RedisError):
            unpark_aws(account.pace_key)
        account.refresh_from_db(fields=["parked_reason", "parked_until", "parked_lane"])
