"""Identity-based permissions, as simple as action patterns."""

from fnmatch import fnmatchcase

from simulator.store import Caller
from simulator.web import ApiError


def may(caller: Caller, action: str) -> bool:
    """Return whether every policy of the caller allows the action and none denies it."""
    wanted = action.lower()
    for allowed, denied in caller.policies:
        if any(fnmatchcase(wanted, pattern.lower()) for pattern in denied):
            return False
        if allowed != ["*"] and not any(fnmatchcase(wanted, p.lower()) for p in allowed):
            return False
    return True


def require_send(caller: Caller, action: str, identity: str) -> None:
    """Raise AccessDeniedException 403, in the words SES uses for sends, unless allowed."""
    if not may(caller, action):
        arn = f"arn:aws:ses:{caller.region}:{caller.account.id}:identity/{identity}"
        raise ApiError(
            "AccessDeniedException",
            f"User `{caller.arn}' is not authorized to perform `{action}' on resource `{arn}'",
            403,
        )


def require(
    caller: Caller, action: str, resource: str, code: str = "AccessDeniedException"
) -> None:
    """Raise `code` 403 with AWS's sentence naming action and resource, unless allowed."""
    if not may(caller, action):
        raise ApiError(
            code,
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action",
            403,
        )
