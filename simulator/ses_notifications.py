"""Notifications of an identity, the older way back (SES API 2010-12-01, query protocol)."""

from collections.abc import Callable
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from simulator import iam
from simulator.accounts import Identity, Region
from simulator.cloud import Cloud
from simulator.events import NOTIFICATION_TYPES
from simulator.sns_policy import ses_may_publish
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, xml_response

NAMESPACE = "http://ses.amazonaws.com/doc/2010-12-01/"


class Notifications:
    """One call: its parameters, who made it and where. Operations return XML."""

    def __init__(self, params: dict[str, str], caller: Caller, cloud: Cloud) -> None:
        self.params = params
        self.caller = caller
        self.cloud = cloud
        self.region: Region = caller.account.region(caller.region)

    def set_topic(self) -> str:
        """SetIdentityNotificationTopic; without a topic, notifications of the type end."""
        identity, kind = self._identity(), self._type()
        arn = self.params.get("SnsTopic")
        if arn is None:
            identity.notifications.pop(kind, None)
        else:
            self._check(arn, identity)
            identity.notifications[kind] = arn
            self.cloud.feedback.greet(arn, identity.name, kind)
        self.cloud.store.touch()
        return ""

    def set_headers(self) -> str:
        """SetIdentityHeadersInNotificationsEnabled, where the type has a topic."""
        identity, kind = self._identity(), self._type()
        if kind not in identity.notifications:
            raise _invalid(f"No SNS topic is set for {kind} notifications of {identity.name}.")
        enabled = self.params.get("Enabled") == "true"
        kept = [one for one in identity.headers_in if one != kind]
        identity.headers_in = [*kept, kind] if enabled else kept
        self.cloud.store.touch()
        return ""

    def get(self) -> str:
        """GetIdentityNotificationAttributes, of those that exist."""
        wanted = [value for key, value in self.params.items() if key.startswith("Identities.")]
        if len(wanted) > 100:
            raise _invalid("At most 100 identities can be asked for at once.")
        found = [self.region.identities[one] for one in wanted if one in self.region.identities]
        entries = "".join(
            f"<entry><key>{escape(one.name)}</key><value>{_attributes(one)}</value></entry>"
            for one in found
        )
        return f"<NotificationAttributes>{entries}</NotificationAttributes>"

    def _identity(self) -> Identity:
        given = self.params.get("Identity", "")
        own = f"arn:aws:ses:{self.region.name}:{self.caller.account.id}:identity/"
        found = self.region.identities.get(given.removeprefix(own))
        if found is None or not found.verified:
            raise _invalid(
                f"Identity {given} is invalid. Must be a verified email address or domain."
            )
        return found

    def _type(self) -> str:
        kind = self.params.get("NotificationType", "")
        if kind not in NOTIFICATION_TYPES:
            allowed = ", ".join(NOTIFICATION_TYPES)
            raise ApiError(
                "ValidationError",
                f"1 validation error detected: Value '{kind}' at 'notificationType' failed to "
                f"satisfy constraint: Member must satisfy enum value set: [{allowed}]",
            )
        return kind

    def _check(self, arn: str, identity: Identity) -> None:
        topic = self.region.topics.get(arn)
        account = self.caller.account.id
        own = f"arn:aws:ses:{self.region.name}:{account}:identity/{identity.name}"
        if topic is None or not ses_may_publish(topic, account, own):
            raise _invalid(f"SNS topic {arn} is invalid.")


def _attributes(identity: Identity) -> str:
    topics = "".join(
        f"<{kind}Topic>{arn}</{kind}Topic>" for kind, arn in identity.notifications.items()
    )
    headers = "".join(
        f"<HeadersIn{kind}NotificationsEnabled>{str(kind in identity.headers_in).lower()}"
        f"</HeadersIn{kind}NotificationsEnabled>"
        for kind in NOTIFICATION_TYPES
    )
    return f"<ForwardingEnabled>true</ForwardingEnabled>{topics}{headers}"


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


OPERATIONS: dict[str, Callable[[Notifications], str]] = {
    "SetIdentityNotificationTopic": Notifications.set_topic,
    "SetIdentityHeadersInNotificationsEnabled": Notifications.set_headers,
    "GetIdentityNotificationAttributes": Notifications.get,
}


def handle(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Answer one signed call, or raise its error."""
    params = dict(parse_qsl(request.body.decode(), keep_blank_values=True)) | request.params()
    action = params.get("Action", "")
    operation = OPERATIONS.get(action)
    if operation is None:
        raise ApiError("InvalidAction", f"The action {action} is not valid for this endpoint.")
    iam.require(caller, f"ses:{action}", "*", "AccessDenied")
    result = operation(Notifications(params, caller, cloud))
    return xml_response(action, result, NAMESPACE, wrapped=True)
