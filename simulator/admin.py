"""The simulator's own API under /_sim/: what tests, demo and benchmark steer it with."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice

from simulator import admin_accounts, admin_dns, admin_events
from simulator.admin_call import AdminCall, assign, bad, parsed
from simulator.cloud import Cloud
from simulator.faults import KINDS, Fault
from simulator.mailbox import Mail
from simulator.settings import Settings
from simulator.web import ApiError, Request, Response, json_error, json_response, matched

Answer = Response | Awaitable[Response]
NDJSON = "application/x-ndjson"


def health(call: AdminCall) -> Response:
    """Return counts that say whether it runs and whether it is idle."""
    return json_response(
        {
            "ready": True,
            "accounts": len(call.cloud.store.accounts),
            "accepted": len(call.cloud.ledger),
            "mails": len(call.cloud.mailbox),
            "notifications_queued": call.cloud.publisher.queued,
        }
    )


def add_fault(call: AdminCall) -> Response:
    """Add a fault."""
    body = call.request.json()
    if body.get("kind") not in KINDS:
        raise bad(f"kind must be one of {', '.join(KINDS)}")
    seconds = body.pop("seconds", None)
    fault: Fault = parsed(Fault, body if seconds is None else body | {"until": seconds})
    if fault.until is not None:
        fault.until += time.time()
    call.cloud.faults.add(call.account.id, fault)
    return json_response(asdict(fault), 201)


def list_faults(call: AdminCall) -> Response:
    """Return the account's faults, and the kinds there are."""
    return json_response({"faults": call.cloud.faults.of(call.account.id), "kinds": KINDS})


def clear_faults(call: AdminCall) -> Response:
    """Remove the account's faults."""
    call.cloud.faults.clear(call.account.id)
    return json_response({})


def get_settings(call: AdminCall) -> Response:
    """Return the settings."""
    return json_response(call.cloud.settings)


def patch_settings(call: AdminCall) -> Response:
    """Change settings."""
    assign(call.cloud.settings, call.request.json(), tuple(asdict(Settings())))
    return json_response(call.cloud.settings)


def reset(call: AdminCall) -> Response:
    """Forget traffic; accounts stay."""
    call.cloud.reset_traffic()
    return json_response({})


def ledger(call: AdminCall) -> Response:
    """Stream the accepted messages, one JSON object a line."""
    stream = call.cloud.ledger.ndjson(call.params.get("account", ""), call.since)
    return Response(content_type=NDJSON, stream=stream)


async def ledger_summary(call: AdminCall) -> Response:
    """Return totals."""
    account, tag = call.params.get("account", ""), call.params.get("tag", "")
    return json_response(await call.cloud.ledger.summary(account, call.since, tag))


def refusals(call: AdminCall) -> Response:
    """Return the times of refused sends by error code."""
    found = call.cloud.ledger.refusals(call.params.get("account", ""), call.since)
    return json_response(found)


def inbox(call: AdminCall) -> Response:
    """Return mails, newest first."""
    text = call.params.get("limit", "50")
    if not text.isdigit():
        raise bad("limit must be a number")
    limit = int(text)
    wanted, via = call.params.get("to", ""), call.params.get("via", "")
    account = call.params.get("account", "")
    found = call.cloud.mailbox.search(wanted, call.since, via, account)
    full = "full" in call.params
    mails = [mail.full() if full else mail.summary() for mail in islice(found, limit)]
    return json_response({"mails": mails})


def message(call: AdminCall) -> Response:
    """Return one mail with its parts and events."""
    return json_response(_mail(call).full())


def message_raw(call: AdminCall) -> Response:
    """Return one mail's MIME source."""
    return Response(_mail(call).raw, content_type="message/rfc822")


def _mail(call: AdminCall) -> Mail:
    mail = call.cloud.mailbox.get(call.arguments[0])
    if mail is None:
        raise ApiError("NotFound", "No such mail is kept.", 404)
    return mail


def notifications(call: AdminCall) -> Response:
    """Return how SNS deliveries went."""
    publisher = call.cloud.publisher
    return json_response(publisher.counts | {"queued": publisher.queued})


def dead_letters(call: AdminCall) -> Response:
    """Return the SNS messages given up."""
    return json_response(list(call.cloud.publisher.dead_letters))


def message_event(call: AdminCall) -> Response:
    """Publish one more event of a kept message."""
    return admin_events.emit(call.cloud, call.arguments[0], call.request.json())


async def forge(call: AdminCall) -> Response:
    """Post one SNS envelope of any content."""
    return await admin_events.forge(call.cloud, call.request.json())


OPERATIONS: dict[tuple[str, str], Callable[[AdminCall], Answer]] = {
    **admin_accounts.OPERATIONS,
    **admin_dns.OPERATIONS,
    ("GET", "health"): health,
    ("POST", "accounts/*/faults"): add_fault,
    ("GET", "accounts/*/faults"): list_faults,
    ("DELETE", "accounts/*/faults"): clear_faults,
    ("GET", "settings"): get_settings,
    ("PATCH", "settings"): patch_settings,
    ("POST", "reset"): reset,
    ("GET", "ledger"): ledger,
    ("GET", "ledger/summary"): ledger_summary,
    ("GET", "ledger/refused"): refusals,
    ("GET", "inbox"): inbox,
    ("GET", "messages/*"): message,
    ("GET", "messages/*/raw"): message_raw,
    ("POST", "messages/*/events"): message_event,
    ("GET", "sns"): notifications,
    ("GET", "sns/dead-letters"): dead_letters,
    ("POST", "sns/forge"): forge,
}


def handle(request: Request, cloud: Cloud) -> Answer:
    """Answer one admin call; errors are JSON with a message."""
    try:
        found = matched(OPERATIONS, request, skip=1)
        if found is None:
            raise ApiError("NotFound", f"No {request.method} {request.path}; see README.md.", 404)
        operation, arguments = found
        answer = operation(AdminCall(request, cloud, arguments))
        return answer if isinstance(answer, Response) else guarded(answer)
    except ApiError as error:
        return json_error(error)


async def guarded(answer: Awaitable[Response]) -> Response:
    """Return the answer, or its ApiError as JSON."""
    try:
        return await answer
    except ApiError as error:
        return json_error(error)
