"""STS: AssumeRole and GetCallerIdentity (STS API Reference)."""

import re
import secrets
import time
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import orjson

from simulator import iam
from simulator.accounts import Account, Role, Session, new_key_id, new_secret
from simulator.cloud import Cloud
from simulator.messages import timestamp
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, xml_response

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
MIN_SECONDS, MAX_SECONDS, CHAINED_SECONDS = 900, 43_200, 3_600
ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/([\w+=,.@/-]{1,512})")
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")


def handle(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Answer one STS call, or raise its error."""
    params = dict(parse_qsl(request.body.decode(), keep_blank_values=True)) | request.params()
    action = params.get("Action", "")
    if action == "GetCallerIdentity":  # needs no permission and cannot be denied
        return _identity(caller)
    if action == "AssumeRole":
        return _assume_role(params, caller, cloud)
    raise ApiError("InvalidAction", f"Could not find operation {action} for version 2011-06-15")


def _identity(caller: Caller) -> Response:
    result = (
        f"<Arn>{escape(caller.arn)}</Arn><UserId>{escape(caller.user_id)}</UserId>"
        f"<Account>{caller.account.id}</Account>"
    )
    return xml_response("GetCallerIdentity", result, NAMESPACE)


def _assume_role(params: dict[str, str], caller: Caller, cloud: Cloud) -> Response:
    arn = params.get("RoleArn", "")
    name = params.get("RoleSessionName", "")
    _check_text("roleSessionName", name, SESSION_NAME)
    if "ExternalId" in params:
        _check_text("externalId", params["ExternalId"], EXTERNAL_ID)
    match = ROLE_ARN.fullmatch(arn)
    if match is None:
        raise ApiError("ValidationError", f"{arn} is invalid")
    seconds = _seconds(params.get("DurationSeconds", str(CHAINED_SECONDS)))
    policy = _policy_actions(params.get("Policy", ""))
    account = cloud.store.accounts.get(match[1])
    role = account.roles.get(match[2]) if account else None
    if account is None or role is None or not _trusts(role, caller, params.get("ExternalId")):
        raise ApiError(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            403,
        )
    iam.require(caller, "sts:AssumeRole", arn, "AccessDenied")
    _check_duration(seconds, role, caller)
    session = _new_session(account, role, name, seconds, policy)
    cloud.store.state.sessions[session.id] = session
    cloud.store.touch()
    result = (
        f"<AssumedRoleUser><AssumedRoleId>AROA{session.id[4:]}:{name}</AssumedRoleId>"
        f"<Arn>arn:aws:sts::{account.id}:assumed-role/{role.name}/{name}</Arn></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{session.id}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret}</SecretAccessKey>"
        f"<SessionToken>{session.token}</SessionToken>"
        f"<Expiration>{timestamp(session.expires)}</Expiration></Credentials>"
    )
    return xml_response("AssumeRole", result, NAMESPACE)


def _trusts(role: Role, caller: Caller, external_id: str | None) -> bool:
    if role.trusted_accounts and caller.account.id not in role.trusted_accounts:
        return False
    return role.external_id is None or role.external_id == external_id


def _check_duration(seconds: int, role: Role, caller: Caller) -> None:
    if caller.session is not None and seconds > CHAINED_SECONDS:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.",
        )
    if seconds > role.max_session_seconds:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )


def _new_session(
    account: Account, role: Role, name: str, seconds: int, policy: list[str] | None
) -> Session:
    return Session(
        new_key_id("ASIA"),
        new_secret(),
        "FwoGZXIvYXdzE" + secrets.token_urlsafe(96),
        account.id,
        role.name,
        name,
        time.time() + seconds,
        policy,
    )


def _seconds(text: str) -> int:
    value = int(text) if text.isdigit() else -1
    if value < MIN_SECONDS or value > MAX_SECONDS:
        bound, word = (MIN_SECONDS, "greater") if value < MIN_SECONDS else (MAX_SECONDS, "less")
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy "
            f"constraint: Member must have value {word} than or equal to {bound}",
        )
    return value


def _policy_actions(text: str) -> list[str] | None:
    """Return the actions a session policy allows; resources and conditions are not looked at."""
    if not text:
        return None
    try:
        statements = orjson.loads(text)["Statement"]
        if isinstance(statements, dict):
            statements = [statements]
        actions: list[str] = []
        for statement in statements:
            if statement["Effect"] == "Allow":
                given = statement["Action"]
                actions += [given] if isinstance(given, str) else given
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ApiError(
            "MalformedPolicyDocument", "The policy is not in the valid JSON format."
        ) from None
    return actions


def _check_text(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {pattern.pattern}",
        )
