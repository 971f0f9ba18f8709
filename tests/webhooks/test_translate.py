"""From stored messages to outcomes and suppressions: once, in any order, within a tenant."""

import json
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum
from django.utils import timezone

from lists.models import (
    Contact,
    Engagement,
    List,
    Subscription,
    Suppression,
    SuppressionReason,
)
from lists.services.suppression import unsuppress
from sending import brakes, tally
from sending.models import (
    AccountHour,
    Batch,
    BatchState,
    EventKind,
    Message,
    MessageEvent,
    Outcome,
    SesAccount,
    SesState,
    Status,
    SuppressionChange,
)
from tenants.models import Tenant
from tests.conftest import Person
from tests.webhooks.conftest import SES_ID, make_message, payload
from webhooks import applying, translate
from webhooks.models import Feedback, SnsMessage

Store = Callable[..., SnsMessage]


@pytest.fixture
def store(account: SesAccount) -> Store:
    """Stores an event as the webhook does, not yet translated."""
    numbers = iter(range(1_000_000))

    def save(event: Any, to: SesAccount = account, **fields: Any) -> SnsMessage:
        values = {
            "tenant": to.tenant,
            "ses_account": to,
            "sns_message_id": f"sns-{next(numbers)}",
            "kind": "Notification",
            "body": event if isinstance(event, str) else json.dumps(event),
        }
        return SnsMessage.unscoped.create(**values | fields)

    return save


def told() -> tuple[int, int, int]:
    """Bounces, complaints and contacts that the members are told of, numbered without a gap."""
    rows = list(Feedback.unscoped.order_by("number"))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    complaints = sum(row.is_complaint for row in rows)
    return len(rows) - complaints, complaints, len({row.contact_id for row in rows})


def run() -> None:
    translate.translate_pending(seconds=30)


def tagged(name: str, message: Message) -> Any:
    """The payload as SES sends it about this message, which carries our tag."""
    document = payload(name)
    document["mail"]["messageId"] = f"ses-{message.pk}"
    document["mail"].setdefault("tags", {})["bf_msg"] = [str(message.pk)]
    document["mail"]["destination"] = [message.email]
    for key, recipients in (("bounce", "bouncedRecipients"), ("complaint", "complainedRecipients")):
        if detail := document.get(key):
            detail["feedbackId"] = f"feedback-{name}-{message.pk}"
            detail[recipients][0]["emailAddress"] = message.email
    return document


def test_a_suppression_keeps_the_mail_servers_words(ada: Message, store: Store) -> None:
    store(payload("event_bounce_permanent_general"))
    run()
    suppression = Suppression.unscoped.get()
    assert suppression.diagnostic == "smtp; 550 5.1.1 user unknown"
    assert suppression.source == "ses"
    event = MessageEvent.unscoped.get()
    assert (event.subtype, event.recipient) == ("Permanent/General", "ada@example.com")


def test_what_ses_still_holds_back_does_not_undo_a_removal(
    ada: Message, store: Store, account: SesAccount, alice: Person
) -> None:
    store(payload("event_bounce_permanent_on_account_suppression_list"))
    run()
    assert Suppression.unscoped.get().reason == SuppressionReason.PROVIDER
    account.state = SesState.CONNECTED
    account.save()
    unsuppress(tenant=alice.tenant, email_norm="ada@example.com", actor=alice.user)
    event = payload("event_bounce_permanent_on_account_suppression_list")
    event["bounce"]["feedbackId"] = "of-a-second-mail"
    store(event)
    run()
    assert not Suppression.unscoped.exists()
    SuppressionChange.unscoped.all().delete()  # done at SES
    event["bounce"]["feedbackId"] = "of-a-third-mail"
    store(event)
    run()
    assert Suppression.unscoped.exists()


def test_an_unsubscribed_recipient_leaves_the_lists_of_that_mail_only(
    ada: Message, store: Store, news: List, acme: Tenant
) -> None:
    other = List.unscoped.create(tenant=acme, name="Offers")
    assert ada.contact
    Subscription.unscoped.create(
        tenant=acme, contact=ada.contact, list=other, status="active", source="member"
    )
    Batch.unscoped.update(list_ids=[news.pk])
    store(payload("event_bounce_permanent_unsubscribed_recipient"))
    run()
    states = dict(Subscription.unscoped.values_list("list__name", "status"))
    assert states == {"News": "unsubscribed", "Offers": "active"}
    assert not Suppression.unscoped.exists()


