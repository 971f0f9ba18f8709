"""Accounts by the admin API: keys, roles, regions, identities, the review."""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from simulator.accounts import (
    AccessKey,
    Account,
    Identity,
    Rates,
    Region,
    Role,
    new_key_id,
    new_secret,
)
from simulator.admin_call import AdminCall, assign, bad, parsed
from simulator.ses_identities import normal, set_status
from simulator.verifying import look
from simulator.web import Response, json_response

STATUSES = ("PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED")


def create(call: AdminCall) -> Response:
    """Create or replace an account; with `keep`, leave one that exists as it is."""
    body = call.request.json()
    store = call.cloud.store
    account_id = str(body.pop("id", "") or f"{secrets.randbelow(10**12):012d}")
    if len(account_id) != 12 or not account_id.isdigit():
        raise bad("id must be 12 digits")
    if body.pop("keep", False) and account_id in store.accounts:
        return json_response(store.accounts[account_id])
    account = _account_of(account_id, body)
    call.cloud.forget(account_id)
    store.accounts[account_id] = account
    store.reindex()
    store.touch()
    return json_response(account, 201)


def _account_of(account_id: str, body: dict[str, Any]) -> Account:
    identities = body.pop("identities", {})
    keys = [_new_key(given) for given in body.pop("keys", [{}])]
    roles = [parsed(Role, given) for given in body.pop("roles", [])]
    regions = body.pop("regions", {})
    account: Account = parsed(Account, body | {"id": account_id})
    account.keys = {key.id: key for key in keys}
    account.roles = {role.name: role for role in roles}
    for name, given in regions.items():
        account.regions[name] = parsed(Region, given | {"name": name})
    for region, names in identities.items():
        for name in names:
            identity = Identity(normal(name))
            set_status(identity, "SUCCESS")
            account.region(region).identities[identity.name] = identity
    return account


def _new_key(given: dict[str, Any]) -> AccessKey:
    key: AccessKey = parsed(AccessKey, {"id": new_key_id(), "secret": new_secret()} | given)
    return key


def list_all(call: AdminCall) -> Response:
    """Return all accounts, secrets included."""
    return json_response(list(call.cloud.store.accounts.values()))


def get(call: AdminCall) -> Response:
    """Return one account."""
    return json_response(call.account)


def delete(call: AdminCall) -> Response:
    """Delete an account."""
    account = call.account
    del call.cloud.store.accounts[account.id]
    call.cloud.forget(account.id)
    call.cloud.store.reindex()
    return call.changed({})


def patch(call: AdminCall) -> Response:
    """Change rates, seed, how identities verify, control plane rate."""
    account = call.account
    body = call.request.json()
    if "rates" in body:
        account.rates = parsed(Rates, asdict(account.rates) | body.pop("rates"))
    assign(account, body, ("seed", "auto_verify_seconds", "verify_by_dns", "control_plane_rate"))
    look(account, call.cloud.zones)
    return call.changed(account)


def add_key(call: AdminCall) -> Response:
    """Add an access key and return it."""
    account = call.account
    key = _new_key(call.request.json())
    account.keys[key.id] = key
    call.cloud.store.reindex()
    return call.changed(key)


def delete_key(call: AdminCall) -> Response:
    """Delete an access key."""
    call.account.keys.pop(call.arguments[1], None)
    call.cloud.store.reindex()
    return call.changed({})


def put_role(call: AdminCall) -> Response:
    """Add or replace a role."""
    role = parsed(Role, call.request.json())
    call.account.roles[role.name] = role
    return call.changed(role)


def expire_sessions(call: AdminCall) -> Response:
    """End the account's sessions now."""
    account = call.account
    ended = [s for s in call.cloud.store.state.sessions.values() if s.account == account.id]
    for session in ended:
        session.expires = 0.0
    return json_response({"expired": len(ended)})


def patch_region(call: AdminCall) -> Response:
    """Change quotas and states of a region."""
    region = call.region
    body = call.request.json()
    sent = body.pop("sent_last_24_hours", None)
    if sent is not None:
        quota = call.cloud.quota(call.arguments[0], region.name)
        now = time.time()
        quota.add_day(now, int(sent) - quota.sent(now))
    assign(
        region,
        body,
        ("sandbox", "max_24_hour_send", "max_send_rate", "quota_mode", "sending_enabled",
         "enforcement", "suppressed_reasons"),
    )  # fmt: skip
    return call.changed(region)


def put_identity(call: AdminCall) -> Response:
    """Add an identity or change its status."""
    body = call.request.json()
    region = call.region
    name = normal(str(body.get("name", "")))
    status = body.get("status", "SUCCESS")
    if status not in STATUSES:
        raise bad(f"status must be one of {', '.join(STATUSES)}")
    identity = region.identities.setdefault(name, Identity(name))
    set_status(identity, status)
    return call.changed(identity)


def decide_review(call: AdminCall) -> Response:
    """End the open review of a request for production access."""
    region = call.region
    decision = call.request.json().get("decision")
    if decision not in ("GRANTED", "DENIED", "FAILED"):
        raise bad("decision must be GRANTED, DENIED or FAILED")
    if region.review_status != "PENDING":
        raise bad("no review is open")
    region.review_status = str(decision)
    if decision == "GRANTED":
        region.sandbox = False
        region.max_24_hour_send, region.max_send_rate = 50_000.0, 14.0
    return call.changed(region)


OPERATIONS: dict[tuple[str, str], Callable[[AdminCall], Response]] = {
    ("POST", "accounts"): create,
    ("GET", "accounts"): list_all,
    ("GET", "accounts/*"): get,
    ("DELETE", "accounts/*"): delete,
    ("PATCH", "accounts/*"): patch,
    ("POST", "accounts/*/keys"): add_key,
    ("DELETE", "accounts/*/keys/*"): delete_key,
    ("POST", "accounts/*/roles"): put_role,
    ("POST", "accounts/*/expire-sessions"): expire_sessions,
    ("PATCH", "accounts/*/regions/*"): patch_region,
    ("POST", "accounts/*/regions/*/identities"): put_identity,
    ("POST", "accounts/*/regions/*/review"): decide_review,
}
