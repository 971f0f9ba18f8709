"""SES, SNS and STS of one account and region, through boto3. Nothing else imports boto3.

No client retries: botocore's default would repeat a call after a read timeout, and who calls
here decides what may be repeated.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sending.ses.errors import SesError, from_botocore

_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=20
)
_CLIENTS_KEPT = 64  # a megabyte or two each; a role's session makes a new one every hour
# Creating a client reads the service model and is not thread-safe; using one is.
_creating = threading.Lock()


@dataclass(frozen=True)
class Credentials:
    """What signs a request. `token` and `expires_at` belong to an assumed role."""

    access_key: str
    secret_key: str
    token: str = ""
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Credentials(…{self.access_key[-4:]})"


@dataclass(frozen=True)
class Caller:
    """Who AWS takes us for."""

    account: str
    arn: str

    @property
    def is_root(self) -> bool:
        return self.arn.endswith(":root")


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@lru_cache(maxsize=_CLIENTS_KEPT)
def _new_client(service: str, region: str, credentials: Credentials | None) -> Any:
    given = {}
    if credentials is not None:
        given = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
            "aws_session_token": credentials.token or None,
        }
    return _session().create_client(service, region_name=region, config=_CONFIG, **given)


def _client(service: str, region: str, credentials: Credentials | None) -> Any:
    """The process's client of a service; None takes the credentials of the platform itself."""
    with _creating:
        return _new_client(service, region, credentials)


@contextmanager
def _aws(operation: str) -> Iterator[None]:
    """Turns what botocore raises during `operation` into SesError."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise from_botocore(error, operation) from error


@lru_cache(maxsize=64)
def endpoint(region: str) -> str:
    """Base URL of SES v2 in a region, without trailing slash.

    As botocore resolves it: AWS_ENDPOINT_URL_SESV2 and the configuration file are honoured.
    """
    nobody = Credentials("none", "none")
    return str(_client("sesv2", region, nobody).meta.endpoint_url).rstrip("/")


@cache
def regions() -> dict[str, str]:
    """Every region that has SES v2: its code, and the name AWS gives it."""
    session = _session()
    names = {
        code: str(region["description"])
        for partition in session.get_data("endpoints")["partitions"]
        for code, region in partition["regions"].items()
    }
    found = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sesv2", partition_name=partition)
    ]
    return {region: names.get(region, region) for region in found}


def partition(region: str) -> str:
    """The partition in a region's ARNs: aws, aws-us-gov, …"""
    return str(_session().get_partition_for_region(region))


def assume_role(role_arn: str, external_id: str | None, *, region: str) -> Credentials:
    """Credentials of an hour for the tenant's role, asked for as the platform itself.

    Raises SesError: AccessDenied where the role does not let us in, or not with this external
    id (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
    """
    given = {} if external_id is None else {"ExternalId": external_id}
    with _aws("AssumeRole"):
        answer = _client("sts", region, None).assume_role(
            RoleArn=role_arn, RoleSessionName="bluefox", DurationSeconds=3600, **given
        )["Credentials"]
    return Credentials(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer["SessionToken"],
        answer["Expiration"],
    )


def who_am_i(region: str, credentials: Credentials | None = None) -> Caller:
    """GetCallerIdentity, which needs no permission; None asks for the platform itself."""
    with _aws("GetCallerIdentity"):
        answer = _client("sts", region, credentials).get_caller_identity()
    return Caller(answer["Account"], answer["Arn"])


