"""How we get into a tenant's AWS account: a role that trusts us, or an access key."""

import threading
from datetime import UTC, datetime, timedelta

from django.core.cache import cache

from sending.models import SesAccount, SesAuth
from sending.ses.api import SesApi
from sending.ses.client import Credentials, assume_role, who_am_i
from sending.ses.errors import SesError

_RENEW_BEFORE = timedelta(minutes=5)
_HOME_REGION = "us-east-1"
_PLATFORM_KEY = "sending:platform-aws-account"

_sessions: dict[tuple[str, str, str], Credentials] = {}
_lock = threading.Lock()


def sending_credentials(account: SesAccount) -> Credentials:
    """What signs requests to this account now.

    The session of a role is kept in this process until five minutes before it ends. Raises
    SesError when AWS does not let us assume the role.
    """
    known = credentials_at_hand(account)
    if known is None:
        known = assume_role(account.role_arn, account.external_id, region=account.region)
        with _lock:
            for ended in [name for name, session in _sessions.items() if _ends_soon(session)]:
                del _sessions[ended]
            _sessions[_session_key(account)] = known
    return known


def credentials_at_hand(account: SesAccount) -> Credentials | None:
    """What signs requests to this account, where that is known without asking AWS."""
    if account.auth == SesAuth.KEY:
        return Credentials(
            account.credentials["access_key_id"], account.credentials["secret_access_key"]
        )
    kept = _sessions.get(_session_key(account))
    return None if kept is None or _ends_soon(kept) else kept


def _session_key(account: SesAccount) -> tuple[str, str, str]:
    # The external id is in it: a role that was connected again is assumed again.
    return account.role_arn, account.external_id, account.region


def forget_session(account: SesAccount) -> None:
    """Drops the kept session, so that the next call assumes the role anew (ExpiredToken)."""
    with _lock:
        _sessions.pop(_session_key(account), None)


def _ends_soon(credentials: Credentials) -> bool:
    ends = credentials.expires_at
    return ends is not None and ends - _RENEW_BEFORE <= datetime.now(UTC)


def api_of(account: SesAccount) -> SesApi:
    """The calls we make to this account. Raises SesError when its role cannot be assumed."""
    return SesApi(account.region, sending_credentials(account))


def platform_account_id() -> str:
    """The AWS account that tenants' roles must trust, or "" when the platform has none.

    It has none when the server runs without AWS credentials of its own; tenants then connect
    with an access key. Asked at most every five minutes.
    """
    known = cache.get(_PLATFORM_KEY)
    if known is None:
        try:
            known = who_am_i(_HOME_REGION).account
        except SesError:
            known = ""
        cache.set(_PLATFORM_KEY, known, 300)
    return str(known)
