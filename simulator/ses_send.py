"""SendEmail: the data plane. From a valid draft to an accepted message, or SES's refusal."""

import time
from collections.abc import Callable

from simulator import faults, iam
from simulator.accounts import ConfigurationSet, Region
from simulator.cloud import Cloud
from simulator.ledger import Context
from simulator.mailbox import SES, Mail
from simulator.messages import Message, new_id
from simulator.outcomes import Outcome, is_simulator, outcome_for
from simulator.quota import Limits
from simulator.ses_draft import Draft, draft_of, parse_body
from simulator.store import Caller
from simulator.web import ApiError, Request, Response, request_id

EVERYTHING: tuple[tuple[list[str], list[str]], ...] = ((["*"], []),)


def send_email(request: Request, caller: Caller, cloud: Cloud) -> Response:
    """Accept one message and return its MessageId, or raise SES's refusal.

    Whatever raises here was not accepted, except a fault of the `..._after_accept` kinds.
    """
    account, region_name = caller.account, caller.region
    region = account.region(region_name)
    try:
        fields, data = parse_body(request.body)
        struck: dict[str, faults.Fault] = {}
        if cloud.faults.any(account.id):
            name = str(fields.get("ConfigurationSetName") or "")
            struck = cloud.faults.hit(account.id, region_name, time.time(), name)
            dropped = faults.refuse_before(struck)
            if dropped is not None:
                return dropped
        draft = draft_of(fields, data)
        _authorise(caller, draft, raw=data is not None)
        identity = find_identity(region, draft.identities[0])
        configuration_set = _configuration_set(region, draft, identity)
        _check_state(region, configuration_set)
        _check_identities(region, draft, identity)
        counted = sum(1 for address in draft.recipients if not is_simulator(address))
        now_ns = time.time_ns()  # of the quota and of the ledger, so that they agree
        cloud.quota(account.id, region_name).admit(
            now_ns / 1e9,
            len(draft.recipients),
            counted,
            Limits(region.max_24_hour_send, region.max_send_rate, region.quota_mode),
        )
    except ApiError as error:
        cloud.ledger.refuse(time.time_ns(), account.id, error.code)
        raise
    message = _accept(request, caller, cloud, draft, (identity, now_ns))
    body = b'{"MessageId":"%b"}' % message.id.encode()
    headers = {"x-amzn-RequestId": request_id()}
    delay = cloud.settings.latency_ms / 1000
    return faults.apply_after(struck, Response(body, headers=headers, delay=delay))


def _authorise(caller: Caller, draft: Draft, raw: bool) -> None:
    if caller.policies == EVERYTHING:
        return
    # AWS checks Raw content of the v2 SendEmail under the v1 action's name
    action = "ses:SendRawEmail" if raw else "ses:SendEmail"
    iam.require_send(caller, action, draft.identities[0])


def _configuration_set(region: Region, draft: Draft, identity: str) -> ConfigurationSet | None:
    """Return the set named in the request or its headers, else the identity's own, else None."""
    name = draft.set_name
    if not name and identity:
        name = draft.set_name = region.identities[identity].configuration_set
    if not name:
        return None
    found = region.configuration_sets.get(name)
    if found is None:
        raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    return found


def _check_state(region: Region, configuration_set: ConfigurationSet | None) -> None:
    if region.enforcement == "SHUTDOWN":
        raise faults.suspended()
    if not region.sending_enabled:
        raise faults.paused()
    if configuration_set is not None and not configuration_set.sending_enabled:
        raise faults.paused(configuration_set.name)


def find_identity(region: Region, address: str) -> str:
    """Return the verified identity that covers the address, or an empty string.

    An address identity covers itself, a domain covers its addresses and those of its subdomains.
    """
    identities = region.identities
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    own = identities.get(f"{local}@{domain}")
    if own is not None and own.verified:
        return own.name
    while domain:
        found = identities.get(domain)
        if found is not None and found.verified:
            return domain
        domain = domain.partition(".")[2]
    return ""


def _check_identities(region: Region, draft: Draft, identity: str) -> None:
    """Raise MessageRejected listing every address that is not verified and has to be."""
    failed = [] if identity else [draft.identities[0]]
    failed += [a for a in draft.identities[1:] if not find_identity(region, a)]
    if region.sandbox:
        failed += [
            address
            for address in draft.recipients
            if not is_simulator(address) and not find_identity(region, address)
        ]
    if failed:
        raise ApiError(
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region "
            f"{region.name.upper()}: {', '.join(dict.fromkeys(failed))}",
        )
    sender = region.identities[identity]
    if sender.mail_from_behaviour == "REJECT_MESSAGE" and sender.mail_from_status != "SUCCESS":
        raise ApiError(
            "MailFromDomainNotVerifiedException",
            f"The custom MAIL FROM domain {sender.mail_from_domain} is not verified.",
        )


def _accept(
    request: Request, caller: Caller, cloud: Cloud, draft: Draft, decided: tuple[str, int]
) -> Message:
    account = caller.account
    region = account.region(caller.region)
    identity, now_ns = decided
    now = now_ns / 1e9
    decide = _decider(cloud, caller, region, draft.set_name)
    message = Message(
        new_id(caller.region, now),
        now,
        account.id,
        caller.region,
        draft.sender,
        identity,
        draft.destination,
        draft.headers,
        draft.tags,
        draft.set_name,
        caller.name,
        request.peer,
        [(address, decide(address)) for address in draft.recipients],
    )
    context = Context(account.id, caller.region, draft.identities[0], draft.set_name, caller.key_id)
    cloud.ledger.accept(now_ns, context, message, draft.size)
    cloud.mailbox.add(
        Mail(message.id, now, draft.sender, draft.recipients, draft.subject, SES, draft.mime,
             account.id, message)
    )  # fmt: skip
    cloud.feedback.follow(message)
    return message


def _decider(
    cloud: Cloud, caller: Caller, region: Region, set_name: str
) -> Callable[[str], Outcome]:
    reasons = region.reasons_for(set_name)
    seed = cloud.seed + caller.account.seed

    def decide(address: str) -> Outcome:
        entry = region.suppressed.get(address.lower())
        if entry is not None and entry.reason in reasons:
            return Outcome.ON_ACCOUNT_LIST
        return outcome_for(address, caller.account.rates, seed)

    return decide
