"""POST /webhooks/sns/<token>/: what is stored, what is refused, and that nothing is lost."""

import json
import logging
from typing import Any

import pytest
from cryptography import x509
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sending.models import Message, MessageEvent, SesAccount
from tests.webhooks.conftest import (
    CERTIFICATE_URL,
    NOW,
    PAYLOADS,
    TOKEN,
    TOPIC,
    Fetched,
    Post,
    Signer,
    payload,
)
from webhooks import bell, certificates, inbox, tasks, translate
from webhooks.models import SnsMessage
from webhooks.services import receiving

GOOD = "envelope_v2_notification_bounce"
BAD = sorted(path.stem for path in PAYLOADS.glob("envelope_BAD_*.json"))


def everything() -> list[Any]:
    """The state that a message could change."""
    return [
        list(model.unscoped.order_by("pk").values())
        for model in (SnsMessage, SesAccount, Message, MessageEvent)
    ]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch, redis: Redis) -> list[str]:
    """Which workers were called."""
    called: list[str] = []
    monkeypatch.setattr(tasks.translate, "delay", lambda: called.append("translate"))
    monkeypatch.setattr(tasks.confirm_subscriptions, "delay", lambda: called.append("confirm"))
    return called


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Any:
    """Runs what the view does after its commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize(
    "name",
    [
        "envelope_v2_notification_bounce",
        "envelope_v2_notification_no_subject",
        "envelope_v2_notification_unicode_newline",
        "envelope_v2_ses_validation",
        "envelope_v2_unsubscribe_confirmation",
    ],
)
def test_a_true_message_is_stored_unchanged(
    name: str, post: Post, account: SesAccount, fetched: Fetched
) -> None:
    assert post(payload(name)).status_code == 200
    row = SnsMessage.unscoped.get()
    assert row.body == payload(name)["Message"]
    assert (row.tenant_id, row.ses_account_id) == (account.tenant_id, account.pk)
    assert (row.kind, row.processed_at) == (payload(name)["Type"], None)
    assert fetched == [CERTIFICATE_URL]


@pytest.mark.usefixtures("at_noon")
def test_the_older_version_is_taken_where_the_topic_was_not_set_to_the_newer(
    post: Post, account: SesAccount, fetched: Fetched
) -> None:
    assert post(payload("envelope_v1_notification_bounce")).status_code == 403
    SesAccount.unscoped.update(topic_signature_version="")
    assert post(payload("envelope_v1_notification_bounce")).status_code == 200
    assert SnsMessage.unscoped.count() == 1


def test_there_are_five_bad_envelopes() -> None:
    assert len(BAD) == 5


@pytest.fixture
def certificate_known(
    monkeypatch: pytest.MonkeyPatch, no_network: Fetched, sns_certificate: x509.Certificate
) -> Fetched:
    """The fixtures' certificate is known already; any other would have to be fetched."""
    known = {CERTIFICATE_URL: sns_certificate}
    monkeypatch.setattr(
        inbox, "certificate", lambda url: known.get(url) or certificates.certificate(url)
    )
    return no_network


@pytest.mark.usefixtures("at_noon", "account")
@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("waiting", [True, False])
def test_a_bad_message_changes_nothing_and_fetches_nothing(
    name: str, waiting: bool, post: Post, certificate_known: Fetched
) -> None:
    if waiting:
        SesAccount.unscoped.update(subscription_requested_at=NOW, subscription_arn="")
    before = everything()
    assert post(payload(name)).status_code == 403
    assert everything() == before
    assert certificate_known == []


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize(
    "url", [case["url"] for case in payload("cert_url_cases") if not case["must_accept"]]
)
def test_certificates_elsewhere_are_never_fetched(
    url: str, post: Post, account: SesAccount, no_network: Fetched
) -> None:
    before = everything()
    assert post(payload(GOOD) | {"SigningCertURL": url}).status_code == 403
    assert everything() == before
    assert no_network == []


