"""Every file of tests/payloads/sns, posted as SNS does and translated: what comes of each."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from lists.models import Contact, Subscription, Suppression, SuppressionReason
from sending.models import (
    Batch,
    BatchState,
    BatchTally,
    DomainAlert,
    Message,
    MessageEvent,
    Outcome,
    SenderIdentity,
    SesAccount,
    Status,
)
from tests.webhooks.conftest import NOW, PAYLOADS, Fetched, Post, Signer, payload
from webhooks.models import Feedback, SnsMessage
from webhooks.translate import translate_pending


@dataclass(frozen=True)
class Row:
    """What follows: for ada's message and address, the members, her lists, the batch.

    `alarm`: it counts towards what the members are told of the campaign's content, or they are
    told of the domain.
    """

    outcome: Outcome = Outcome.NONE
    suppressed: SuppressionReason | None = None
    told: str = ""
    lists: str = "stays"
    paused: bool = False
    recorded: bool = True
    alarm: str = ""


HARD = Row(Outcome.HARD_BOUNCED, SuppressionReason.HARD_BOUNCE, "bounce")
HELD_BACK = Row(Outcome.REJECTED, SuppressionReason.PROVIDER)
SOFT = Row(Outcome.SOFT_BOUNCED)
REFUSED = Row(Outcome.SOFT_BOUNCED, alarm="content")
COMPLAINT = Row(Outcome.COMPLAINED, SuppressionReason.COMPLAINT, "complaint")
NOTHING = Row()

EVENTS = {
    "event_bounce_headers_truncated": HARD,
    "event_bounce_multi_recipient_mixed": HARD,
    "event_bounce_permanent_email_validation_suppressed": SOFT,
    "event_bounce_permanent_general": HARD,
    "event_bounce_permanent_noemail": HARD,
    "event_bounce_permanent_on_account_suppression_list": HELD_BACK,
    "event_bounce_permanent_on_tenant_suppression_list": HELD_BACK,
    "event_bounce_permanent_suppressed_global": HARD,
    "event_bounce_permanent_unsubscribed_recipient": Row(Outcome.REJECTED, lists="leaves"),
    "event_bounce_transient_attachment_rejected": REFUSED,
    "event_bounce_transient_content_rejected": REFUSED,
    "event_bounce_transient_custom_timeout": SOFT,
    "event_bounce_transient_general_ooto": NOTHING,
    "event_bounce_transient_mailbox_full": SOFT,
    "event_bounce_transient_message_too_large": REFUSED,
    "event_bounce_undetermined_no_recipients": SOFT,
    "event_click": NOTHING,
    "event_click_null_linktags": NOTHING,
    "event_complaint_abuse": COMPLAINT,
    "event_complaint_auth_failure": Row(alarm="domain"),
    "event_complaint_not_spam": NOTHING,
    "event_complaint_on_account_suppression_list": HELD_BACK,
    # Several candidates: nobody knows which of them it was.
    "event_complaint_redacted_candidates": Row(Outcome.COMPLAINED, told="complaint"),
    "event_delivery": Row(Outcome.DELIVERED),
    "event_delivery_delay": Row(Outcome.DELAYED),
    "event_open": NOTHING,
    "event_reject": Row(Outcome.REJECTED),
    "event_rendering_failure": Row(Outcome.REJECTED, paused=True),
    "event_send": NOTHING,
    "event_subscription": Row(lists="leaves all"),
    "event_unknown_future_type": Row(recorded=False),
    "notification_bounce": HARD,
    "notification_bounce_with_headers": HARD,
    "notification_complaint": COMPLAINT,
    "notification_delivery": Row(Outcome.DELIVERED),
}

# The answer to each envelope on a topic set to signature version 2, and what is stored of it.
ENVELOPES = {
    "envelope_BAD_foreign_topic_validly_signed": (403, None),
    "envelope_BAD_ssrf_subscribeurl_unsigned": (403, None),
    "envelope_BAD_ssrf_subscribeurl_validly_signed_foreign_host": (403, None),
    "envelope_BAD_tampered_message": (403, None),
    "envelope_BAD_version_downgrade": (403, None),
    "envelope_v1_notification_bounce": (403, None),
    "envelope_v1_subscription_confirmation": (403, None),
    "envelope_v2_notification_bounce": (200, "Notification"),
    "envelope_v2_notification_no_subject": (200, "Notification"),
    "envelope_v2_notification_unicode_newline": (200, "Notification"),
    "envelope_v2_ses_validation": (200, "Notification"),
    "envelope_v2_subscription_confirmation": (200, "SubscriptionConfirmation"),
    "envelope_v2_unsubscribe_confirmation": (200, "UnsubscribeConfirmation"),
}
OLD_TOPIC = {name: (200, "Notification" if "notif" in name else "SubscriptionConfirmation")
             for name in ENVELOPES if name.startswith("envelope_v1")}  # fmt: skip


def test_every_file_has_its_row() -> None:
    files = {path.stem for path in PAYLOADS.glob("*.json") if not path.stem.endswith(".headers")}
    assert files == {*EVENTS, *ENVELOPES, "cert_url_cases"}


@pytest.mark.parametrize(("name", "row"), EVENTS.items(), ids=list(EVENTS))
def test_each_event_does_what_the_table_says(
    *, name: str, row: Row, ada: Message, batch: Batch, post: Post, trusted: Signer, news: Any
) -> None:
    document = payload(name)
    Message.unscoped.update(email=document["mail"]["destination"][0])
    Batch.unscoped.update(list_ids=[news.pk])
    SenderIdentity.unscoped.update(name="example.com")
    assert post(trusted.envelope(PAYLOADS.joinpath(f"{name}.json").read_text())).status_code == 200
    assert not translate_pending(seconds=30)

    ada.refresh_from_db()
    assert (ada.outcome, ada.status) == (row.outcome, Status.SENT)
    suppressed = list(Suppression.unscoped.values_list("email_norm", "reason"))
    assert suppressed == ([("ada@example.com", row.suppressed)] if row.suppressed else [])
    told = ["complaint" if one.is_complaint else "bounce" for one in Feedback.unscoped.all()]
    assert told == ([row.told] if row.told else [])
    active = Subscription.unscoped.filter(status="active").exists()
    gone = Contact.unscoped.get().unsubscribed_at is not None
    assert (active, gone) == (row.lists == "stays", row.lists == "leaves all")
    batch.refresh_from_db()
    assert batch.state == (BatchState.PAUSED if row.paused else BatchState.RUNNING)
    assert MessageEvent.unscoped.count() == row.recorded
    refused = list(BatchTally.unscoped.filter(refused__gt=0).values_list("refused", flat=True))
    assert refused == ([1] if row.alarm == "content" else [])
    failed = list(DomainAlert.unscoped.values_list("identity__auth_failures", flat=True))
    assert failed == ([1] if row.alarm == "domain" else [])
    stored = SnsMessage.unscoped.get()
    assert (stored.error, stored.processed_at is not None) == ("", True)


def rows() -> list[Any]:
    """The state that an envelope could change."""
    models = (SnsMessage, SesAccount, Message, MessageEvent, Suppression, Feedback)
    return [list(model.unscoped.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("version", ["2", ""], ids=["newer topic", "older topic"])
@pytest.mark.parametrize("name", ENVELOPES)
def test_each_envelope_is_answered_as_the_table_says(
    *, name: str, version: str, ada: Message, post: Post, fetched: Fetched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    SesAccount.unscoped.update(topic_signature_version=version, subscription_requested_at=NOW)
    status, kind = (ENVELOPES if version else ENVELOPES | OLD_TOPIC)[name]
    before = rows()
    assert post(payload(name)).status_code == status
    assert list(SnsMessage.unscoped.values_list("kind", flat=True)) == ([kind] if kind else [])
    if status != 200:
        assert rows() == before


@pytest.mark.usefixtures("ada", "batch")
def test_headers_of_an_identity_notification_change_nothing(trusted: Signer, post: Post) -> None:
    """The sender can write any header: only our tag and SES's id name a message."""
    document = payload("notification_bounce_with_headers")
    document["mail"]["messageId"] = "0102019a0c0ffee0-somebody-elses-000000"
    document["mail"]["headers"].append({"name": "X-SES-MESSAGE-TAGS", "value": "bf_msg=1"})
    assert post(trusted.envelope(json.dumps(document))).status_code == 200
    translate_pending(seconds=30)
    assert not MessageEvent.unscoped.exists()
    assert not Suppression.unscoped.exists()
