"""The JSON records SES publishes (SES Developer Guide, "Contents of event data ... SNS")."""

from typing import Any

from simulator.messages import Message, new_id, timestamp
from simulator.mime import addresses_in

NOTIFICATION_TYPES = ("Bounce", "Complaint", "Delivery")
HEADERS_LIMIT = 10_240  # bytes of headers in a record; the rest is cut and said so
OUTGOING_IP = "192.0.2.44"
REMOTE_IP = "192.0.2.25"
USER_AGENT = "SimulatorFBL/1.0"
# event type as written in a record -> as named in MatchingEventTypes
DESTINATION_TYPES = {
    "Send": "SEND",
    "Reject": "REJECT",
    "Bounce": "BOUNCE",
    "Complaint": "COMPLAINT",
    "Delivery": "DELIVERY",
    "Open": "OPEN",
    "Click": "CLICK",
    "Rendering Failure": "RENDERING_FAILURE",
    "DeliveryDelay": "DELIVERY_DELAY",
    "Subscription": "SUBSCRIPTION",
}
# (bounceType, bounceSubType) -> status, diagnosticCode, reportingMTA is the outgoing host
BOUNCES = {
    "hard": ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown", True),
    "soft": ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 Mailbox full", True),
    "global": (
        "Permanent",
        "Suppressed",
        "5.1.1",
        "Amazon SES has suppressed sending to this address because it has a recent history of "
        "bouncing as an invalid address.",
        False,
    ),
    "account": (
        "Permanent",
        "OnAccountSuppressionList",
        "5.1.1",
        "Amazon SES did not send the message to this address because it is on the suppression "
        "list for your account.",
        False,
    ),
}


def mail_object(message: Message, delivered: bool = False, headers: bool = True) -> dict[str, Any]:
    """Return the record's `mail` object; Delivery adds the outgoing address to the tags."""
    kept: list[dict[str, str]] = []
    size = 0
    for name, value in message.headers:
        size += len(name) + len(value) + 4
        if size > HEADERS_LIMIT:
            break
        kept.append({"name": name, "value": value})
    mail: dict[str, Any] = {
        "timestamp": timestamp(message.time),
        "source": message.source,
        "sourceArn": message.source_arn,
        "sendingAccountId": message.account,
        "messageId": message.id,
        "destination": message.destination,
        "headersTruncated": len(kept) < len(message.headers),
    }
    if headers:
        mail["headers"] = kept
        mail["commonHeaders"] = _common_headers(message)
    mail["tags"] = _tags(message, delivered)
    return mail


def notification(record: dict[str, Any], message: Message, headers: bool) -> dict[str, Any]:
    """Return a Bounce, Complaint or Delivery record as a notification of the identity has it.

    It knows no configuration set and no tags.
    """
    mail = {key: value for key, value in record["mail"].items() if key != "tags"}
    if not headers:
        for key in ("headersTruncated", "headers", "commonHeaders"):
            mail.pop(key)
    mail |= {"sourceIp": message.source_ip, "callerIdentity": message.caller}
    kind = record["eventType"]
    detail = record[kind.lower()]
    if kind == "Bounce" and mta(message.region) in detail.get("reportingMTA", ""):
        detail = detail | {"remoteMtaIp": REMOTE_IP}
    return {"notificationType": kind, kind.lower(): detail, "mail": mail}


def _common_headers(message: Message) -> dict[str, Any]:
    values = {name.lower(): value for name, value in reversed(message.headers)}
    common: dict[str, Any] = {}
    for key, name in (("returnPath", "return-path"), ("from", "from"), ("replyTo", "reply-to"),
                      ("date", "date"), ("to", "to"), ("cc", "cc")):  # fmt: skip
        if name not in values:
            continue
        if key in ("date", "returnPath"):
            common[key] = values[name]
        elif key == "to":
            common[key] = list(addresses_in(values[name]))
        else:
            common[key] = [part.strip() for part in values[name].split(",")]
    common["messageId"] = message.id
    if "subject" in values:
        common["subject"] = values["subject"]
    return common


def _tags(message: Message, delivered: bool) -> dict[str, list[str]]:
    tags = {
        "ses:operation": ["SendEmail"],
        "ses:configuration-set": [message.configuration_set],
        "ses:source-ip": [message.source_ip],
        "ses:from-domain": [message.source.rpartition("@")[2].strip("> ").lower()],
        "ses:caller-identity": [message.caller],
    }
    tags.update({name: [value] for name, value in message.tags.items()})
    if delivered:
        tags["ses:outgoing-ip"] = [OUTGOING_IP]
    return tags


