"""Three mails to the mailbox simulator of SES, and what comes back of them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Suppression
from sending import selftest
from sending import tasks as sending_tasks
from sending.models import EventKind, Message, MessageEvent, SelfTest, SenderIdentity, SesAccount
from sending.selectors.selftest import Run, latest_run
from sending.services import feedback
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person
from tests.webhooks.aws import aws, connected, set_up, until
from tests.webhooks.conftest import Post, Signer, payload
from webhooks import tasks
from webhooks.models import FeedbackDigest, SnsMessage

__all__ = ["cloud", "connected", "simulator"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def ready(connected: SesAccount, alice: Person, monkeypatch: pytest.MonkeyPatch) -> SesAccount:
    """Set up and confirmed; the worker's part is called by the tests themselves."""
    monkeypatch.setattr(sending_tasks.run_self_test, "delay", lambda _: None)
    SenderIdentity.unscoped.create(
        tenant=connected.tenant, ses_account=connected, name="acme.example", verified=True
    )
    return set_up(connected, alice.user)


def latest() -> Run:
    run = latest_run(SesAccount.unscoped.get())
    assert run is not None
    return run


def page(alice: Person, account: SesAccount, name: str = "") -> Any:
    return alice.client.get(f"/w/acme/sending/{account.public_id}/{name}")


def test_it_passes_and_touches_nothing(cloud: Cloud, ready: SesAccount, alice: Person) -> None:
    answer = alice.client.post(f"/w/acme/sending/{ready.public_id}/self-test/", follow=True)
    assert "Sending three mails" in answer.content.decode()
    test = SelfTest.unscoped.get()
    assert test.from_address == "bluefox-test@acme.example"
    sending_tasks.run_self_test(test.pk)
    assert latest().state == "running"
    fragment = page(alice, ready, "self-test/state/")
    assert (fragment.status_code, "seconds left" in fragment.content.decode()) == (200, True)

    def passed() -> bool:
        tasks.translate()
        return latest().state == "passed"

    until(passed)
    assert [(line.mail, line.event) for line in latest().lines] == [
        ("A mail that arrives", "Accepted by SES"),
        ("A mail that arrives", "Delivered"),
        ("A mail to nobody", "Accepted by SES"),
        ("A mail to nobody", "Bounce"),
        ("A mail that is complained of", "Accepted by SES"),
        ("A mail that is complained of", "Delivered"),
        ("A mail that is complained of", "Complaint"),
    ]
    assert all(line.seconds is not None and not line.late for line in latest().lines)
    account = SesAccount.unscoped.get()
    assert account.selftest_passed_at == SelfTest.unscoped.get().passed_at is not None
    fragment = page(alice, ready, "self-test/state/")
    assert (fragment.status_code, "Passed" in fragment.content.decode()) == (286, True)
    for untouched in (Message, MessageEvent, Suppression, FeedbackDigest):
        assert not untouched.unscoped.exists()
    sent = [entry["recipients"][0] for entry in cloud.sim.ledger(TENANT)]
    assert sent == [
        f"{box}+bluefox-{test.pk}@simulator.amazonses.com"
        for box in ("success", "bounce", "complaint")
    ]
    sending_tasks.run_self_test(test.pk)  # rung twice
    assert len(list(cloud.sim.ledger(TENANT))) == 3
    assert not SnsMessage.unscoped.filter(processed_at=None).exists()


def test_the_sandbox_lets_one_mail_a_second_through(cloud: Cloud, ready: SesAccount) -> None:
    cloud.sim.set_region(TENANT, REGION, sandbox=True, max_send_rate=1)
    test = feedback.start_self_test(account=ready, actor=None)
    sending_tasks.run_self_test(test.pk)
    assert len(list(cloud.sim.ledger(TENANT))) == 3
    test.refresh_from_db()
    assert (test.error, test.sent_at is not None) == ("", True)


