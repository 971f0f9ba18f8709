"""SES identities: domains and addresses (SES API v2 Reference)."""

import asyncio
import secrets
import time
from typing import Any

from simulator.accounts import Identity
from simulator.mime import DOMAIN, check_address
from simulator.ses_control import Call, Operation, paged
from simulator.verifying import look, signing_zone
from simulator.web import ApiError, Response, json_response

BEHAVIOURS = ("USE_DEFAULT_VALUE", "REJECT_MESSAGE")
KEY_LENGTHS = ("RSA_1024_BIT", "RSA_2048_BIT")


def create(call: Call) -> Response:
    """CreateEmailIdentity. AlreadyExistsException 400 for one that is there."""
    name = normal(str(call.body.get("EmailIdentity") or ""))
    call.allow("CreateEmailIdentity", f"identity/{name}")
    if name in call.region.identities:
        raise ApiError("AlreadyExistsException", f"Email identity {name} already exist.", 400)
    if len(call.region.identities) >= 10_000:
        raise ApiError("LimitExceededException", "The limit of 10000 identities is reached.")
    set_name = str(call.body.get("ConfigurationSetName") or "")
    _require_set(call, set_name)
    identity = Identity(name, configuration_set=set_name, tags=call.body.get("Tags") or [])
    if identity.is_domain:
        signing = call.body.get("DkimSigningAttributes") or {}
        _sign_with(
            identity, signing, "EXTERNAL" if "DomainSigningSelector" in signing else "AWS_SES"
        )
    call.region.identities[name] = identity
    verify_later(call, identity)
    kind = "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS"
    return call.changed(
        {
            "IdentityType": kind,
            "VerifiedForSendingStatus": identity.verified,
            "DkimAttributes": dkim_json(identity, call.region.name),
        }
    )


def get(call: Call) -> Response:
    """GetEmailIdentity."""
    identity = _identity(call, "GetEmailIdentity")
    answer: dict[str, Any] = {
        "IdentityType": "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": identity.verified,
        "VerificationStatus": identity.status,
        "DkimAttributes": dkim_json(identity, call.region.name),
        "MailFromAttributes": {"BehaviorOnMxFailure": identity.mail_from_behaviour},
        "Policies": {},
        "Tags": identity.tags,
    }
    if identity.mail_from_domain:
        answer["MailFromAttributes"] |= {
            "MailFromDomain": identity.mail_from_domain,
            "MailFromDomainStatus": identity.mail_from_status,
        }
    if identity.configuration_set:
        answer["ConfigurationSetName"] = identity.configuration_set
    if identity.status == "FAILED":
        answer["VerificationInfo"] = {"ErrorType": "HOST_NOT_FOUND"}
    return json_response(answer)


def list_all(call: Call) -> Response:
    """ListEmailIdentities, by name, in pages."""
    call.allow("ListEmailIdentities")
    page, token = paged(sorted(call.region.identities.values(), key=lambda i: i.name), call.page())
    identities = [
        {
            "IdentityType": "DOMAIN" if i.is_domain else "EMAIL_ADDRESS",
            "IdentityName": i.name,
            "SendingEnabled": i.verified,
            "VerificationStatus": i.status,
        }
        for i in page
    ]
    return json_response({"EmailIdentities": identities} | token)


def delete(call: Call) -> Response:
    """DeleteEmailIdentity."""
    identity = _identity(call, "DeleteEmailIdentity")
    del call.region.identities[identity.name]
    return call.changed()


def put_mail_from(call: Call) -> Response:
    """PutEmailIdentityMailFromAttributes; without a domain it is switched off."""
    identity = _identity(call, "PutEmailIdentityMailFromAttributes")
    domain = str(call.body.get("MailFromDomain") or "").lower()
    behaviour = call.body.get("BehaviorOnMxFailure") or BEHAVIOURS[0]
    if behaviour not in BEHAVIOURS:
        raise ApiError("BadRequestException", f"BehaviorOnMxFailure must be {BEHAVIOURS}.")
    own = identity.name.rpartition("@")[2]
    if domain and not (domain.endswith(f".{own}") and DOMAIN.fullmatch(domain)):
        raise ApiError(
            "BadRequestException",
            f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity "
            f"<{own}>",
        )
    identity.mail_from_domain = domain
    identity.mail_from_status = "PENDING" if domain else ""
    identity.mail_from_behaviour = behaviour if domain else BEHAVIOURS[0]
    verify_later(call, identity)
    return call.changed()


