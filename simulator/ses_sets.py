"""SES configuration sets and their event destinations (SES API v2 Reference)."""

import re
from typing import Any

from simulator.accounts import ConfigurationSet, EventDestination
from simulator.events import DESTINATION_TYPES
from simulator.ses_control import Call, Operation, paged, reasons_in
from simulator.sns_policy import ses_may_publish
from simulator.web import ApiError, Response, json_response

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TYPES = frozenset(DESTINATION_TYPES.values())
MAX_SETS = 10_000
MAX_DESTINATIONS = 10
OPTIONS = ("TrackingOptions", "DeliveryOptions", "ReputationOptions", "SendingOptions",
           "SuppressionOptions", "VdmOptions", "ArchivingOptions")  # fmt: skip
TARGETS = ("KinesisFirehoseDestination", "CloudWatchDestination", "EventBridgeDestination",
           "PinpointDestination")  # fmt: skip


def create(call: Call) -> Response:
    """CreateConfigurationSet. AlreadyExistsException 400 for one that is there."""
    name = str(call.body.get("ConfigurationSetName") or "")
    call.allow("CreateConfigurationSet", f"configuration-set/{name}")
    _check_name(name, "configuration set")
    if name in call.region.configuration_sets:
        raise ApiError("AlreadyExistsException", f"Configuration set <{name}> already exists.")
    if len(call.region.configuration_sets) >= MAX_SETS:
        raise ApiError("LimitExceededException", f"The limit of {MAX_SETS} sets is reached.")
    options = {key: call.body[key] for key in OPTIONS if call.body.get(key) is not None}
    reasons_in((options.get("SuppressionOptions") or {}).get("SuppressedReasons") or [])
    sending = (options.pop("SendingOptions", None) or {}).get("SendingEnabled", True)
    call.region.configuration_sets[name] = ConfigurationSet(name, bool(sending), options)
    return call.changed()


def get(call: Call) -> Response:
    """GetConfigurationSet."""
    found = _set(call, "GetConfigurationSet")
    answer: dict[str, Any] = {
        "ConfigurationSetName": found.name,
        "SendingOptions": {"SendingEnabled": found.sending_enabled},
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
        "Tags": [],
    }
    return json_response(answer | found.options)


def list_all(call: Call) -> Response:
    """ListConfigurationSets, in pages."""
    call.allow("ListConfigurationSets")
    page, token = paged(sorted(call.region.configuration_sets), call.page())
    return json_response({"ConfigurationSets": page} | token)


def delete(call: Call) -> Response:
    """DeleteConfigurationSet."""
    found = _set(call, "DeleteConfigurationSet")
    del call.region.configuration_sets[found.name]
    return call.changed()


def put_sending(call: Call) -> Response:
    """PutConfigurationSetSendingOptions."""
    found = _set(call, "PutConfigurationSetSendingOptions")
    found.sending_enabled = bool(call.body.get("SendingEnabled", False))
    return call.changed()


def put_suppression(call: Call) -> Response:
    """PutConfigurationSetSuppressionOptions."""
    found = _set(call, "PutConfigurationSetSuppressionOptions")
    reasons = reasons_in(call.body.get("SuppressedReasons") or [])
    found.options["SuppressionOptions"] = {"SuppressedReasons": reasons}
    return call.changed()


def create_destination(call: Call) -> Response:
    """CreateConfigurationSetEventDestination; disabled unless Enabled is true."""
    found = _set(call, "CreateConfigurationSetEventDestination")
    name = str(call.body.get("EventDestinationName") or "")
    _check_name(name, "event destination")
    if name in found.destinations:
        raise ApiError("AlreadyExistsException", f"Event destination <{name}> already exists.")
    if len(found.destinations) >= MAX_DESTINATIONS:
        raise ApiError(
            "LimitExceededException", f"At most {MAX_DESTINATIONS} event destinations a set."
        )
    found.destinations[name] = _destination(call, found, name)
    return call.changed()