def mta(region: str) -> str:
    """Return the name of the host that SES sends from."""
    return f"a7-11.smtp-out.{region}.amazonses.com"


def send(message: Message) -> dict[str, Any]:
    """Return a Send record."""
    return {"eventType": "Send", "send": {}, "mail": mail_object(message)}


def reject(message: Message) -> dict[str, Any]:
    """Return a Reject record."""
    return {
        "eventType": "Reject",
        "reject": {"reason": "Bad content"},
        "mail": mail_object(message),
    }


def delivery(message: Message, recipients: list[str], now: float) -> dict[str, Any]:
    """Return a Delivery record for recipients of one host."""
    return {
        "eventType": "Delivery",
        "delivery": {
            "timestamp": timestamp(now),
            "processingTimeMillis": max(1, int((now - message.time) * 1000)),
            "recipients": recipients,
            "smtpResponse": f"250 2.0.0 OK {int(now)} {message.id[:16]}",
            "remoteMtaIp": REMOTE_IP,
            "reportingMTA": mta(message.region),
        },
        "mail": mail_object(message, delivered=True),
    }


def bounce(message: Message, recipients: list[str], kind: str, now: float) -> dict[str, Any]:
    """Return a Bounce record, one for all recipients of that kind (a key of BOUNCES)."""
    bounce_type, sub_type, status, diagnostic, by_host = BOUNCES[kind]
    host = f"dns; {mta(message.region)}" if by_host else "dns; amazonses.com"
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": bounce_type,
            "bounceSubType": sub_type,
            "bouncedRecipients": [
                {
                    "emailAddress": address,
                    "action": "failed",
                    "status": status,
                    "diagnosticCode": diagnostic,
                }
                for address in recipients
            ],
            "timestamp": timestamp(now),
            "feedbackId": new_id(message.region, now),
            "reportingMTA": host,
        },
        "mail": mail_object(message),
    }


def auto_reply(message: Message, recipients: list[str], now: float) -> dict[str, Any]:
    """Return the Bounce record that an out-of-office answer to the Return-Path becomes."""
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": "Transient",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": address} for address in recipients],
            "timestamp": timestamp(now),
            "feedbackId": new_id(message.region, now),
        },
        "mail": mail_object(message),
    }


def complaint(
    message: Message, recipients: list[str], now: float, feedback_type: str = "abuse"
) -> dict[str, Any]:
    """Return a Complaint record."""
    return {
        "eventType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": address} for address in recipients],
            "timestamp": timestamp(now),
            "feedbackId": new_id(message.region, now),
            "complaintSubType": None,
            "userAgent": USER_AGENT,
            "complaintFeedbackType": feedback_type,
            "arrivalDate": timestamp(now),
        },
        "mail": mail_object(message),
    }


def delivery_delay(message: Message, recipients: list[str], now: float) -> dict[str, Any]:
    """Return a DeliveryDelay record."""
    return {
        "eventType": "DeliveryDelay",
        "deliveryDelay": {
            "timestamp": timestamp(now),
            "delayType": "TransientCommunicationFailure",
            "expirationTime": timestamp(now + 14 * 3600),
            "reportingMTA": mta(message.region),
            "delayedRecipients": [
                {
                    "emailAddress": address,
                    "status": "4.4.1",
                    "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
                }
                for address in recipients
            ],
        },
        "mail": mail_object(message, headers=False),
    }


def opened(message: Message, now: float, user_agent: str) -> dict[str, Any]:
    """Return an Open record."""
    return {
        "eventType": "Open",
        "open": {"ipAddress": "192.0.2.7", "timestamp": timestamp(now), "userAgent": user_agent},
        "mail": mail_object(message),
    }


def clicked(message: Message, now: float, user_agent: str, link: str) -> dict[str, Any]:
    """Return a Click record."""
    return {
        "eventType": "Click",
        "click": {
            "ipAddress": "192.0.2.7",
            "timestamp": timestamp(now),
            "userAgent": user_agent,
            "link": link,
            "linkTags": None,
        },
        "mail": mail_object(message),
    }
