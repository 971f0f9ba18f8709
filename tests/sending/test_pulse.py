"""When an account last sent is on its row, whatever the number of its batches."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lists.models import Contact, List
from sending import ledger, pulse
from sending.ledger import Result
from sending.models import Outcome, SesAccount, Status
from sending.outcomes import OutcomeRow, apply_outcomes
from tests.sending.factory import make_batch, make_messages

pytestmark = pytest.mark.django_db
AddContact = Callable[..., Contact]


def last_sent(account: SesAccount) -> object:
    return SesAccount.unscoped.get(pk=account.pk).last_sent_at


@pytest.mark.parametrize("told_by", ["worker", "event"])
def test_mail_that_leaves_is_noted_at_its_account_alone(
    told_by: str, ses_account: SesAccount, news: List, add_contact: AddContact
) -> None:
    other = SesAccount.unscoped.create(
        tenant=ses_account.tenant, name="Other", region="us-east-1", auth="key"
    )
    (message,) = make_messages(make_batch(ses_account, [news]), [add_contact("p@example.net")])
    (one,) = ledger.claim([message.pk]).claimed.values()
    before = timezone.now()
    untouched = Result(message.pk, one.claimed_at, Status.UNKNOWN, "1:eu-west-1")
    ledger.record([untouched])
    assert last_sent(ses_account) is None
    if told_by == "worker":
        ledger.record([Result(message.pk, one.claimed_at, Status.SENT, "1:eu-west-1", "", "0102")])
    else:
        apply_outcomes([OutcomeRow(message.pk, message.tenant_id, Outcome.DELIVERED, before)])
    noted = SesAccount.unscoped.get(pk=ses_account.pk).last_sent_at
    assert noted is not None and noted >= before
    assert last_sent(other) is None


def test_it_is_written_once_in_ten_seconds_and_never_set_back(
    ses_account: SesAccount, news: List
) -> None:
    now = timezone.now()
    batches = [make_batch(ses_account, [news]).pk for _ in range(3)]
    for seconds, noted in [(0, 0), (9, 0), (11, 11), (5, 11)]:
        with CaptureQueriesContext(connection) as asked:
            pulse.sent(batches, now + timedelta(seconds=seconds))
        assert len(asked) == 1
        assert last_sent(ses_account) == now + timedelta(seconds=noted)
