"""Fetches from the dead-letter queue what SNS could not deliver to us.

Each letter is verified as if it had been posted, stored through the same door, and deleted from
the queue only then. What is not believed stays there, for its owner to see, until SQS forgets it.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from sending.connection import store
from sending.credentials import api_of
from sending.models import SesAccount, SesState
from sending.ses.errors import SesError
from sending.ses.provisioning import RETENTION
from sending.ses.queue_calls import Letter
from webhooks import inbox, sns
from webhooks.certificates import CertificateUnavailable

log = logging.getLogger(__name__)

# SNS tries for an hour, then SQS keeps the letter for two weeks.
MAX_AGE = RETENTION + timedelta(hours=2)
# Where events are missing the queue is looked into often, elsewhere once an hour.
_OFTEN, _SELDOM = timedelta(minutes=2), timedelta(hours=1)


@dataclass(frozen=True)
class Replay:
    """What came of the letters of one queue."""

    stored: int = 0
    refused: int = 0


def replay(account: SesAccount, now: datetime) -> Replay:
    """Takes every letter that waits; raises SesError, CertificateUnavailable or django.db.Error.

    What was stored before an error stays stored, and what was not stays in the queue.
    """
    api, address = api_of(account), inbox.address_of(account)
    done = Replay()
    while letters := api.take_letters(account.dead_letter_url):
        for letter in letters:
            if not _stored(address, letter, now):
                done = Replay(done.stored, done.refused + 1)
                continue
            api.delete_letter(account.dead_letter_url, letter.receipt)
            done = Replay(done.stored + 1, done.refused)
    columns = {
        "dead_letters": api.letters_waiting(account.dead_letter_url),
        "dead_letters_read_at": now,
    }
    store(account, columns)
    return done


def _stored(address: inbox.Address, letter: Letter, now: datetime) -> bool:
    try:
        envelope = sns.parse(letter.body.encode())
        inbox.verify(envelope, None, address, now=now, max_age=MAX_AGE)
    except (sns.Unreadable, sns.Forged) as error:
        log.warning("a dead letter was not believed: %s", error)
        return False
    # SNS redrives nothing else; a confirmation from here would be somebody else's idea.
    return envelope.type == sns.NOTIFICATION and inbox.store(address, envelope, now)


def due(now: datetime) -> list[int]:
    """Ids of the accounts whose queue is to be looked into, of all tenants."""
    often = Q(events_missing_since__isnull=False) | Q(dead_letters__gt=0)
    old = (
        Q(dead_letters_read_at=None)
        | Q(dead_letters_read_at__lte=now - _SELDOM)
        | Q(often, dead_letters_read_at__lte=now - _OFTEN)
    )
    accounts = SesAccount.unscoped.filter(old, dead_letter_url__gt="", state=SesState.CONNECTED)
    return list(accounts.order_by("dead_letters_read_at").values_list("pk", flat=True))


def replay_of(account_id: int, now: datetime) -> int:
    """The same by the clock or a button; returns how many were stored.

    Claims the account first; what AWS, the database or a certificate refuses waits for later.
    """
    same = SesAccount.unscoped.filter(pk=account_id, dead_letter_url__gt="")
    account = same.first()
    if account is None:
        return 0
    claim = same.filter(dead_letters_read_at=account.dead_letters_read_at)
    if not claim.update(dead_letters_read_at=now):
        return 0
    try:
        return replay(account, now).stored
    except (SesError, CertificateUnavailable) as error:
        log.warning("the dead-letter queue of account %s: %s", account_id, error)
        return 0
