"""The alarm when mail flows and what SES tells of it does not come back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from bluefox.home import concerns
from sending import pulse
from sending.models import Batch, BatchState, BatchTally, SesAccount
from sending.selectors.feedback import HealthState, feedback_health
from tests.conftest import Person
from webhooks import tasks, watching
from webhooks.models import FeedbackAlarm

MINUTE = timedelta(minutes=1)
START = datetime.fromisoformat("2026-11-20T10:00:00+00:00")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Turns the time to so many minutes after ten, and lets the clock look."""

    def at(minutes: float) -> SesAccount:
        now = START + minutes * MINUTE
        monkeypatch.setattr(timezone, "now", lambda: now)
        tasks.watch_events()
        return SesAccount.unscoped.get()

    return at


@pytest.fixture
def sent(batch: Batch) -> Any:
    """Mail of the batch left so many minutes after ten."""

    def at(minutes: float) -> None:
        pulse.sent([batch.pk], START + minutes * MINUTE)

    return at


def heard(minutes: float) -> None:
    SesAccount.unscoped.update(last_event_at=START + minutes * MINUTE)


@pytest.mark.usefixtures("alice")
def test_members_are_told_once_when_events_stop_and_once_when_they_come_again(
    account: SesAccount, clock: Any, sent: Any
) -> None:
    heard(0)
    for minute in range(10):
        sent(minute)
        assert clock(minute).events_missing_since is None
    assert mail.outbox == []
    for minute in range(10, 30):
        sent(minute)
        found = clock(minute)
    assert found.events_missing_since == START + 12 * MINUTE
    health = feedback_health(found)
    assert health.state == HealthState.STOPPED
    assert "has not reached us for 17 minutes" in health.words
    assert "The last event came 29 minutes ago" in health.words
    (concern,) = [one for one in concerns(account.tenant) if one.tone == "error"]
    assert health.words in concern.text
    (alarm,) = mail.outbox
    assert alarm.subject == "Acme: bounces and complaints do not reach us"
    assert alarm.to == ["alice@acme.example"]
    assert "more than ten minutes" in alarm.body
    heard(30)
    sent(30)
    assert clock(30).events_missing_since is None
    assert clock(31).events_missing_since is None
    assert [one.subject for one in mail.outbox[1:]] == [
        "Acme: bounces and complaints reach us again"
    ]


@pytest.mark.usefixtures("alice", "account")
def test_an_account_that_sends_nothing_is_left_alone(clock: Any, sent: Any) -> None:
    sent(0)
    heard(0.1)
    clock(1)
    found = clock(60 * 24 * 30)
    assert (found.events_missing_since, found.unheard_since) == (None, None)
    assert feedback_health(found).words == "Last event 4 weeks ago."
    # The first mail after a long silence has its ten minutes too.
    sent(60 * 24 * 30)
    assert clock(60 * 24 * 30 + 9).events_missing_since is None
    assert clock(60 * 24 * 30 + 11).events_missing_since is not None
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("alice", "account")
def test_a_mail_whose_event_came_within_the_same_seconds_is_heard_of(clock: Any, sent: Any) -> None:
    sent(0.2)
    heard(0)  # last_event_at may lag by ten seconds
    assert clock(30).events_missing_since is None


@pytest.mark.usefixtures("alice")
def test_half_of_the_events_missing_is_noticed_too(batch: Batch, clock: Any) -> None:
    heard(0)
    Batch.unscoped.update(launched_at=START, finished_at=START + 10 * MINUTE, state=BatchState.DONE)
    tally = BatchTally.unscoped.create(
        tenant=batch.tenant, batch=batch, shard=0, sent=1_000, delivered=480, bounced=19
    )
    assert clock(60).events_missing_since is None  # the campaign ended less than an hour ago
    assert clock(71).events_missing_since is not None
    assert "Of 1,000 mails" in FeedbackAlarm.unscoped.get().reason
    assert "only 499 were reported" in mail.outbox[0].body
    # What lay in the dead-letter queue was fetched.
    BatchTally.unscoped.filter(pk=tally.pk).update(delivered=900)
    assert clock(72).events_missing_since is None
    assert len(mail.outbox) == 2


@pytest.mark.usefixtures("alice")
def test_an_unsubscription_is_alarmed_about_at_once(account: SesAccount, clock: Any) -> None:
    SesAccount.unscoped.update(events_stopped_at=START, subscription_arn="")
    found = clock(1)
    assert found.events_missing_since is not None
    assert "SNS ended the subscription" in feedback_health(found).words
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("alice")
def test_an_account_that_was_never_set_up_is_not_watched(
    account: SesAccount, clock: Any, sent: Any
) -> None:
    SesAccount.unscoped.update(subscription_arn="", events_published=False)
    sent(0)
    assert clock(60).events_missing_since is None
    assert feedback_health(account.__class__.unscoped.get()).state == HealthState.OFF


def test_health_before_the_first_event(account: SesAccount, alice: Person) -> None:
    assert feedback_health(account).state == HealthState.QUIET
    account.subscription_requested_at = START
    assert feedback_health(account).state == HealthState.WAITING
    assert watching.mail_alarms(START) == 0
