"""SES, SNS, SQS and STS of one account and region, through boto3. Nothing else imports boto3.

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


def client_of(service: str, region: str, credentials: Credentials | None) -> Any:
    """The process's client of a service; None takes the credentials of the platform itself."""
    with _creating:
        return _new_client(service, region, credentials)


@contextmanager
def aws(operation: str) -> Iterator[None]:
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
    return str(client_of("sesv2", region, nobody).meta.endpoint_url).rstrip("/")


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
    with aws("AssumeRole"):
        answer = client_of("sts", region, None).assume_role(
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
    with aws("GetCallerIdentity"):
        answer = client_of("sts", region, credentials).get_caller_identity()
    return Caller(answer["Account"], answer["Arn"])


@contextmanager
def adopting() -> Iterator[None]:
    """Lets pass that what was to be made is there already."""
    try:
        yield
    except SesError as error:
        if not error.code.endswith("AlreadyExistsException"):
            raise


class Calls:
    """Base of the calls that we make with a tenant's credentials. Each raises SesError."""

    def __init__(self, region: str, credentials: Credentials) -> None:
        self.region = region
        self._credentials = credentials

    def _ses(self) -> Any:
        return client_of("sesv2", self.region, self._credentials)

    def _sns(self) -> Any:
        return client_of("sns", self.region, self._credentials)

    def _sqs(self) -> Any:
        return client_of("sqs", self.region, self._credentials)
