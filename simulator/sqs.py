"""SQS: queues that take what SNS could not deliver (SQS API Reference, JSON protocol).

A service that once spoke the query protocol: the error code that clients see stands in the
header x-amzn-query-error, the shape's name in the body.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import orjson

from simulator import iam
from simulator.accounts import Queue, QueuedMessage, Region
from simulator.cloud import Cloud
from simulator.dead_letters import KEPT_BY_DEFAULT, expire
from simulator.sns_policy import check_json
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, request_id

TARGET = "AmazonSQS."
JSON_TYPE = "application/x-amz-json-1.0"
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
DEFAULTS = {"MessageRetentionPeriod": KEPT_BY_DEFAULT, "VisibilityTimeout": "30"}
LIMITS = {
    "MessageRetentionPeriod": (60, 1_209_600),
    "VisibilityTimeout": (0, 43_200),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, 1_048_576),
}
SHAPES = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "QueueAlreadyExists": "QueueNameExists",
    "AccessDenied": "AccessDeniedException",
}
Json = dict[str, Any]


class Sqs:
    """One call: what it says, who made it and where. Operations return JSON."""

    def __init__(self, body: Json, caller: Caller, cloud: Cloud) -> None:
        self.body = body
        self.caller = caller
        self.cloud = cloud
        self.region: Region = caller.account.region(caller.region)

    def create_queue(self) -> Json:
        """CreateQueue; the same name and attributes give the same queue."""
        name = self._text("QueueName")
        if not QUEUE_NAME.fullmatch(name):
            raise _invalid("Can only include alphanumeric characters, hyphens, or underscores. "
                           "1 to 80 in length")  # fmt: skip
        self._allow("CreateQueue", name)
        given = self._attributes()
        known = self.region.queues.get(name)
        if known is None:
            self.region.queues[name] = Queue(name, time.time(), given)
            self.cloud.store.touch()
        else:
            for key, value in given.items():
                if known.attributes.get(key, DEFAULTS.get(key)) != value:
                    raise ApiError(
                        "QueueAlreadyExists",
                        "A queue already exists with the same name and a different value for "
                        f"attribute {key}",
                    )
        return {"QueueUrl": url(self.caller.region, self.caller.account.id, name)}

    def get_queue_url(self) -> Json:
        """GetQueueUrl."""
        name = self._text("QueueName")
        self._allow("GetQueueUrl", name)
        if name not in self.region.queues:
            raise _no_queue()
        return {"QueueUrl": url(self.caller.region, self.caller.account.id, name)}

    def get_queue_attributes(self) -> Json:
        """GetQueueAttributes."""
        queue = self._queue("GetQueueAttributes")
        now = time.time()
        hidden = sum(one.visible_at > now for one in queue.messages)
        values = DEFAULTS | queue.attributes
        values |= {
            "QueueArn": arn(self.caller.region, self.caller.account.id, queue.name),
            "ApproximateNumberOfMessages": str(len(queue.messages) - hidden),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
            "CreatedTimestamp": str(int(queue.created)),
        }
        wanted = self.body.get("AttributeNames") or []
        for one in wanted:
            if one != "All" and one not in (*values, *LIMITS, "Policy"):
                raise ApiError("InvalidAttributeName", f"Unknown Attribute {one}.")
        if "All" in wanted:
            return {"Attributes": values}
        return {"Attributes": {key: values[key] for key in wanted if key in values}}

    def set_queue_attributes(self) -> Json:
        """SetQueueAttributes."""
        queue = self._queue("SetQueueAttributes")
        queue.attributes |= self._attributes()
        self.cloud.store.touch()
        return {}

    def receive_message(self) -> Json:
        """ReceiveMessage: the oldest that are visible, hidden from now on for a while."""
        queue = self._queue("ReceiveMessage")
        most = self._number("MaxNumberOfMessages", 1, 1, 10)
        default = int(queue.attributes.get("VisibilityTimeout", DEFAULTS["VisibilityTimeout"]))
        hide = self._number("VisibilityTimeout", default, 0, 43_200)
        self._number("WaitTimeSeconds", 0, 0, 20)
        now = time.time()
        found = [one for one in queue.messages if one.visible_at <= now][:most]
        for one in found:
            one.receipt = secrets.token_urlsafe(48)
            one.visible_at = now + hide
            one.receives += 1
        if not found:
            return {}
        return {"Messages": [self._shown(one) for one in found]}

    def delete_message(self) -> Json:
        """DeleteMessage; one that is gone already is no error."""
        queue = self._queue("DeleteMessage")
        receipt = self._text("ReceiptHandle")
        if len(receipt) < 40:
            raise ApiError(
                "ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not a valid '
                "receipt handle.", 404,
            )  # fmt: skip
        queue.messages = [one for one in queue.messages if one.receipt != receipt]
        self.cloud.store.touch()
        return {}

    def _shown(self, one: QueuedMessage) -> Json:
        shown: Json = {
            "MessageId": one.id,
            "ReceiptHandle": one.receipt,
            "MD5OfBody": hashlib.md5(one.body.encode()).hexdigest(),
            "Body": one.body,
        }
        wanted = {
            *(self.body.get("MessageSystemAttributeNames") or ()),
            *(self.body.get("AttributeNames") or ()),
        }
        values = {
            "SentTimestamp": str(int(one.sent * 1000)),
            "ApproximateReceiveCount": str(one.receives),
        }
        attributes = {k: v for k, v in values.items() if k in wanted or "All" in wanted}
        return shown | ({"Attributes": attributes} if attributes else {})

    # helpers

    def _allow(self, action: str, name: str) -> None:
        # SQS names its actions in lower case when it refuses.
        resource = arn(self.caller.region, self.caller.account.id, name)
        iam.require(self.caller, f"sqs:{action.lower()}", resource, "AccessDenied")

    def _queue(self, action: str) -> Queue:
        parts = self._text("QueueUrl").rstrip("/").split("/")
        account, name = parts[-2:] if len(parts) >= 2 else ("", "")
        self._allow(action, name)
        if account != self.caller.account.id:
            raise ApiError("AccessDenied", "Access to the resource is denied.", 403)
        queue = self.region.queues.get(name)
        if queue is None:
            raise _no_queue()
        expire(queue)
        return queue

    def _attributes(self) -> dict[str, str]:
        given = self.body.get("Attributes") or {}
        for name, value in given.items():
            if name == "Policy":
                try:
                    check_json(name, value)
                except ApiError as error:
                    raise _bad_value(name) from error
            elif name not in LIMITS:
                raise ApiError("InvalidAttributeName", f"Unknown Attribute {name}.")
            else:
                low, high = LIMITS[name]
                if not (isinstance(value, str) and value.isdigit() and low <= int(value) <= high):
                    raise _bad_value(name)
        return dict(given)

    def _text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise ApiError(
                "MissingParameter", f"The request must contain the parameter {name}.", 400
            )
        return value

    def _number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.body.get(name, default)
        if not isinstance(value, int) or not low <= value <= high:
            raise _invalid(
                f"Value {value} for parameter {name} is invalid. Reason: Must be between {low} "
                f"and {high}, if provided."
            )
        return value


OPERATIONS: dict[str, Callable[[Sqs], Json]] = {
    "CreateQueue": Sqs.create_queue,
    "GetQueueUrl": Sqs.get_queue_url,
    "GetQueueAttributes": Sqs.get_queue_attributes,
    "SetQueueAttributes": Sqs.set_queue_attributes,
    "ReceiveMessage": Sqs.receive_message,
    "DeleteMessage": Sqs.delete_message,
}


def handle(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Answer one signed SQS call, or raise its error."""
    name = request.headers.get("x-amz-target", "").removeprefix(TARGET)
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ApiError("InvalidAction", f"The action {name} is not valid for this endpoint.")
    answer = operation(Sqs(request.json(), caller, cloud))
    headers = {"x-amzn-RequestId": request_id()}
    return Response(orjson.dumps(answer), 200, JSON_TYPE, headers)


def refused(error: ApiError) -> Response:
    """Return the error form: the shape in the body, the older code in a header."""
    shape = SHAPES.get(error.code, error.code)
    headers = {
        "x-amzn-RequestId": request_id(),
        "x-amzn-query-error": f"{error.code};Sender",
    }
    body = {"__type": f"com.amazonaws.sqs#{shape}", "message": error.message}
    return Response(orjson.dumps(body), error.status, JSON_TYPE, headers)


def arn(region: str, account: str, name: str) -> str:
    """Return a queue's ARN."""
    return f"arn:aws:sqs:{region}:{account}:{name}"


def url(region: str, account: str, name: str) -> str:
    """Return a queue's address, as AWS writes it."""
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _no_queue() -> ApiError:
    return ApiError(
        "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
    )


def _bad_value(name: str) -> ApiError:
    return ApiError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _invalid(words: str) -> ApiError:
    return ApiError("InvalidParameterValue", words)