@pytest.mark.usefixtures("at_noon", "account", "fetched")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"hello", 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * 50_000, 400),
        (json.dumps(payload("event_bounce_permanent_general")), 400),
        (b'{"Type": "Notification"}', 400),
        (b" " * (256 * 1024 + 1), 413),
    ],
    ids=["empty", "text", "no utf-8", "deep", "no envelope", "no fields", "too long"],
)
def test_what_cannot_be_read_is_a_clear_4xx(body: Any, status: int, post: Post) -> None:
    answer = post(body)
    assert answer.status_code == status
    assert answer.content
    assert not SnsMessage.unscoped.exists()


@pytest.mark.usefixtures("at_noon", "account")
def test_raw_delivery_is_refused_as_it_has_no_signature(post: Post, no_network: Fetched) -> None:
    body = json.dumps(payload("event_complaint_abuse"))
    answer = post(body, **{"x-amz-sns-rawdelivery": "true"})
    assert answer.status_code == 403
    assert b"raw" in answer.content
    assert not SnsMessage.unscoped.exists()


@pytest.mark.usefixtures("at_noon", "account", "fetched")
def test_an_unknown_address_and_a_get_are_refused(post: Post, client: Client) -> None:
    assert post(payload(GOOD), token="somebody-elses").status_code == 404
    assert client.get(f"/webhooks/sns/{TOKEN}/").status_code == 405
    assert not SnsMessage.unscoped.exists()


@pytest.mark.usefixtures("at_noon", "fetched")
def test_tenant_bs_address_refuses_tenant_as_topic(
    post: Post, account: SesAccount, evil: Any
) -> None:
    theirs = SesAccount.unscoped.create(
        tenant=evil,
        name="Theirs",
        region="eu-west-1",
        auth="key",
        aws_account_id="999999999999",
        topic_arn="arn:aws:sns:eu-west-1:999999999999:bluefox-1-events",
        webhook_token_hash=receiving.token_hash("their-token"),
    )
    before = everything()
    assert post(payload(GOOD), token="their-token").status_code == 403
    assert everything() == before
    assert theirs.pk


@pytest.mark.usefixtures("at_noon", "account", "fetched")
def test_a_repeated_message_is_answered_and_stored_once(post: Post) -> None:
    assert [post(payload(GOOD)).status_code for _ in range(3)] == [200, 200, 200]
    assert SnsMessage.unscoped.count() == 1


@pytest.mark.usefixtures("account")
def test_an_old_message_is_a_replay(post: Post, fetched: Fetched) -> None:
    assert timezone.now() - NOW > receiving.sns.MAX_AGE
    assert post(payload(GOOD)).status_code == 403
    assert fetched == []


@pytest.mark.usefixtures("at_noon", "account", "fetched")
def test_a_database_that_is_down_asks_sns_to_come_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("the server closed the connection")

    inbox._known.clear()
    with monkeypatch.context() as broken:
        broken.setattr(SesAccount.unscoped, "filter", fail)
        assert post(payload(GOOD)).status_code == 503
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "store", fail)
        assert post(payload(GOOD)).status_code == 503
    assert post(payload(GOOD)).status_code == 200
    assert SnsMessage.unscoped.count() == 1


@pytest.mark.usefixtures("at_noon", "account")
def test_a_certificate_that_does_not_come_asks_sns_to_come_again(
    post: Post, no_network: Fetched
) -> None:
    assert post(payload(GOOD)).status_code == 503
    assert post(payload(GOOD)).status_code == 503
    assert no_network == [CERTIFICATE_URL, CERTIFICATE_URL]  # a failure is not remembered
    assert not SnsMessage.unscoped.exists()


@pytest.mark.usefixtures("at_noon", "fetched")
def test_a_confirmation_is_taken_only_while_one_is_awaited(
    post: Post, account: SesAccount, rung: list[str], committing: Any
) -> None:
    envelope = payload("envelope_v2_subscription_confirmation")
    assert post(envelope).status_code == 403
    assert not SnsMessage.unscoped.exists()
    SesAccount.unscoped.update(subscription_requested_at=NOW, subscription_arn="")
    with committing():
        assert post(envelope).status_code == 200
    row = SnsMessage.unscoped.get()
    assert (row.kind, row.body) == ("SubscriptionConfirmation", envelope["Token"])
    assert rung == ["confirm"]
    # Confirmed meanwhile: a repetition is no forgery.
    SesAccount.unscoped.update(subscription_requested_at=None)
    assert post(envelope).status_code == 200
    assert SnsMessage.unscoped.count() == 1


