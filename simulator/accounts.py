"""The state of the simulated cloud: accounts, keys, roles, sessions, what services hold."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

SANDBOX_DAY = 200.0  # a new SES account, per region
SANDBOX_RATE = 1.0


@dataclass
class AccessKey:
    """A long-lived key of an IAM user, and the action patterns it may use."""

    id: str
    secret: str
    user: str = "sender"
    allowed: list[str] = field(default_factory=lambda: ["*"])
    denied: list[str] = field(default_factory=list)


@dataclass
class Role:
    """An IAM role. `external_id` None: its trust policy has no such condition."""

    name: str
    external_id: str | None = None
    trusted_accounts: list[str] = field(default_factory=list)  # empty: any account
    allowed: list[str] = field(default_factory=lambda: ["*"])
    denied: list[str] = field(default_factory=list)
    max_session_seconds: int = 3600


@dataclass
class Session:
    """Temporary credentials from AssumeRole; `policy` None: no session policy was given."""

    id: str
    secret: str
    token: str
    account: str
    role: str
    name: str
    expires: float
    policy: list[str] | None = None


@dataclass
class Identity:
    """A domain or address in one region. `status` as in VerificationStatus."""

    name: str
    status: str = "PENDING"
    created: float = field(default_factory=time.time)
    dkim_tokens: list[str] = field(default_factory=list)
    dkim_origin: str = "AWS_SES"
    dkim_enabled: bool = True
    key_length: str = "RSA_2048_BIT"
    mail_from_domain: str = ""
    mail_from_status: str = ""
    mail_from_behaviour: str = "USE_DEFAULT_VALUE"
    configuration_set: str = ""
    tags: list[dict[str, str]] = field(default_factory=list)
    # Bounce, Complaint or Delivery -> topic; and those of them that carry the mail's headers.
    notifications: dict[str, str] = field(default_factory=dict)
    headers_in: list[str] = field(default_factory=list)

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name

    @property
    def verified(self) -> bool:
        return self.status == "SUCCESS"


@dataclass
class EventDestination:
    """Where a configuration set publishes its events; only SNS is delivered."""

    name: str
    enabled: bool = False
    types: list[str] = field(default_factory=list)
    topic_arn: str = ""
    other: dict[str, Any] = field(default_factory=dict)


@dataclass
class ConfigurationSet:
    """A configuration set; `options` holds its option groups as they were given."""

    name: str
    sending_enabled: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    destinations: dict[str, EventDestination] = field(default_factory=dict)


@dataclass
class Suppressed:
    """An address on the account suppression list."""

    address: str
    reason: str
    time: float
    message_id: str = ""
    feedback_id: str = ""


@dataclass
class Topic:
    """An SNS topic."""

    arn: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Subscription:
    """An SNS subscription; `token` is the pending confirmation's."""

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    token: str = ""
    token_expires: float = 0.0
    confirmed: bool = False
    authenticated: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class QueuedMessage:
    """A message in an SQS queue; `receipt` is that of its last receipt."""

    id: str
    body: str
    sent: float
    visible_at: float = 0.0
    receipt: str = ""
    receives: int = 0


@dataclass
class Queue:
    """An SQS queue."""

    name: str
    created: float
    attributes: dict[str, str] = field(default_factory=dict)
    messages: list[QueuedMessage] = field(default_factory=list)


@dataclass
class Region:
    """What one account has in one region."""

    name: str
    sandbox: bool = True
    max_24_hour_send: float = SANDBOX_DAY
    max_send_rate: float = SANDBOX_RATE
    quota_mode: str = "strict"  # or "bucket"
    sending_enabled: bool = True
    enforcement: str = "HEALTHY"
    suppressed_reasons: list[str] = field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])
    details: dict[str, Any] = field(default_factory=dict)
    review_status: str = ""
    review_case: str = ""
    identities: dict[str, Identity] = field(default_factory=dict)
    configuration_sets: dict[str, ConfigurationSet] = field(default_factory=dict)
    suppressed: dict[str, Suppressed] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)

    def reasons_for(self, set_name: str) -> list[str]:
        """Return the suppression reasons in force for a configuration set: its own if it has."""
        found = self.configuration_sets.get(set_name)
        options = found.options.get("SuppressionOptions") if found else None
        if options and "SuppressedReasons" in options:
            reasons: list[str] = options["SuppressedReasons"]
            return reasons
        return self.suppressed_reasons


@dataclass
class Rates:
    """Shares of recipients that meet each outcome; the rest are delivered."""

    hard_bounce: float = 0.0
    complaint: float = 0.0
    soft_bounce: float = 0.0
    delay: float = 0.0


@dataclass
class Account:
    """An AWS account.

    Identities verify themselves after `auto_verify_seconds`, or with `verify_by_dns` once their
    records are in the simulator's zones; with neither they wait for the admin API.
    """

    id: str
    keys: dict[str, AccessKey] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    regions: dict[str, Region] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
    seed: int = 0
    auto_verify_seconds: float | None = None
    verify_by_dns: bool = False
    control_plane_rate: float = 0.0  # requests a second, 0: no throttle

    def region(self, name: str) -> Region:
        """Return the region's state; a region not used before starts in the sandbox."""
        found = self.regions.get(name)
        if found is None:
            found = self.regions[name] = Region(name)
        return found


def new_key_id(prefix: str = "AKIA") -> str:
    """Return an id shaped like AWS's: four letters and sixteen of A-Z, 2-7."""
    return prefix + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))


def new_secret() -> str:
    """Return a 40-character secret key."""
    return secrets.token_urlsafe(30)
