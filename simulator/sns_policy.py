"""Retry schedules of HTTP subscriptions and the access policy of topics."""

from fnmatch import fnmatchcase
from typing import Any

import orjson

from simulator.accounts import Subscription, Topic
from simulator.web import ApiError

DEFAULT_RETRY: dict[str, Any] = {
    "numRetries": 3,
    "numNoDelayRetries": 0,
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numMinDelayRetries": 0,
    "numMaxDelayRetries": 0,
    "backoffFunction": "linear",
}
TOTAL_LIMIT = 3600  # seconds, AWS's hard cap over all retries
BACKOFFS = ("linear", "arithmetic", "geometric", "exponential")


def retry_policy(subscription: Subscription, topic: Topic | None) -> dict[str, Any]:
    """Return the retry policy in force: the subscription's, else the topic's, else AWS's."""
    own = _json(subscription.attributes.get("DeliveryPolicy"))
    policy = own.get("healthyRetryPolicy")
    if policy is None and topic is not None:
        http = _json(topic.attributes.get("DeliveryPolicy")).get("http") or {}
        policy = http.get("defaultHealthyRetryPolicy")
    return DEFAULT_RETRY | (policy or {})


def retry_delays(policy: dict[str, Any]) -> list[float]:
    """Return the wait in seconds before each retry.

    The phases (at once, minimum, rising, maximum) are those of the SNS Developer Guide, "Message
    delivery retries"; what would pass an hour in all is cut off.
    """
    low, high = float(policy["minDelayTarget"]), float(policy["maxDelayTarget"])
    at_once, at_low = int(policy["numNoDelayRetries"]), int(policy["numMinDelayRetries"])
    at_high = int(policy["numMaxDelayRetries"])
    rising = max(0, int(policy["numRetries"]) - at_once - at_low - at_high)
    delays = [0.0] * at_once + [low] * at_low
    for step in range(1, rising + 1):
        part = step / rising
        if policy["backoffFunction"] in ("geometric", "exponential"):
            delays.append(low * (high / low) ** part)
        else:
            delays.append(low + (high - low) * part)
    delays = (delays + [high] * at_high)[: int(policy["numRetries"])]
    kept: list[float] = []
    for delay in delays:
        if sum(kept) + delay > TOTAL_LIMIT:
            break
        kept.append(delay)
    return kept


def check_delivery_policy(text: str) -> None:
    """Raise InvalidParameter unless the text is a delivery policy SNS takes."""
    policy = _json(text).get("healthyRetryPolicy")
    if policy is None:
        return
    merged = DEFAULT_RETRY | policy
    if not 0 <= merged["numRetries"] <= 100:
        raise _invalid("DeliveryPolicy: numRetries must be between 0 and 100")
    if not 1 <= merged["minDelayTarget"] <= merged["maxDelayTarget"] <= TOTAL_LIMIT:
        raise _invalid("DeliveryPolicy: minDelayTarget must be between 1 and maxDelayTarget")
    counts = ("numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")
    if sum(merged[name] for name in counts) > merged["numRetries"]:
        raise _invalid("DeliveryPolicy: the phases add up to more than numRetries")
    if merged["backoffFunction"] not in BACKOFFS:
        raise _invalid(f"DeliveryPolicy: backoffFunction must be one of {', '.join(BACKOFFS)}")


def check_json(name: str, text: str) -> None:
    """Raise InvalidParameter unless the attribute is a JSON object."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise _invalid(f"{name}: failed to parse JSON")


def ses_may_publish(topic: Topic, account: str, set_arn: str) -> bool:
    """Return whether SES may publish to the topic for that account and configuration set.

    A topic without a policy of its own takes what its owner's services publish.
    """
    text = topic.attributes.get("Policy")
    if not text:
        return topic.arn.split(":")[4] == account
    for statement in _as_list(_json(text).get("Statement")):
        principal = statement.get("Principal")
        services = _as_list(principal.get("Service")) if isinstance(principal, dict) else []
        everyone = principal == "*" or (isinstance(principal, dict) and principal.get("AWS") == "*")
        actions = [str(a).lower() for a in _as_list(statement.get("Action"))]
        if (
            statement.get("Effect") == "Allow"
            and ("ses.amazonaws.com" in services or everyone)
            and any(fnmatchcase("sns:publish", action) for action in actions)
            and _conditions_hold(statement.get("Condition") or {}, account, set_arn)
        ):
            return True
    return False


def _conditions_hold(conditions: dict[str, Any], account: str, set_arn: str) -> bool:
    values = {
        "aws:sourceaccount": account,
        "aws:sourceowner": account,
        "aws:sourcearn": set_arn,
    }
    for keys in conditions.values():
        for key, patterns in keys.items():
            value = values.get(key.lower(), "")
            if not any(fnmatchcase(value, str(p)) for p in _as_list(patterns)):
                return False
    return True


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _json(text: str | None) -> dict[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {message}")
