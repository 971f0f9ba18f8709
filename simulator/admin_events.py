"""Events and SNS messages made by hand, true and forged."""

import time
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

from simulator import events, sns_envelope
from simulator.accounts import Subscription
from simulator.cloud import Cloud
from simulator.messages import Message, timestamp
from simulator.web import ApiError, Response, json_response

BROWSER = "Mozilla/5.0"


Makers = dict[str, Callable[[float], dict[str, Any]]]


def emit(cloud: Cloud, message_id: str, body: dict[str, Any]) -> Response:
    """Publish one more event of an accepted message, where its configuration set wants it.

    `type` is Open, Click, Complaint, Bounce, Delivery, DeliveryDelay, Reject or Send;
    `recipients` default to all.
    """
    mail = cloud.mailbox.get(message_id)
    if mail is None or mail.message is None:
        raise ApiError("NotFound", "No such message is kept.", 404)
    message = mail.message
    kind = str(body.get("type", ""))
    to = body.get("recipients") or [address for address, _ in message.outcomes]
    if kind == "Complaint":
        cloud.feedback.complain(message, to, str(body.get("feedback_type", "abuse")))
    elif kind == "Bounce":
        name = str(body.get("bounce", "hard"))
        if name not in events.BOUNCES:
            raise ApiError("BadRequest", f"bounce must be one of {', '.join(events.BOUNCES)}")
        cloud.feedback.bounce(message, to, name)
    else:
        makers = _makers(message, to, body)
        if kind not in makers:
            known = ", ".join((*makers, "Complaint", "Bounce"))
            raise ApiError("BadRequest", f"type must be one of {known}")
        cloud.feedback.emit(kind, message, makers[kind])
    return json_response({})


def _makers(message: Message, to: list[str], body: dict[str, Any]) -> Makers:
    agent = str(body.get("user_agent", BROWSER))
    link = str(body.get("link", "https://www.example.com/"))
    return {
        "Send": lambda _: events.send(message),
        "Reject": lambda _: events.reject(message),
        "Delivery": lambda now: events.delivery(message, to, now),
        "DeliveryDelay": lambda now: events.delivery_delay(message, to, now),
        "Open": lambda now: events.opened(message, now, agent),
        "Click": lambda now: events.clicked(message, now, agent, link),
    }


async def forge(cloud: Cloud, body: dict[str, Any]) -> Response:
    """Post one SNS envelope of any content to `endpoint` and return its answer.

    The signature is true to what is in `topic_arn`, `message`, `subject`, `type`, `version`;
    `override` then replaces fields without signing again, `headers` likewise.
    """
    endpoint, topic_arn = str(body.get("endpoint", "")), str(body.get("topic_arn", ""))
    if not endpoint.startswith(("http://", "https://")) or topic_arn.count(":") != 5:
        raise ApiError("BadRequest", "endpoint and topic_arn are required")
    envelope = _forged(cloud, body, topic_arn)
    headers = sns_envelope.headers(envelope, str(body.get("subscription_arn", f"{topic_arn}:1")))
    headers |= body.get("headers") or {}
    try:
        status, text = await cloud.publisher.post(endpoint, orjson.dumps(envelope), headers)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ApiError("BadGateway", f"The endpoint did not answer: {error}", 502) from None
    return json_response({"status": status, "answer": text, "envelope": envelope})


def _forged(cloud: Cloud, body: dict[str, Any], topic_arn: str) -> dict[str, str]:
    kind = str(body.get("type", "Notification"))
    now = str(body.get("timestamp") or timestamp(time.time()))
    arn = str(body.get("subscription_arn", f"{topic_arn}:1"))
    if kind == "Notification":
        message = body.get("message", "")
        text = message if isinstance(message, str) else orjson.dumps(message).decode()
        envelope = sns_envelope.notification(topic_arn, arn, text, body.get("subject"), now)
    elif kind in sns_envelope.SIGNED_FIELDS:
        token = str(body.get("token", "0" * 250))
        subscription = Subscription(arn, topic_arn, "https", "", token)
        envelope = sns_envelope.confirmation(kind, subscription, now)
    else:
        raise ApiError("BadRequest", f"type must be one of {', '.join(sns_envelope.SIGNED_FIELDS)}")
    for name in ("MessageId", "SubscribeURL"):
        if name in (body.get("signed") or {}):
            envelope[name] = str(body["signed"][name])
    signed = sns_envelope.signed(envelope, cloud.signer, str(body.get("version", "1")))
    return signed | (body.get("override") or {})
