"""What SES tells, and what follows: every row of the table, from the payloads as SES sends them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lists.models import SuppressionReason
from sending.models import Count, EventKind, Outcome
from tests.webhooks.conftest import PAYLOADS, SES_ID, payload
from webhooks.events import UnreadableEvent, parse
from webhooks.verdicts import Alert, Leaves, Verdict, about, judge

HARD = Verdict(
    Outcome.HARD_BOUNCED, SuppressionReason.HARD_BOUNCE, alert=Alert.BOUNCE, counts=Count.BOUNCED
)
HELD_BACK = Verdict(Outcome.REJECTED, SuppressionReason.PROVIDER, counts=Count.HELD_BACK)
SOFT = Verdict(Outcome.SOFT_BOUNCED, counts=Count.SOFT_BOUNCED)
REFUSED = replace(SOFT, alert=Alert.CONTENT)
REJECTED = Verdict(Outcome.REJECTED, counts=Count.REJECTED)
DELIVERED = Verdict(Outcome.DELIVERED, counts=Count.DELIVERED)
COMPLAINT = Verdict(
    Outcome.COMPLAINED,
    SuppressionReason.COMPLAINT,
    alert=Alert.COMPLAINT,
    counts=Count.COMPLAINED,
)
FORGED = Verdict(alert=Alert.AUTHENTICATION)
NOTHING = Verdict()

# What each payload means for ada@example.com; None: it says nothing about her.
TABLE: dict[str, tuple[EventKind, str, Verdict | None]] = {
    "event_send": (EventKind.SEND, "", NOTHING),
    "event_delivery": (EventKind.DELIVERY, "", DELIVERED),
    "event_delivery_delay": (
        EventKind.DELAY,
        "TransientCommunicationFailure",
        Verdict(Outcome.DELAYED),
    ),
    "event_bounce_permanent_general": (EventKind.BOUNCE, "Permanent/General", HARD),
    "event_bounce_permanent_noemail": (EventKind.BOUNCE, "Permanent/NoEmail", HARD),
    "event_bounce_headers_truncated": (EventKind.BOUNCE, "Permanent/General", HARD),
    "event_bounce_permanent_suppressed_global": (EventKind.BOUNCE, "Permanent/Suppressed", HARD),
    "event_bounce_permanent_on_account_suppression_list": (
        EventKind.BOUNCE,
        "Permanent/OnAccountSuppressionList",
        HELD_BACK,
    ),
    "event_bounce_permanent_on_tenant_suppression_list": (
        EventKind.BOUNCE,
        "Permanent/OnTenantSuppressionList",
        HELD_BACK,
    ),
    "event_bounce_permanent_email_validation_suppressed": (
        EventKind.BOUNCE,
        "Permanent/EmailValidationSuppressed",
        Verdict(Outcome.SOFT_BOUNCED, counts=Count.HELD_BACK),
    ),
    "event_bounce_permanent_unsubscribed_recipient": (
        EventKind.BOUNCE,
        "Permanent/UnsubscribedRecipient",
        Verdict(Outcome.REJECTED, leaves=Leaves.LISTS_OF_MAIL, counts=Count.HELD_BACK),
    ),
    "event_bounce_transient_mailbox_full": (EventKind.BOUNCE, "Transient/MailboxFull", SOFT),
    "event_bounce_transient_message_too_large": (
        EventKind.BOUNCE,
        "Transient/MessageTooLarge",
        REFUSED,
    ),
    "event_bounce_transient_content_rejected": (
        EventKind.BOUNCE,
        "Transient/ContentRejected",
        REFUSED,
    ),
    "event_bounce_transient_attachment_rejected": (
        EventKind.BOUNCE,
        "Transient/AttachmentRejected",
        REFUSED,
    ),
    "event_bounce_transient_custom_timeout": (
        EventKind.BOUNCE,
        "Transient/CustomTimeoutExceeded",
        SOFT,
    ),
    "event_bounce_undetermined_no_recipients": (
        EventKind.BOUNCE,
        "Undetermined/Undetermined",
        SOFT,
    ),
    "event_bounce_multi_recipient_mixed": (EventKind.BOUNCE, "Permanent/General", HARD),
    "event_complaint_abuse": (EventKind.COMPLAINT, "abuse", COMPLAINT),
    "event_complaint_auth_failure": (EventKind.COMPLAINT, "auth-failure", FORGED),
    "event_complaint_not_spam": (EventKind.COMPLAINT, "not-spam", NOTHING),
    "event_complaint_on_account_suppression_list": (
        EventKind.COMPLAINT,
        "OnAccountSuppressionList",
        HELD_BACK,
    ),
    # Two candidates: counted, nobody suppressed.
    "event_complaint_redacted_candidates": (
        EventKind.COMPLAINT,
        "",
        replace(COMPLAINT, suppress=None),
    ),
    "event_reject": (EventKind.REJECT, "Bad content", REJECTED),
    "event_rendering_failure": (
        EventKind.RENDERING_FAILURE,
        "",
        replace(REJECTED, our_fault=True),
    ),
    "event_open": (EventKind.OPEN, "person", NOTHING),
    "event_click": (EventKind.CLICK, "machine", NOTHING),
    "event_click_null_linktags": (EventKind.CLICK, "machine", NOTHING),
    "event_subscription": (
        EventKind.SUBSCRIPTION,
        "unsubscribe_all",
        Verdict(leaves=Leaves.EVERYTHING),
    ),
    "notification_bounce": (EventKind.BOUNCE, "Permanent/General", HARD),
    "notification_bounce_with_headers": (EventKind.BOUNCE, "Permanent/General", HARD),
    "notification_complaint": (EventKind.COMPLAINT, "abuse", COMPLAINT),
    "notification_delivery": (EventKind.DELIVERY, "", DELIVERED),
}


def verdict_of(document: Any, address: str) -> Verdict | None:
    event = parse(json.dumps(document))
    assert event is not None
    recipient = about(event, address)
    return judge(event, recipient) if recipient else None


@pytest.mark.parametrize("name", TABLE)
def test_each_payload_has_the_outcome_of_the_table(name: str) -> None:
    kind, subtype, verdict = TABLE[name]
    event = parse(json.dumps(payload(name)))
    assert event is not None
    assert (event.kind, event.subtype) == (kind, subtype)
    assert event.ses_message_id == SES_ID
    assert event.sending_account_id == "111122223333"
    assert verdict_of(payload(name), "ada@example.com") == verdict


def test_every_payload_is_in_the_table() -> None:
    files = {path.stem for path in PAYLOADS.glob("*.json")}
    others = {
        "cert_url_cases",
        "event_unknown_future_type",
        "event_bounce_transient_general_ooto",
    } | {name for name in files if name.startswith("envelope_")}
    assert files - others == set(TABLE)


def test_an_out_of_office_answer_is_no_bounce() -> None:
    document = payload("event_bounce_transient_general_ooto")
    assert verdict_of(document, "ooto@example.com") == NOTHING
    document["bounce"]["bouncedRecipients"][0]["status"] = "4.4.7"
    assert verdict_of(document, "ooto@example.com") == SOFT


@pytest.mark.parametrize(
    ("feedback_type", "verdict"),
    [
        ("abuse", COMPLAINT),
        ("fraud", COMPLAINT),
        ("virus", COMPLAINT),
        ("other", COMPLAINT),
        (None, COMPLAINT),
        ("a-type-of-next-year", COMPLAINT),
        ("not-spam", NOTHING),
        ("auth-failure", FORGED),
    ],
)
def test_each_type_of_complaint(feedback_type: str | None, verdict: Verdict) -> None:
    document = payload("event_complaint_abuse")
    document["complaint"]["complaintFeedbackType"] = feedback_type
    assert verdict_of(document, "ada@example.com") == verdict


def test_an_unknown_type_and_the_greeting_are_no_events() -> None:
    assert parse(json.dumps(payload("event_unknown_future_type"))) is None
    assert parse("Successfully validated SNS topic for Amazon SES event publishing.") is None


def test_a_message_encoded_twice_is_read() -> None:
    once = json.dumps(payload("event_complaint_abuse"))
    assert parse(json.dumps(once)) == parse(once) is not None


@pytest.mark.parametrize("kind", ["Bounce", "Complaint", "Delivery"])
def test_event_and_notification_types_mean_the_same(kind: str) -> None:
    name = {"Bounce": "permanent_general", "Complaint": "abuse"}.get(kind)
    document = payload(f"event_{kind.lower()}{f'_{name}' if name else ''}")
    as_event = parse(json.dumps(document))
    document["notificationType"] = document.pop("eventType")
    assert parse(json.dumps(document)) == as_event is not None


def test_only_the_bounced_of_two_destinations_bounced() -> None:
    document = payload("event_bounce_multi_recipient_mixed")
    document["bounce"]["bouncedRecipients"] = document["bounce"]["bouncedRecipients"][1:]
    assert verdict_of(document, "ada@example.com") is None
    assert verdict_of(document, "Grace@Example.com") == HARD  # shown with a display name


def test_with_one_destination_a_forwarded_address_means_the_one_we_mailed() -> None:
    document = payload("event_bounce_permanent_general")
    document["bounce"]["bouncedRecipients"][0]["emailAddress"] = "ada@forwarded.example"
    assert verdict_of(document, "ada@example.com") == HARD


def test_a_single_complainant_of_several_destinations_is_exact() -> None:
    document = payload("event_complaint_redacted_candidates")
    document["complaint"]["complainedRecipients"] = [{"emailAddress": "ada@example.com"}]
    assert verdict_of(document, "ada@example.com") == COMPLAINT
    assert verdict_of(document, "joan@example.net") is None


def test_our_tag_is_read_and_anothers_is_not() -> None:
    document = payload("event_send")
    assert parse(json.dumps(document)).message_id is None  # type: ignore[union-attr]
    for value, expected in [("42", 42), ("x", None), ("-1", None), ("9" * 30, None), ("", None)]:
        document["mail"]["tags"]["bf_msg"] = [value]
        assert parse(json.dumps(document)).message_id == expected  # type: ignore[union-attr]


def test_the_diagnostic_and_times_are_kept() -> None:
    event = parse(json.dumps(payload("event_bounce_permanent_general")))
    assert event is not None
    assert event.at == datetime(2026, 11, 20, 10, 0, 2, 500_000, tzinfo=UTC)
    assert event.recipients[0].diagnostic == "smtp; 550 5.1.1 user unknown"
    document = payload("event_send")
    document["mail"]["timestamp"] = "2018-10-08T14:05:45 +0000"
    event = parse(json.dumps(document))
    assert event is not None
    assert event.at == datetime(2018, 10, 8, 14, 5, 45, tzinfo=UTC)


def test_copies_of_an_event_share_a_mark_and_different_ones_do_not() -> None:
    bounce = parse(json.dumps(payload("event_bounce_permanent_general")))
    again = parse(json.dumps(payload("notification_bounce")))
    opened = parse(json.dumps(payload("event_open")))
    assert bounce is not None and again is not None and opened is not None
    assert bounce.dedupe == again.dedupe != opened.dedupe


_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"


@pytest.mark.parametrize(
    ("agent", "seconds", "who"),
    [
        (_PHONE, 300, "person"),
        ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", 300, "person"),
        ("YahooMailProxy; https://help.yahoo.com", 300, "person"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", 300, "machine"),
        ("Mozilla/5.0", 300, "machine"),
        ("", 300, "machine"),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", 300, "machine"),
        ("python-requests/2.32", 300, "machine"),
        (_PHONE, 2, "machine"),
        (_PHONE, 4, "person"),
    ],
)
def test_who_opened_is_told_by_agent_and_time(agent: str, seconds: int, who: str) -> None:
    document = payload("event_open")
    sent = datetime.fromisoformat(document["mail"]["timestamp"])
    document["open"]["userAgent"] = agent
    document["open"]["timestamp"] = (sent + timedelta(seconds=seconds)).isoformat()
    event = parse(json.dumps(document))
    assert event is not None
    assert event.subtype == who


@pytest.mark.parametrize(
    "message",
    [
        "",
        "text",
        "[]",
        "1",
        "{}",
        '{"eventType": ["Bounce"]}',
        '{"eventType": "Bounce"}',
        '{"eventType": "Bounce", "mail": null, "bounce": {}}',
        '{"eventType": "Bounce", "mail": {}, "bounce": []}',
        '{"eventType": "Send", "mail": {"messageId": "x", "timestamp": "yesterday"}}',
        json.dumps(payload("event_bounce_permanent_general") | {"mail": "text"}),
        "[" * 100_000,
    ],
)
def test_what_cannot_be_read_says_so(message: str) -> None:
    with pytest.raises(UnreadableEvent):
        parse(message)
