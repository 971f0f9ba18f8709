"""The accounts of the simulator, found by credential, kept in a JSON file between starts."""

import asyncio
import contextlib
import time
import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson

from simulator.accounts import AccessKey, Account, Role, Session
from simulator.zones import Zone

SAVE_AFTER = 0.3  # seconds; a burst of changes is written once


@dataclass(slots=True)
class Caller:
    """Who signed a request: the account, the region named in the signature and the policy."""

    account: Account
    region: str
    key_id: str
    arn: str
    name: str
    user_id: str
    policies: tuple[tuple[list[str], list[str]], ...]  # (allowed, denied), all must allow
    session: Session | None = None


@dataclass
class State:
    """All that is written to the file."""

    accounts: dict[str, Account] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)


class Store:
    """Holds the state, the index of credentials, and writes changes atomically."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._timer: asyncio.TimerHandle | None = None
        self.state = State()
        if path is not None and path.exists():
            try:
                self.state = from_json(State, orjson.loads(path.read_bytes()))
            except (ValueError, TypeError, KeyError) as error:
                raise SystemExit(
                    f"simulator: {path} is not a state file of this version ({error}); "
                    "move it away to start afresh"
                ) from error
        self._keys: dict[str, tuple[Account, AccessKey]] = {}
        self.reindex()

    @property
    def accounts(self) -> dict[str, Account]:
        return self.state.accounts

    def reindex(self) -> None:
        """Rebuild the access key index; call after keys change."""
        self._keys = {
            key.id: (account, key)
            for account in self.state.accounts.values()
            for key in account.keys.values()
        }

    def credential(self, key_id: str) -> tuple[Account, AccessKey | Session] | None:
        """Return the account and the key or session of an access key id, or None."""
        known = self._keys.get(key_id)
        if known is not None:
            return known
        session = self.state.sessions.get(key_id)
        if session is None:
            return None
        account = self.state.accounts.get(session.account)
        return (account, session) if account is not None else None

    def caller(self, account: Account, credential: AccessKey | Session, region: str) -> Caller:
        """Return the caller for a credential; a role deleted meanwhile may do nothing."""
        if isinstance(credential, AccessKey):
            return Caller(
                account,
                region,
                credential.id,
                f"arn:aws:iam::{account.id}:user/{credential.user}",
                credential.user,
                "AIDA" + credential.id[4:],
                ((credential.allowed, credential.denied),),
            )
        role = account.roles.get(credential.role) or Role(credential.role, allowed=[])
        policies: tuple[tuple[list[str], list[str]], ...] = ((role.allowed, role.denied),)
        if credential.policy is not None:
            policies += ((credential.policy, []),)
        return Caller(
            account,
            region,
            credential.id,
            f"arn:aws:sts::{account.id}:assumed-role/{credential.role}/{credential.name}",
            credential.role,
            f"AROA{credential.id[4:]}:{credential.name}",
            policies,
            credential,
        )

    def touch(self) -> None:
        """Note that the state changed; it is written a moment later."""
        if self._path is None or self._timer is not None:
            return
        self._timer = asyncio.get_running_loop().call_later(SAVE_AFTER, self.save)

    def save(self) -> None:
        """Write the state now: to a new file, then renamed over the old one."""
        self._timer = None
        if self._path is None:
            return
        now = time.time()
        sessions = {key: s for key, s in self.state.sessions.items() if s.expires > now}
        data = orjson.dumps(
            State(self.state.accounts, sessions, self.state.zones), option=orjson.OPT_INDENT_2
        )
        part = self._path.with_suffix(".part")
        part.write_bytes(data)
        with contextlib.suppress(OSError):
            part.chmod(0o600)
        part.replace(self._path)


def from_json(kind: Any, value: Any) -> Any:
    """Return `value` from JSON as `kind`: dataclasses, dicts and lists of them, plain values.

    Raises TypeError, naming the field, for what the dataclass does not have or does not take.
    """
    origin = typing.get_origin(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_from(kind, value)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):  # always "something or None" here
        return None if value is None else from_json(typing.get_args(kind)[0], value)
    if origin is dict and isinstance(value, dict):
        inner = typing.get_args(kind)[1]
        return {key: from_json(inner, item) for key, item in value.items()}
    if origin is list and isinstance(value, list):
        return [from_json(typing.get_args(kind)[0], item) for item in value]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = origin or kind
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is not of type {wanted.__name__}")
    return value


def _dataclass_from(kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"{kind.__name__} must be an object, not {value!r}")
    hints = typing.get_type_hints(kind)
    unknown = set(value) - {field.name for field in fields(kind)}
    if unknown:
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    given = {}
    for key, item in value.items():
        try:
            given[key] = from_json(hints[key], item)
        except TypeError as error:
            raise TypeError(f"{kind.__name__}.{key}: {error}") from None
    return kind(**given)
