"""Proves that what SES tells comes back to us: three mails to its mailbox simulator.

They belong to no batch and no contact, so nothing that counts, suppresses or alerts sees them.
Addresses and what they do:
https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sending.credentials import api_of
from sending.models import EventKind, SelfTest, SesAccount
from sending.selectors.accounts import may_test_feedback
from sending.selectors.selftest import LIMIT, MAILBOXES, expected
from sending.ses.errors import SesError

DOMAIN = "simulator.amazonses.com"
# The tag that names run and mailbox, as sending.skeleton's names a message.
TAG = "bf_test"
_TRIES, _WAIT = 6, 1.1  # the sandbox allows one mail a second
# SNS confirms within seconds of the set-up that starts a run.
CONFIRMED_WITHIN = timedelta(minutes=2)
_FORGET = timedelta(days=1)


def run(test_id: int) -> bool:
    """Sends the three mails; False when the way back is not there yet, so try again in a moment.

    What SES refuses is written into the row, in its own words.
    """
    test = SelfTest.unscoped.select_related("ses_account").filter(pk=test_id, sent_at=None).first()
    if test is None or test.error:
        return True
    account = test.ses_account
    if not may_test_feedback(account):
        if timezone.now() - test.created_at < CONFIRMED_WITHIN:
            return False
        _change(test_id, error="SNS has not confirmed our webhook within two minutes.")
        return True
    try:
        for mailbox in MAILBOXES:
            if mailbox not in test.mails:
                ses_id = _send(account, test, mailbox)
                _change(test_id, mailbox, id=ses_id, at=timezone.now().isoformat())
    except SesError as error:
        _change(test_id, error=f"{error.code}: {error.message}")
        return True
    _change(test_id, sent_at=timezone.now())
    return True


def _send(account: SesAccount, test: SelfTest, mailbox: str) -> str:
    for attempt in range(_TRIES):
        try:
            return api_of(account).send_text(
                from_address=test.from_address,
                to=f"{mailbox}+bluefox-{test.pk}@{DOMAIN}",
                subject="Self-test of Bluefox",
                text="Bluefox sends this to see that bounces and complaints come back.",
                configuration_set=account.configuration_set,
                tags={TAG: f"{test.pk}-{mailbox}"},
            )
        except SesError as error:
            # Refused for the rate alone is surely not accepted; anything else may have been.
            if error.http_status != 429 or attempt == _TRIES - 1:
                raise
            time.sleep(_WAIT)
    raise AssertionError("unreachable")


def note(
    *, account: SesAccount, tag: str, ses_message_id: str, kind: EventKind, stored_at: datetime
) -> bool:
    """Takes an event about no message of ours; whether it was about a self-test of this account.

    In the caller's transaction.
    """
    found = _by_tag(account, tag) if tag else _by_id(account, ses_message_id)
    if found is None:
        return False
    test_id, mailbox = found
    _change(test_id, mailbox, event=(kind, stored_at))
    return True


def _by_tag(account: SesAccount, tag: str) -> tuple[int, str] | None:
    number, _, mailbox = tag.partition("-")
    if not number.isdecimal() or len(number) > 18 or mailbox not in MAILBOXES:
        return None
    known = SelfTest.unscoped.filter(pk=int(number), ses_account=account)
    return (int(number), mailbox) if known.exists() else None


def _by_id(account: SesAccount, ses_message_id: str) -> tuple[int, str] | None:
    """Notifications of an identity carry no tags."""
    lately = SelfTest.unscoped.filter(
        ses_account=account, created_at__gt=timezone.now() - _FORGET
    ).order_by("-pk")[:20]
    for test in lately:
        for mailbox, mail in test.mails.items():
            if mail.get("id") == ses_message_id:
                return test.pk, mailbox
    return None


@transaction.atomic
def _change(
    test_id: int,
    mailbox: str = "",
    *,
    event: tuple[EventKind, datetime] | None = None,
    sent_at: datetime | None = None,
    error: str = "",
    **fields: str,
) -> None:
    """Writes what is new and whether the run has passed by it.

    Locked: the events come through several workers while the mails are still being sent.
    """
    locked = SelfTest.unscoped.select_for_update(of=("self",)).select_related("ses_account")
    test = locked.get(pk=test_id)
    if mailbox:
        mail: dict[str, Any] = test.mails.setdefault(mailbox, {"events": {}})
        mail |= fields
        if event is not None:
            mail["events"].setdefault(event[0].value, event[1].isoformat())
    test.sent_at = sent_at or test.sent_at
    test.error = error or test.error
    if test.passed_at is None and _passed(test):
        test.passed_at = timezone.now()
        same = SesAccount.unscoped.filter(pk=test.ses_account_id)
        same.update(selftest_passed_at=test.passed_at)
    test.save(update_fields=["mails", "sent_at", "error", "passed_at"])


def _passed(test: SelfTest) -> bool:
    """Every event that must come has come within a minute of its mail."""
    for mailbox, kinds in expected(test.ses_account).items():
        mail = test.mails.get(mailbox, {})
        if "at" not in mail:
            return False
        start = datetime.fromisoformat(mail["at"])
        for kind in kinds:
            came = mail["events"].get(kind.value)
            if came is None or datetime.fromisoformat(came) - start > LIMIT:
                return False
    return True