def test_what_did_not_come_is_named(
    cloud: Cloud, ready: SesAccount, monkeypatch: pytest.MonkeyPatch, alice: Person
) -> None:
    aws(cloud, "sesv2").update_configuration_set_event_destination(
        ConfigurationSetName=ready.configuration_set,
        EventDestinationName="bluefox",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY"],
            "SnsDestination": {"TopicArn": ready.topic_arn},
        },
    )
    sending_tasks.run_self_test(feedback.start_self_test(account=ready, actor=None).pk)

    def came() -> bool:
        tasks.translate()
        return sum(line.seconds is not None for line in latest().lines) == 5

    until(came)
    later = timezone.now() + timedelta(seconds=61)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert latest().state == "failed"
    [words] = latest().advice
    assert words == (
        "Not told: Bounce, Complaint. Tick them in the event destination of the configuration set "
        f"{ready.configuration_set}, then run it again."
    )
    content = page(alice, ready).content.decode()
    assert "Not told: Bounce, Complaint" in content and "Did not come" in content
    assert SesAccount.unscoped.get().selftest_passed_at is None


def test_what_ses_refuses_is_shown_with_its_words(
    cloud: Cloud, ready: SesAccount, alice: Person
) -> None:
    key = cloud.key(denied=["ses:SendEmail"])
    ready.credentials = {"access_key_id": key.access_key, "secret_access_key": key.secret_key}
    ready.save(update_fields=["credentials"])
    sending_tasks.run_self_test(feedback.start_self_test(account=ready, actor=None).pk)
    assert latest().state == "failed"
    content = page(alice, ready).content.decode()
    assert "The permission ses:SendEmail is missing." in content
    assert not list(cloud.sim.ledger(TENANT))


def test_it_waits_for_the_confirmation_of_sns(ready: SesAccount) -> None:
    SesAccount.unscoped.update(subscription_arn="")
    test = feedback.start_self_test(account=ready, actor=None)
    assert selftest.run(test.pk) is False
    SelfTest.unscoped.update(created_at=timezone.now() - timedelta(minutes=3))
    assert selftest.run(test.pk) is True
    assert "not confirmed" in latest().test.error


def test_without_a_verified_sender_it_says_so(ready: SesAccount, alice: Person) -> None:
    SenderIdentity.unscoped.update(verified=False)
    answer = alice.client.post(f"/w/acme/sending/{ready.public_id}/self-test/", follow=True)
    assert "needs a verified domain or address" in answer.content.decode()
    assert not SelfTest.unscoped.exists()


def test_setting_up_by_a_person_starts_it(ready: SesAccount, alice: Person) -> None:
    alice.client.post(f"/w/acme/sending/{ready.public_id}/feedback/")
    assert SelfTest.unscoped.count() == 1


def test_a_notification_of_an_identity_is_found_by_the_id_of_ses(
    account: SesAccount, trusted: Signer, post: Post
) -> None:
    """No tags there, and no Send; late events do not pass the test."""
    SesAccount.unscoped.update(configuration_set="")
    now = timezone.now()
    start = (now - timedelta(seconds=90)).isoformat()
    ids = {"success": "a", "bounce": "b", "complaint": "c"}
    SelfTest.unscoped.create(
        tenant=account.tenant,
        ses_account=account,
        sent_at=now,
        mails={box: {"id": ids[box], "at": start, "events": {}} for box in ids},
    )
    for box, name in (("bounce", "bounce"), ("complaint", "complaint"), ("success", "delivery")):
        document = payload(f"notification_{name}")
        document["mail"]["messageId"] = ids[box]
        document["mail"]["destination"] = [f"{box}@simulator.amazonses.com"]
        assert post(trusted.envelope(json.dumps(document), MessageId=box)).status_code == 200
    tasks.translate()
    run = latest()
    late = [line.event for line in run.lines if line.late]
    assert late == ["Delivered", "Bounce", "Complaint"]
    assert run.test.passed_at is None


@pytest.mark.parametrize("tag", ["", "1", "x-bounce", "1-nobody", "999-bounce", "9" * 30])
def test_a_tag_that_is_not_ours_names_no_test(account: SesAccount, tag: str) -> None:
    assert not selftest.note(
        account=account,
        tag=tag,
        ses_message_id="x",
        kind=EventKind.BOUNCE,
        stored_at=timezone.now(),
    )
