"""Which permissions we have been given, found out without changing anything.

IAM is asked before the rest of a call is looked at, so a call that must fail for another reason
(an identity that nobody has verified, a topic that does not exist) tells whether it is allowed.
Where no such call exists the answer is "unknown": it shows when it is used for the first time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sending.ses.api import SesApi
from sending.ses.errors import SesError
from sending.ses.explain import missing_action
from sending.ses.policies import actions
from sending.ses.provisioning import Setup

# A domain that can never be verified, and names that we never make.
_NOBODY = "permission-check.bluefox.invalid"
_NOTHING = "bluefox-permission-check"
_NO_UUID = "00000000-0000-4000-8000-000000000000"
# SES answers one control call a second.
_TRIES, _WAIT = 4, 1.1


class Permission(StrEnum):
    ALLOWED = "allowed"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Place:
    """Where the calls are aimed: our set and topic by name, whether they exist or not."""

    setup: Setup
    topic_arn: str
    queue_url: str = ""  # "" while there is none
    identity: str = ""  # one that exists


Probe = Callable[[SesApi, Place], Any]


def _create_identity(api: SesApi, place: Place) -> None:
    api.create_identity(place.identity)  # exists: nothing is made


_PROBES: dict[str, Probe] = {
    "ses:GetAccount": lambda api, _: api.get_account(),
    "ses:ListEmailIdentities": lambda api, _: api.identities(),
    "ses:GetEmailIdentity": lambda api, _: api.get_identity(_NOBODY),
    "ses:ListSuppressedDestinations": lambda api, _: api.list_suppressed(),
    # No address, and no reason that SES knows; then one that is on no list.
    "ses:PutSuppressedDestination": lambda api, _: api.put_suppressed("-", "NONE"),
    "ses:DeleteSuppressedDestination": lambda api, _: api.delete_suppressed(f"nobody@{_NOBODY}"),
    # The sender is not verified: refused, and nothing leaves.
    "ses:SendEmail": lambda api, _: api.send_text(
        from_address=f"nobody@{_NOBODY}",
        to="success@simulator.amazonses.com",
        subject="-",
        text="-",
        configuration_set="",
        tags={},
    ),
    # No such destination in our set, or no such set.
    "ses:UpdateConfigurationSetEventDestination": lambda api, place: api.update_event_destination(
        place.setup.name, _NOTHING, {"Enabled": False, "MatchingEventTypes": ["SEND"]}
    ),
    # A token that SNS has not given.
    "sns:ConfirmSubscription": lambda api, place: api.confirm_subscription(
        place.topic_arn, "0" * 250
    ),
    # Subscriptions that do not exist.
    "sns:SetSubscriptionAttributes": lambda api, place: api.set_subscription_attribute(
        f"{place.topic_arn}:{_NO_UUID}", "RawMessageDelivery", "false"
    ),
    "sns:Unsubscribe": lambda api, place: api.unsubscribe(f"{place.topic_arn}:{_NO_UUID}"),
}

# These say the same again, where what they name is there already.
_WHEN_SET_UP: dict[str, Probe] = {
    "ses:CreateConfigurationSet": lambda api, place: api.create_configuration_set(place.setup.name),
    "sns:CreateTopic": lambda api, place: api.create_topic(place.setup.topic_name),
    "sns:SetTopicAttributes": lambda api, place: api.set_topic_attribute(
        place.topic_arn, "SignatureVersion", "2"
    ),
}
_WITH_QUEUE: dict[str, Probe] = {
    "sqs:GetQueueAttributes": lambda api, place: api.letters_waiting(place.queue_url),
    # A receipt that SQS has not given.
    "sqs:DeleteMessage": lambda api, place: api.delete_letter(place.queue_url, "bluefox" * 20),
}


def check(api: SesApi, place: Place) -> dict[str, str]:
    """Each action of our policy: allowed, missing or unknown. About a dozen calls.

    Takes a second for each call of SES where that is asked too often.
    """
    probes = dict(_PROBES)
    if place.setup.topic_arn:
        probes |= _WHEN_SET_UP
    if place.queue_url:
        probes |= _WITH_QUEUE
    if place.identity:
        probes["ses:CreateEmailIdentity"] = _create_identity
    return {
        action: _ask(action, probe, api, place)
        if (probe := probes.get(action))
        else Permission.UNKNOWN
        for action in actions()
    }


def _ask(action: str, probe: Probe, api: SesApi, place: Place) -> Permission:
    for _ in range(_TRIES):
        try:
            probe(api, place)
        except SesError as error:
            if error.may_pass:
                time.sleep(_WAIT)
                continue
            if error.http_status == 403 and missing_action(error.message) in (action, ""):
                return Permission.MISSING
        return Permission.ALLOWED
    return Permission.UNKNOWN