def get_destinations(call: Call) -> Response:
    """GetConfigurationSetEventDestinations."""
    found = _set(call, "GetConfigurationSetEventDestinations")
    return json_response({"EventDestinations": [_json(d) for d in found.destinations.values()]})


def update_destination(call: Call) -> Response:
    """UpdateConfigurationSetEventDestination."""
    found = _set(call, "UpdateConfigurationSetEventDestination")
    name = _existing(call, found)
    found.destinations[name] = _destination(call, found, name)
    return call.changed()


def delete_destination(call: Call) -> Response:
    """DeleteConfigurationSetEventDestination."""
    found = _set(call, "DeleteConfigurationSetEventDestination")
    del found.destinations[_existing(call, found)]
    return call.changed()


def _existing(call: Call, found: ConfigurationSet) -> str:
    name = call.arguments[1]
    if name not in found.destinations:
        raise ApiError("NotFoundException", f"Event destination <{name}> does not exist.", 404)
    return name


def _destination(call: Call, found: ConfigurationSet, name: str) -> EventDestination:
    """Return the destination a request describes; a new SNS topic gets the opening sentence."""
    given = call.body.get("EventDestination") or {}
    types = given.get("MatchingEventTypes") or []
    if not types:
        raise ApiError("BadRequestException", "MatchingEventTypes must name at least one type.")
    unknown = [str(t) for t in types if t not in TYPES]
    if unknown:
        raise ApiError("BadRequestException", f"Unknown event type {', '.join(unknown)}.")
    topic_arn = str((given.get("SnsDestination") or {}).get("TopicArn") or "")
    other = {key: given[key] for key in TARGETS if given.get(key)}
    if bool(topic_arn) + len(other) != 1:
        raise ApiError("BadRequestException", "An event destination needs exactly one target.")
    if topic_arn:
        _check_topic(call, found, topic_arn)
        call.cloud.feedback.validate(topic_arn)
    return EventDestination(name, bool(given.get("Enabled", False)), list(types), topic_arn, other)


def _check_topic(call: Call, found: ConfigurationSet, topic_arn: str) -> None:
    topic = call.region.topics.get(topic_arn)
    if topic is None:
        raise ApiError("BadRequestException", f"SNS topic <{topic_arn}> not found.")
    account = call.caller.account.id
    arn = f"arn:aws:ses:{call.region.name}:{account}:configuration-set/{found.name}"
    if not ses_may_publish(topic, account, arn):
        raise ApiError(
            "BadRequestException", f"Could not publish to SNS topic <{topic_arn}>: access denied."
        )


def _json(destination: EventDestination) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": destination.name,
        "Enabled": destination.enabled,
        "MatchingEventTypes": destination.types,
    }
    if destination.topic_arn:
        answer["SnsDestination"] = {"TopicArn": destination.topic_arn}
    return answer | destination.other


def _check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise ApiError(
            "BadRequestException",
            f"Invalid {what} name <{name}>: only alphanumeric ASCII characters, '_', and '-' are "
            "allowed, at most 64 of them.",
        )


def _set(call: Call, action: str) -> ConfigurationSet:
    name = call.arguments[0]
    call.allow(action, f"configuration-set/{name}")
    found = call.region.configuration_sets.get(name)
    if found is None:
        raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    return found


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "configuration-sets"): create,
    ("POST", "list-configuration-sets"): list_all,
    ("GET", "configuration-sets"): list_all,
    ("GET", "configuration-sets/*"): get,
    ("DELETE", "configuration-sets/*"): delete,
    ("PUT", "configuration-sets/*/sending"): put_sending,
    ("PUT", "configuration-sets/*/suppression-options"): put_suppression,
    ("POST", "configuration-sets/*/event-destinations"): create_destination,
    ("GET", "configuration-sets/*/event-destinations"): get_destinations,
    ("PUT", "configuration-sets/*/event-destinations/*"): update_destination,
    ("DELETE", "configuration-sets/*/event-destinations/*"): delete_destination,
}