@pytest.mark.usefixtures("account")
def test_a_burst_calls_one_worker(
    post: Post, trusted: Signer, rung: list[str], committing: Any
) -> None:
    def one(number: int) -> None:
        with committing():
            assert post(trusted.envelope("{}", MessageId=str(number))).status_code == 200

    for number in range(5):
        one(number)
    assert rung == ["translate"]
    bell.silence()
    one(6)
    assert rung == ["translate", "translate"]


@pytest.mark.usefixtures("account")
def test_of_workers_that_are_to_go_on_one_waits(
    post: Post,
    trusted: Signer,
    rung: list[str],
    monkeypatch: pytest.MonkeyPatch,
    committing: Any,
) -> None:
    """More would keep the sweep, which waits in the same queue, from its turn."""
    monkeypatch.setattr(tasks, "_SLICE_SECONDS", -1)
    monkeypatch.setattr(translate, "GROUP", 1)

    def one(number: int) -> None:
        with committing():
            assert post(trusted.envelope("{}", MessageId=str(number))).status_code == 200

    for number in range(3):
        one(number)
    rung.clear()
    tasks.translate()
    assert rung == ["translate"]
    one(4)
    tasks.ring_for_lost_events()
    assert rung == ["translate"]
    assert SnsMessage.unscoped.filter(processed_at=None).count() == 3


@pytest.mark.usefixtures("account")
def test_without_valkey_the_message_is_stored_all_the_same(
    post: Post,
    trusted: Signer,
    monkeypatch: pytest.MonkeyPatch,
    committing: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def down() -> bool:
        raise RedisConnectionError("refused")

    monkeypatch.setattr(receiving.bell, "ring", down)
    with caplog.at_level(logging.WARNING), committing():
        assert post(trusted.envelope("{}")).status_code == 200
    assert SnsMessage.unscoped.count() == 1
    assert "no worker could be called" in caplog.text


@pytest.mark.usefixtures("account", "trusted")
def test_sns_gets_no_cookie_and_costs_one_query(
    post: Post, signer: Signer, django_assert_num_queries: Any
) -> None:
    post(signer.envelope("{}", MessageId="warm"))
    with django_assert_num_queries(1):
        answer = post(signer.envelope("{}", MessageId="1", Subject="s"))
    assert answer.status_code == 200
    assert not answer.cookies
    assert answer["Content-Length"] == str(len(answer.content))
    assert set(answer.headers) == {"Content-Type", "Content-Length"}  # past all other middleware


def test_what_was_known_of_an_address_is_looked_at_again(
    post: Post, account: SesAccount, trusted: Signer
) -> None:
    """Another process has set feedback up anew, elsewhere, or has disconnected the account."""
    other = f"{TOPIC}-new"
    assert post(trusted.envelope("{}", MessageId="1")).status_code == 200
    SesAccount.unscoped.update(topic_arn=other)
    assert post(trusted.envelope("{}", MessageId="2", TopicArn=other)).status_code == 200
    SesAccount.unscoped.update(topic_arn=TOPIC)
    assert post(trusted.envelope("{}", MessageId="3", TopicArn=other)).status_code == 403
    assert post(trusted.envelope("{}", MessageId="4")).status_code == 200
    SesAccount.unscoped.update(webhook_token_hash=None)
    assert post(trusted.envelope("{}", MessageId="5")).status_code == 404
    assert SnsMessage.unscoped.count() == 3


def test_the_certificate_origin_of_the_settings_replaces_that_of_aws(
    settings: Any, no_network: Fetched
) -> None:
    settings.AWS_SNS_ORIGIN = "http://127.0.0.1:1"
    with pytest.raises(certificates.CertificateUnavailable):
        certificates.certificate(CERTIFICATE_URL)
    path = CERTIFICATE_URL.removeprefix("https://sns.eu-west-1.amazonaws.com")
    assert no_network == [f"http://127.0.0.1:1{path}"]


def test_topic_of_the_fixtures_is_pinned(account: SesAccount) -> None:
    assert account.topic_arn == TOPIC
