"""An accepted message, as events and the ledger see it."""

import itertools
import secrets
import time
from dataclasses import dataclass, field

from simulator.mime import Header
from simulator.outcomes import Outcome

# first group of a MessageId; those of other regions are not known here and get "0110"
PREFIXES = {
    "us-east-1": "0100",
    "us-west-2": "0101",
    "eu-west-1": "0102",
    "ap-northeast-1": "0106",
    "eu-central-1": "0107",
    "ap-southeast-2": "0108",
    "ap-south-1": "0109",
    "eu-west-2": "010b",
    "ap-northeast-2": "010c",
    "ca-central-1": "010d",
    "ap-southeast-1": "010e",
    "us-east-2": "010f",
}
_RUN = secrets.token_hex(4)
_COUNTER = itertools.count(secrets.randbits(24))


@dataclass(slots=True)
class Message:
    """What SES knows of a message after it said yes."""

    id: str
    time: float
    account: str
    region: str
    source: str  # the From header, display name and all
    identity: str  # the verified identity that vouched for it
    destination: list[str]
    headers: list[Header]
    tags: dict[str, str]
    configuration_set: str
    caller: str
    source_ip: str
    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)

    @property
    def source_arn(self) -> str:
        return f"arn:aws:ses:{self.region}:{self.account}:identity/{self.identity}"


def new_id(region: str, now: float | None = None) -> str:
    """Return a MessageId or FeedbackId in SES's shape; unique in the process and across runs."""
    millis = int((time.time() if now is None else now) * 1000)
    count = next(_COUNTER)
    prefix = PREFIXES.get(region, "0110")
    tail = f"{count:016x}"
    return (
        f"{prefix}{millis:012x}-{_RUN}-{tail[:4]}-{tail[4:8]}-{tail[8:12]}-{tail[12:]}{_RUN}-000000"
    )


def timestamp(moment: float) -> str:
    """Return the moment as SES and SNS write it: 2026-11-20T10:00:00.123Z."""
    millis = int(moment * 1000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000))
    return f"{text}.{millis % 1000:03d}Z"