def put_dkim_signing(call: Call) -> Response:
    """PutEmailIdentityDkimSigningAttributes; gives new tokens."""
    identity = _identity(call, "PutEmailIdentityDkimSigningAttributes")
    origin = call.body.get("SigningAttributesOrigin")
    if origin not in ("AWS_SES", "EXTERNAL"):
        raise ApiError(
            "BadRequestException", "SigningAttributesOrigin must be AWS_SES or EXTERNAL."
        )
    if not identity.is_domain:
        raise ApiError("BadRequestException", "DKIM signing attributes belong to domains.")
    _sign_with(identity, call.body.get("SigningAttributes") or {}, str(origin))
    verify_later(call, identity)
    dkim = dkim_json(identity, call.region.name)
    return call.changed(
        {
            "DkimStatus": dkim["Status"],
            "DkimTokens": identity.dkim_tokens,
            "SigningHostedZone": dkim["SigningHostedZone"],
        }
    )


def put_dkim(call: Call) -> Response:
    """PutEmailIdentityDkimAttributes."""
    identity = _identity(call, "PutEmailIdentityDkimAttributes")
    identity.dkim_enabled = bool(call.body.get("SigningEnabled", False))
    return call.changed()


def put_configuration_set(call: Call) -> Response:
    """PutEmailIdentityConfigurationSetAttributes."""
    identity = _identity(call, "PutEmailIdentityConfigurationSetAttributes")
    name = str(call.body.get("ConfigurationSetName") or "")
    _require_set(call, name)
    identity.configuration_set = name
    return call.changed()


def _require_set(call: Call, name: str) -> None:
    if name and name not in call.region.configuration_sets:
        raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)


def verify_later(call: Call, identity: Identity) -> None:
    """Verify after the account's auto-verify time, or as soon as the DNS has the records.

    Where the account says neither, the admin API must.
    """
    look(call.caller.account, call.cloud.zones)
    seconds = call.caller.account.auto_verify_seconds
    if seconds is None:
        return

    def verified() -> None:
        set_status(identity, "SUCCESS")
        call.cloud.store.touch()

    if seconds <= 0:
        verified()
    else:
        asyncio.get_running_loop().call_later(seconds, verified)


def set_status(identity: Identity, status: str) -> None:
    """Give an identity, and its MAIL FROM domain if any, a verification status."""
    identity.status = status
    if identity.is_domain and not identity.dkim_tokens:
        _sign_with(identity, {}, "AWS_SES")
    if identity.mail_from_domain:
        identity.mail_from_status = status


def normal(name: str) -> str:
    """Return an identity's name as SES keeps it; raises BadRequestException for others."""
    local, at, domain = name.rpartition("@")
    if at:
        check_address(name)
        return f"{local}@{domain.lower()}"
    if not DOMAIN.fullmatch(name) or "." not in name:
        raise ApiError("BadRequestException", f"Invalid domain name {name}.")
    return domain.lower()


def dkim_json(identity: Identity, region: str) -> dict[str, Any]:
    """Return the DkimAttributes object."""
    if not identity.is_domain:
        return {"SigningEnabled": False, "Status": "NOT_STARTED"}
    return {
        "SigningEnabled": identity.dkim_enabled,
        "Status": identity.status,
        "Tokens": identity.dkim_tokens,
        "SigningHostedZone": signing_zone(region),
        "SigningAttributesOrigin": identity.dkim_origin,
        "CurrentSigningKeyLength": identity.key_length,
        "NextSigningKeyLength": identity.key_length,
        "LastKeyGenerationTimestamp": identity.created,
    }


def _sign_with(identity: Identity, given: dict[str, Any], origin: str) -> None:
    length = given.get("NextSigningKeyLength") or KEY_LENGTHS[1]
    if length not in KEY_LENGTHS:
        raise ApiError("BadRequestException", f"NextSigningKeyLength must be one of {KEY_LENGTHS}.")
    selector = given.get("DomainSigningSelector")
    if origin == "EXTERNAL" and not (selector and given.get("DomainSigningPrivateKey")):
        raise ApiError(
            "BadRequestException", "EXTERNAL signing needs a selector and a private key."
        )
    identity.dkim_origin = origin
    identity.key_length = length
    identity.created = time.time()
    if origin == "EXTERNAL":
        identity.dkim_tokens = [str(selector)]
    else:
        identity.dkim_tokens = [secrets.token_hex(16) for _ in range(3)]


def _identity(call: Call, action: str) -> Identity:
    name = call.arguments[0]
    local, at, domain = name.rpartition("@")
    name = f"{local}{at}{domain.lower()}"
    call.allow(action, f"identity/{name}")
    found = call.region.identities.get(name)
    if found is None:
        raise ApiError("NotFoundException", f"Email identity {name} does not exist.", 404)
    return found


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "identities"): create,
    ("POST", "list-identities"): list_all,
    ("GET", "identities"): list_all,
    ("GET", "identities/*"): get,
    ("DELETE", "identities/*"): delete,
    ("PUT", "identities/*/mail-from"): put_mail_from,
    ("PUT", "identities/*/dkim"): put_dkim,
    ("PUT", "identities/*/dkim/signing"): put_dkim_signing,
    ("PUT", "identities/*/configuration-set"): put_configuration_set,
}