class SesApi:
    """The calls we make with a tenant's credentials. Each raises SesError."""

    def __init__(self, region: str, credentials: Credentials) -> None:
        self.region = region
        self._credentials = credentials

    def _ses(self) -> Any:
        return _client("sesv2", self.region, self._credentials)

    def _sns(self) -> Any:
        return _client("sns", self.region, self._credentials)

    def get_account(self) -> dict[str, Any]:
        """SendQuota, ProductionAccessEnabled, SendingEnabled, EnforcementStatus."""
        with _aws("GetAccount"):
            return dict(self._ses().get_account())

    # --- identities ---------------------------------------------------------------------------
    def identities(self) -> list[tuple[str, bool]]:
        """Every domain and address of this account and region, and whether it may send."""
        found: list[tuple[str, bool]] = []
        following: dict[str, str] = {}
        with _aws("ListEmailIdentities"):
            while True:
                page = self._ses().list_email_identities(PageSize=1000, **following)
                found += [
                    (item["IdentityName"], item.get("SendingEnabled", False))
                    for item in page.get("EmailIdentities", [])
                ]
                if not page.get("NextToken"):
                    return found
                following = {"NextToken": page["NextToken"]}

    def get_identity(self, name: str) -> dict[str, Any]:
        with _aws("GetEmailIdentity"):
            return dict(self._ses().get_email_identity(EmailIdentity=name))

    def create_identity(self, name: str) -> None:
        """Creates a domain (Easy DKIM, 2048 bit) or address; one that exists stays as it is."""
        dkim = {} if "@" in name else {"NextSigningKeyLength": "RSA_2048_BIT"}
        given = {"DkimSigningAttributes": dkim} if dkim else {}
        with _adopting(), _aws("CreateEmailIdentity"):
            self._ses().create_email_identity(EmailIdentity=name, **given)

    # --- the way back: configuration set, topic, subscription, event destination ---------------
    def create_configuration_set(self, name: str) -> None:
        """Creates it with reputation metrics on; one that exists stays as it is."""
        with _adopting(), _aws("CreateConfigurationSet"):
            self._ses().create_configuration_set(
                ConfigurationSetName=name, ReputationOptions={"ReputationMetricsEnabled": True}
            )

    def create_topic(self, name: str) -> str:
        """The ARN of the topic of this name, made now or before."""
        with _aws("CreateTopic"):
            return str(self._sns().create_topic(Name=name)["TopicArn"])

    def set_topic_attribute(self, topic_arn: str, name: str, value: str) -> None:
        with _aws("SetTopicAttributes"):
            self._sns().set_topic_attributes(
                TopicArn=topic_arn, AttributeName=name, AttributeValue=value
            )

    def subscribe(self, topic_arn: str, url: str, attributes: dict[str, str]) -> str:
        """Subscribes a webhook: its ARN once confirmed, "" while the confirmation is awaited.

        SNS posts the confirmation, again on each call, often before this one returns.
        """
        try:
            return self._subscribe(topic_arn, url, attributes)
        except SesError as error:
            if "already exists with different attributes" not in error.message:
                raise
        arn = self._subscribe(topic_arn, url, {})
        with _aws("SetSubscriptionAttributes"):
            for name, value in attributes.items() if arn else ():
                self._sns().set_subscription_attributes(
                    SubscriptionArn=arn, AttributeName=name, AttributeValue=value
                )
        return arn

    def _subscribe(self, topic_arn: str, url: str, attributes: dict[str, str]) -> str:
        with _aws("Subscribe"):
            arn = self._sns().subscribe(
                TopicArn=topic_arn,
                Protocol=url.partition(":")[0],
                Endpoint=url,
                Attributes=attributes,
                ReturnSubscriptionArn=False,  # so that a pending one is told from a confirmed
            )["SubscriptionArn"]
        return str(arn) if arn.startswith("arn:") else ""

    def confirm_subscription(self, topic_arn: str, token: str) -> str:
        """The ARN of the confirmed subscription; from now on only its owner may end it."""
        with _aws("ConfirmSubscription"):
            answer = self._sns().confirm_subscription(
                TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true"
            )
        return str(answer["SubscriptionArn"])

    def unsubscribe(self, subscription_arn: str) -> None:
        with _aws("Unsubscribe"):
            self._sns().unsubscribe(SubscriptionArn=subscription_arn)

    def put_event_destination(self, configuration_set: str, name: str, target: Any) -> None:
        """Creates the event destination, or makes the one of this name like `target`."""
        given = {
            "ConfigurationSetName": configuration_set,
            "EventDestinationName": name,
            "EventDestination": target,
        }
        try:
            with _aws("CreateConfigurationSetEventDestination"):
                self._ses().create_configuration_set_event_destination(**given)
        except SesError as error:
            if not error.code.endswith("AlreadyExistsException"):
                raise
            with _aws("UpdateConfigurationSetEventDestination"):
                self._ses().update_configuration_set_event_destination(**given)


@contextmanager
def _adopting() -> Iterator[None]:
    """Lets pass that what was to be made is there already."""
    try:
        yield
    except SesError as error:
        if not error.code.endswith("AlreadyExistsException"):
            raise