def test_an_unsubscription_at_ses_is_honoured(ada: Message, store: Store) -> None:
    store(payload("event_subscription"))
    run()
    assert Contact.unscoped.get().unsubscribed_at is not None


def test_a_rendering_failure_pauses_the_batch(ada: Message, store: Store, batch: Batch) -> None:
    store(payload("event_rendering_failure"))
    run()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    assert batch.state_reason


def test_bounces_over_the_limit_pause_the_campaign_with_their_own_commit(
    batch: Batch,
    store: Store,
    add_contact: Callable[..., Contact],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    counts = {"total": 500, "sent": 100, "bounced": 3}
    tally.add({(batch.tenant_id, batch.pk): counts}, now=timezone.now())
    messages = [make_message(batch, add_contact(f"person{n}@example.com")) for n in range(2)]
    store(tagged("event_bounce_permanent_general", messages[0]))
    store(tagged("event_bounce_transient_mailbox_full", messages[1]))
    with django_capture_on_commit_callbacks(execute=True):
        run()
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING
    store(tagged("event_bounce_permanent_general", messages[1]))
    with django_capture_on_commit_callbacks(execute=True):
        run()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    assert "5 of 100 mails bounced (5 %)" in batch.state_reason


@pytest.mark.django_db(transaction=True)
def test_a_look_at_the_limits_that_fails_spoils_nothing(
    ada: Message, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Any) -> None:
        raise RuntimeError("nobody looks today")

    looked: list[Any] = []
    monkeypatch.setattr(brakes, "look_at", broken)
    monkeypatch.setattr(brakes, "look_at_accounts", looked.append)
    stored = store(payload("event_bounce_permanent_general"))
    run()
    stored.refresh_from_db()
    assert stored.processed_at and looked[0] == {ada.batch_id}
    assert "nobody looks today" in caplog.text
    assert "a group of events failed" not in caplog.text


def test_our_tag_finds_the_message_without_headers_or_ses_id(
    batch: Batch, store: Store, add_contact: Callable[..., Contact]
) -> None:
    message = make_message(batch, add_contact("grace@example.com"), status=Status.UNKNOWN)
    store(tagged("event_bounce_permanent_general", message))
    run()
    message.refresh_from_db()
    assert (message.outcome, message.status) == (Outcome.HARD_BOUNCED, Status.SENT)
    assert message.ses_message_id == f"ses-{message.pk}"
    assert Suppression.unscoped.get().email_norm == "grace@example.com"


def test_a_send_event_settles_what_was_unknown(
    batch: Batch, store: Store, add_contact: Callable[..., Contact]
) -> None:
    message = make_message(batch, add_contact("grace@example.com"), status=Status.UNKNOWN)
    store(tagged("event_send", message))
    run()
    message.refresh_from_db()
    assert message.status == Status.SENT


def test_the_other_tenants_event_has_no_effect_here(
    ada: Message, store: Store, evil: Tenant
) -> None:
    """Mallory publishes, through her own topic, an event about Acme's message."""
    theirs = SesAccount.unscoped.create(
        tenant=evil, name="Evil", region="eu-west-1", auth="key", aws_account_id="111122223333"
    )
    by_tag = payload("event_complaint_abuse")
    by_tag["mail"]["tags"]["bf_msg"] = [str(ada.pk)]
    store(by_tag, theirs)
    store(payload("event_complaint_abuse"), theirs)  # by SES's id
    run()
    ada.refresh_from_db()
    assert ada.outcome == Outcome.NONE
    assert not Suppression.unscoped.exists()
    assert not MessageEvent.unscoped.exists()
    assert not Feedback.unscoped.exists()


def test_an_event_of_another_aws_account_has_no_effect(ada: Message, store: Store) -> None:
    document = payload("event_complaint_abuse")
    document["mail"]["sendingAccountId"] = "999999999999"
    row = store(document)
    run()
    row.refresh_from_db()
    assert row.error == "sent by another AWS account"
    assert not MessageEvent.unscoped.exists()


def test_an_event_that_is_faster_than_our_note_is_not_lost(
    ada: Message, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Message.unscoped.update(ses_message_id="", status=Status.SENDING)
    row = store(payload("notification_bounce"))
    run()
    row.refresh_from_db()
    assert row.processed_at is None
    assert row.retry_at is not None and row.error == ""
    Message.unscoped.update(ses_message_id=SES_ID, status=Status.SENT)
    run()  # not due yet
    row.refresh_from_db()
    assert row.processed_at is None
    later = row.retry_at
    monkeypatch.setattr(timezone, "now", lambda: later)
    run()
    row.refresh_from_db()
    ada.refresh_from_db()
    assert row.processed_at == later
    assert ada.outcome == Outcome.HARD_BOUNCED


def test_an_event_about_no_mail_of_ours_is_given_up_after_an_hour(
    account: SesAccount, store: Store
) -> None:
    row = store(payload("notification_bounce"))
    SnsMessage.unscoped.update(received_at=timezone.now() - timedelta(minutes=61))
    run()
    row.refresh_from_db()
    assert row.processed_at is not None
    assert "no mail of this workspace" in row.error


def test_what_waits_does_not_block_what_can_be_done(
    ada: Message, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translate, "GROUP", 3)
    unknown = payload("notification_bounce")
    unknown["mail"]["messageId"] = "of-another-program"
    for _ in range(7):
        store(unknown)
    store(payload("event_delivery"))
    run()
    ada.refresh_from_db()
    assert ada.outcome == Outcome.DELIVERED
    assert SnsMessage.unscoped.filter(processed_at=None).count() == 7


def test_unreadable_rows_get_their_error_and_block_nothing(ada: Message, store: Store) -> None:
    bad = store('{"eventType": "Bounce"}')
    store(payload("event_unknown_future_type"))
    store("Successfully validated SNS topic for Amazon SES event publishing.")
    store(payload("event_delivery"))
    run()
    ada.refresh_from_db()
    bad.refresh_from_db()
    assert ada.outcome == Outcome.DELIVERED
    assert "Bounce is malformed" in bad.error
    assert not SnsMessage.unscoped.filter(processed_at=None).exists()
    assert SnsMessage.unscoped.exclude(error="").count() == 1


def test_a_row_that_breaks_its_group_is_kept_apart(
    ada: Message, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = store(payload("event_open"))
    store(payload("event_delivery"))
    real = translate.judge

    def judge(event: Any, recipient: Any) -> Any:
        if event.kind == EventKind.OPEN:
            raise RuntimeError("poison")
        return real(event, recipient)

    monkeypatch.setattr(translate, "judge", judge)
    run()
    poison.refresh_from_db()
    ada.refresh_from_db()
    assert poison.error == "RuntimeError: poison"
    assert ada.outcome == Outcome.DELIVERED
    assert not SnsMessage.unscoped.filter(processed_at=None).exists()


def test_a_database_in_trouble_marks_nothing(
    ada: Message, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(payload("event_delivery"))
    with monkeypatch.context() as broken:

        def fail(*rows: Any, **told: Any) -> None:
            raise OperationalError("gone")

        broken.setattr(applying, "apply_outcomes", fail)
        with pytest.raises(OperationalError):
            run()
    assert SnsMessage.unscoped.filter(processed_at=None, error="").count() == 1
    run()
    ada.refresh_from_db()
    assert ada.outcome == Outcome.DELIVERED


def test_duplicates_in_any_order_leave_the_right_counts(
    batch: Batch, store: Store, add_contact: Callable[..., Contact], redis: Any
) -> None:
    """Delivered, then bounced or complained; each event several times, shuffled."""
    events = []
    expected: dict[int, Outcome] = {}
    for number in range(60):
        message = make_message(batch, add_contact(f"person{number}@example.com"))
        story = ["event_send", "event_delivery"]
        expected[message.pk] = Outcome.DELIVERED
        if number % 3 == 0:
            story.append("event_bounce_permanent_general")
            expected[message.pk] = Outcome.HARD_BOUNCED
        if number % 5 == 0:
            story.append("event_complaint_abuse")
            expected[message.pk] = Outcome.COMPLAINED
        for name in story:
            events += [tagged(name, message)] * 3
    random.Random(7).shuffle(events)
    for event in events:
        store(event)
    run()
    assert dict(Message.unscoped.values_list("pk", "outcome")) == expected
    assert MessageEvent.unscoped.count() == 60 * 2 + 20 + 12
    assert Suppression.unscoped.filter(reason="complaint").count() == 12
    assert Suppression.unscoped.count() == 28
    assert told() == (20, 12, 28)


def test_a_late_copy_does_not_suppress_again_what_a_member_has_freed(
    ada: Message, store: Store
) -> None:
    store(payload("event_bounce_permanent_general"))
    run()
    Suppression.unscoped.all().delete()
    store(payload("notification_bounce"))
    run()
    assert not Suppression.unscoped.exists()
    assert MessageEvent.unscoped.count() == 1


def test_the_account_shows_when_it_was_last_heard_of(
    ada: Message, store: Store, account: SesAccount
) -> None:
    store("Successfully validated SNS topic for Amazon SES event publishing.")
    run()
    account.refresh_from_db()
    assert account.last_event_at is not None
    assert timezone.now() - account.last_event_at < timedelta(minutes=1)


def test_an_unsubscribe_confirmation_raises_the_flag(store: Store, account: SesAccount) -> None:
    row = store("You have chosen to deactivate …", kind="UnsubscribeConfirmation")
    run()
    account.refresh_from_db()
    assert account.subscription_arn == ""
    assert account.events_stopped_at == row.received_at


def test_a_confirmation_is_left_to_the_confirmer(store: Store) -> None:
    store("token", kind="SubscriptionConfirmation")
    run()
    assert SnsMessage.unscoped.filter(processed_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_rows(
    batch: Batch, store: Store, add_contact: Callable[..., Contact], redis: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(translate, "GROUP", 5)
    for number in range(40):
        message = make_message(batch, add_contact(f"person{number}@example.com"))
        for feedback_id in ("first", "second"):
            bounce = tagged("event_bounce_permanent_general", message)
            bounce["bounce"]["feedbackId"] = feedback_id
            store(bounce)
        store(tagged("event_complaint_abuse", message))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while SnsMessage.unscoped.filter(processed_at=None).exists():
                try:
                    translate.translate_pending(seconds=30)
                except OperationalError as error:
                    assert "deadlock" in str(error)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not SnsMessage.unscoped.exclude(error="").exists()
    assert Message.unscoped.filter(outcome=Outcome.COMPLAINED).count() == 40
    assert Suppression.unscoped.filter(reason="complaint").count() == 40
    assert told() == (80, 40, 40)
    assert AccountHour.unscoped.aggregate(Sum("bounced"), Sum("complained")) == {
        "bounced__sum": 40,
        "complained__sum": 40,
    }


def test_only_what_a_person_did_is_engagement(ada: Message, store: Store) -> None:
    ended = timezone.now() - timedelta(hours=1)
    Batch.unscoped.update(launched_at=ended, finished_at=ended)
    store(tagged("event_delivery", ada))
    store(tagged("event_open", ada))
    store(tagged("event_click", ada))
    run()
    ada.refresh_from_db()
    row = Engagement.unscoped.get(contact=ada.contact_id)
    assert (row.last_sent_at, row.last_delivered_at) == (ada.sent_at, ada.outcome_at)
    opened = MessageEvent.unscoped.get(kind=EventKind.OPEN)
    assert (opened.subtype, opened.at) == ("person", row.last_opened_at)
    assert (opened.batch_id, opened.contact_id) == (ada.batch_id, ada.contact_id)
    clicked = MessageEvent.unscoped.get(kind=EventKind.CLICK)
    assert (clicked.subtype, clicked.batch_id, clicked.contact_id) == ("machine", None, None)
    assert row.last_clicked_at is None
