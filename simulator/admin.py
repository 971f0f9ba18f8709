"""The simulator's own API under /_sim/: what tests, demo and benchmark steer it with."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

from simulator import admin_events
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
from simulator.cloud import Cloud
from simulator.faults import KINDS
from simulator.ses_identities import normal, set_status
from simulator.settings import Settings
from simulator.store import from_json
from simulator.web import ApiError, Request, Response, json_error, json_response

Answer = Response | Awaitable[Response]
STATUSES = ("PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED")
NDJSON = "application/x-ndjson"


class Admin:
    """One admin call."""

    def __init__(self, request: Request, cloud: Cloud, arguments: list[str]) -> None:
        self.request = request
        self.cloud = cloud
        self.arguments = arguments
        self.params = request.params()

    # accounts

    def health(self) -> Answer:
        return json_response(
            {
                "ready": True,
                "accounts": len(self.cloud.store.accounts),
                "accepted": len(self.cloud.ledger),
                "mails": len(self.cloud.mailbox),
                "notifications_queued": self.cloud.publisher.queued,
            }
        )

    def create_account(self) -> Answer:
        body = self.request.json()
        store = self.cloud.store
        account_id = str(body.pop("id", "") or f"{secrets.randbelow(10**12):012d}")
        if len(account_id) != 12 or not account_id.isdigit():
            raise bad("id must be 12 digits")
        keep = body.pop("keep", False)
        if keep and account_id in store.accounts:
            return json_response(store.accounts[account_id])
        identities = body.pop("identities", {})
        keys = [AccessKey(**{"id": new_key_id(), "secret": new_secret()} | k)
                for k in body.pop("keys", [{}])]  # fmt: skip
        roles = [parsed(Role, r) for r in body.pop("roles", [])]
        regions = {
            name: parsed(Region, given | {"name": name})
            for name, given in body.pop("regions", {}).items()
        }
        account = parsed(
            Account,
            body | {"id": account_id},
        )
        account.keys = {key.id: key for key in keys}
        account.roles = {role.name: role for role in roles}
        account.regions = regions
        for region, names in identities.items():
            for name in names:
                identity = Identity(normal(name))
                set_status(identity, "SUCCESS")
                account.region(region).identities[identity.name] = identity
        store.accounts[account_id] = account
        store.reindex()
        store.touch()
        return json_response(account, 201)

    def list_accounts(self) -> Answer:
        return json_response(list(self.cloud.store.accounts.values()))

    def get_account(self) -> Answer:
        return json_response(self._account())

    def delete_account(self) -> Answer:
        account = self._account()
        del self.cloud.store.accounts[account.id]
        self.cloud.faults.clear(account.id)
        self.cloud.store.reindex()
        return self._changed({})

    def patch_account(self) -> Answer:
        account = self._account()
        body = self.request.json()
        if "rates" in body:
            account.rates = parsed(Rates, asdict(account.rates) | body.pop("rates"))
        assign(account, body, ("seed", "auto_verify_seconds", "control_plane_rate"))
        return self._changed(account)

    def add_key(self) -> Answer:
        account = self._account()
        body = {"id": new_key_id(), "secret": new_secret()} | self.request.json()
        key = parsed(AccessKey, body)
        account.keys[key.id] = key
        self.cloud.store.reindex()
        return self._changed(key)

    def delete_key(self) -> Answer:
        self._account().keys.pop(self.arguments[1], None)
        self.cloud.store.reindex()
        return self._changed({})

    def put_role(self) -> Answer:
        role = parsed(Role, self.request.json())
        self._account().roles[role.name] = role
        return self._changed(role)

    def expire_sessions(self) -> Answer:
        account = self._account()
        ended = [s for s in self.cloud.store.state.sessions.values() if s.account == account.id]
        for session in ended:
            session.expires = 0.0
        return json_response({"expired": len(ended)})

    def patch_region(self) -> Answer:
        region = self._region()
        body = self.request.json()
        sent = body.pop("sent_last_24_hours", None)
        if sent is not None:
            quota = self.cloud.quota(self.arguments[0], region.name)
            now = self.cloud.clock()
            quota.add_day(now, int(sent) - quota.sent(now))
        assign(
            region,
            body,
            ("sandbox", "max_24_hour_send", "max_send_rate", "quota_mode", "sending_enabled",
             "enforcement", "suppressed_reasons"),
        )  # fmt: skip
        return self._changed(region)

    def put_identity(self) -> Answer:
        body = self.request.json()
        region = self._region()
        name = normal(str(body.get("name", "")))
        status = body.get("status", "SUCCESS")
        if status not in STATUSES:
            raise bad(f"status must be one of {', '.join(STATUSES)}")
        identity = region.identities.setdefault(name, Identity(name))
        set_status(identity, status)
        return self._changed(identity)

    def decide_review(self) -> Answer:
        region = self._region()
        decision = self.request.json().get("decision")
        if decision not in ("GRANTED", "DENIED"):
            raise bad("decision must be GRANTED or DENIED")
        if region.review_status != "PENDING":
            raise bad("no review is open")
        region.review_status = str(decision)
        if decision == "GRANTED":
            region.sandbox = False
            region.max_24_hour_send, region.max_send_rate = 50_000.0, 14.0
        return self._changed(region)

    # faults and settings

    def add_fault(self) -> Answer:
        fault = self.cloud.faults.add(self._account().id, self.request.json(), self.cloud.clock())
        return json_response(asdict(fault), 201)

    def list_faults(self) -> Answer:
        return json_response({"faults": self.cloud.faults.of(self._account().id), "kinds": KINDS})

    def clear_faults(self) -> Answer:
        self.cloud.faults.clear(self._account().id)
        return json_response({})

    def get_settings(self) -> Answer:
        return json_response(self.cloud.settings)

    def patch_settings(self) -> Answer:
        names = tuple(asdict(Settings()))
        assign(self.cloud.settings, self.request.json(), names)
        return json_response(self.cloud.settings)

    def reset(self) -> Answer:
        self.cloud.reset_traffic()
        return json_response({})

    # what happened

    def ledger(self) -> Answer:
        stream = self.cloud.ledger.ndjson(self.params.get("account", ""), self._since())
        return Response(content_type=NDJSON, stream=stream)

    async def ledger_summary(self) -> Response:
        account, tag = self.params.get("account", ""), self.params.get("tag", "")
        return json_response(await self.cloud.ledger.summary(account, self._since(), tag))

    def refusals(self) -> Answer:
        found = self.cloud.ledger.refusals(self.params.get("account", ""), self._since())
        return json_response(found)

    def inbox(self) -> Answer:
        text = self.params.get("limit", "50")
        if not text.isdigit():
            raise bad("limit must be a number")
        limit = int(text)
        wanted, via = self.params.get("to", ""), self.params.get("via", "")
        account = self.params.get("account", "")
        found = self.cloud.mailbox.search(wanted, self._since(), via, account)
        full = "full" in self.params
        mails = [mail.full() if full else mail.summary() for mail in islice(found, limit)]
        return json_response({"mails": mails})

    def message(self) -> Answer:
        mail = self.cloud.mailbox.get(self.arguments[0])
        if mail is None:
            raise ApiError("NotFound", "No such mail is kept.", 404)
        return json_response(mail.full())

    def message_raw(self) -> Answer:
        mail = self.cloud.mailbox.get(self.arguments[0])
        if mail is None:
            raise ApiError("NotFound", "No such mail is kept.", 404)
        return Response(mail.raw, content_type="message/rfc822")

    def notifications(self) -> Answer:
        publisher = self.cloud.publisher
        return json_response(publisher.counts | {"queued": publisher.queued})

    def dead_letters(self) -> Answer:
        return json_response(list(self.cloud.publisher.dead_letters))

    def message_event(self) -> Answer:
        return admin_events.emit(self.cloud, self.arguments[0], self.request.json())

    async def forge(self) -> Response:
        return await admin_events.forge(self.cloud, self.request.json())

    # helpers

    def _since(self) -> float:
        try:
            return float(self.params.get("since", "0"))
        except ValueError:
            raise bad("since must be seconds since 1970") from None

    def _account(self) -> Account:
        found = self.cloud.store.accounts.get(self.arguments[0])
        if found is None:
            raise ApiError("NotFound", f"No account {self.arguments[0]}.", 404)
        return found

    def _region(self) -> Region:
        return self._account().region(self.arguments[1])

    def _changed(self, answer: object) -> Response:
        self.cloud.store.touch()
        return json_response(answer)


ROUTES: dict[tuple[str, str], Callable[[Admin], Answer]] = {
    ("GET", "health"): Admin.health,
    ("POST", "accounts"): Admin.create_account,
    ("GET", "accounts"): Admin.list_accounts,
    ("GET", "accounts/*"): Admin.get_account,
    ("DELETE", "accounts/*"): Admin.delete_account,
    ("PATCH", "accounts/*"): Admin.patch_account,
    ("POST", "accounts/*/keys"): Admin.add_key,
    ("DELETE", "accounts/*/keys/*"): Admin.delete_key,
    ("POST", "accounts/*/roles"): Admin.put_role,
    ("POST", "accounts/*/expire-sessions"): Admin.expire_sessions,
    ("PATCH", "accounts/*/regions/*"): Admin.patch_region,
    ("POST", "accounts/*/regions/*/identities"): Admin.put_identity,
    ("POST", "accounts/*/regions/*/review"): Admin.decide_review,
    ("POST", "accounts/*/faults"): Admin.add_fault,
    ("GET", "accounts/*/faults"): Admin.list_faults,
    ("DELETE", "accounts/*/faults"): Admin.clear_faults,
    ("GET", "settings"): Admin.get_settings,
    ("PATCH", "settings"): Admin.patch_settings,
    ("POST", "reset"): Admin.reset,
    ("GET", "ledger"): Admin.ledger,
    ("GET", "ledger/summary"): Admin.ledger_summary,
    ("GET", "ledger/refused"): Admin.refusals,
    ("GET", "inbox"): Admin.inbox,
    ("GET", "messages/*"): Admin.message,
    ("GET", "messages/*/raw"): Admin.message_raw,
    ("POST", "messages/*/events"): Admin.message_event,
    ("GET", "sns"): Admin.notifications,
    ("GET", "sns/dead-letters"): Admin.dead_letters,
    ("POST", "sns/forge"): Admin.forge,
}


def handle(request: Request, cloud: Cloud) -> Answer:
    """Answer one admin call; errors are JSON with a message."""
    parts = request.segments()[1:]
    try:
        for (method, pattern), operation in ROUTES.items():
            names = pattern.split("/")
            if method != request.method or len(names) != len(parts):
                continue
            if all(name in ("*", part) for name, part in zip(names, parts, strict=True)):
                pairs = zip(names, parts, strict=True)
                arguments = [part for name, part in pairs if name == "*"]
                answer = operation(Admin(request, cloud, arguments))
                return answer if isinstance(answer, Response) else guarded(answer)
        raise ApiError("NotFound", f"No {request.method} {request.path}; see README.md.", 404)
    except ApiError as error:
        return json_error(error)


async def guarded(answer: Awaitable[Response]) -> Response:
    """Return the answer, or its ApiError as JSON."""
    try:
        return await answer
    except ApiError as error:
        return json_error(error)


def parsed(kind: Any, value: dict[str, Any]) -> Any:
    """Return a dataclass from JSON. Raises ApiError 400 naming what does not fit."""
    try:
        return from_json(kind, value)
    except TypeError as error:
        raise bad(str(error)) from None


def assign(target: object, values: dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Set attributes; raises ApiError 400 for a name that is not allowed, changing nothing."""
    unknown = set(values) - set(allowed)
    if unknown:
        raise bad(f"unknown: {', '.join(sorted(unknown))}; allowed: {', '.join(allowed)}")
    for name, value in values.items():
        setattr(target, name, value)


def bad(message: str) -> ApiError:
    """Return the error for a wrong admin call."""
    return ApiError("BadRequest", message)
