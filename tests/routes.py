"""Every named route, and how to reach it: a row each, which tests/test_isolation.py walks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.world import World

Ids = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """The permission (dashboard) or scope (API) of a route, and the ids in its address."""

    needs: str
    ids: Ids = lambda world: {}
    acts: bool = False  # answers POST only
    body: tuple[str, ...] = ()  # what a POST to the API must say
    query: Mapping[str, str] = field(default_factory=dict)  # what a GET of the API must say
    calls_aws: bool = False
    moves: bool = False  # answers with the address of a file
    answers: int = 200  # what the API answers to whoever may
    says: bool = True  # whether that holds something by which its tenant is known


def _of(attribute: str, name: str = "public_id", of: str = "public_id") -> Ids:
    return lambda world: {name: getattr(getattr(world, attribute), of)}


_account, _draft, _sent = _of("account"), _of("draft"), _of("sent")
_contact, _list, _form = _of("contact", "contact_id"), _of("list", "list_id"), _of("form")
_uploaded, _finished = _of("uploaded", "import_id"), _of("finished", "import_id")
_suppressed = _of("suppressed", "import_id")
_segment = _of("segment", "segment_id")
_field = _of("field", "key", of="key")
_tag, _bulk = _of("tag", "tag_id"), _of("bulk", "action_id")
_member, _domain = _of("owner", "member_id"), _of("identity")


def _identity(world: World) -> dict[str, Any]:
    return {"public_id": world.account.public_id, "identity_id": world.identity.public_id}


def _mended(key: str) -> Ids:
    return lambda world: {"public_id": world.account.public_id, "key": key}


WORKSPACE = {
    "tenants:home": Row("view"),
    "tenants:under_way": Row("view"),
    "tenants:settings": Row("view"),
    "tenants:save_settings": Row("workspace.edit", acts=True),
    "tenants:look": Row("view"),
    "tenants:save_look": Row("workspace.edit", acts=True),
    "tenants:limits": Row("view"),
    "tenants:save_limits": Row("workspace.edit", acts=True),
    "tenants:members": Row("view"),
    "tenants:leave": Row("view", acts=True),
    "tenants:set_role": Row("members.edit", _member, acts=True),
    "tenants:remove_member": Row("members.edit", _member, acts=True),
    "tenants:audit": Row("audit.view"),
    "tenants:developers": Row("developers.edit"),
    "tenants:new_key": Row("developers.edit"),
    "tenants:revoke_key": Row(
        "developers.edit", lambda world: {"key_id": world.key.row.key_id}, acts=True
    ),
    "lists:contacts": Row("view"),
    "lists:contact_new": Row("contacts.edit"),
    "lists:contact": Row("view", _contact),
    "lists:contact_edit": Row("contacts.edit", _contact),
    "lists:contact_subscribe": Row("contacts.edit", _contact, acts=True),
    "lists:contact_unsubscribe": Row("contacts.edit", _contact, acts=True),
    "lists:fields": Row("view"),
    "lists:field_new": Row("contacts.edit"),
    "lists:field_edit": Row("contacts.edit", _field),
    "lists:field_delete": Row("contacts.edit", _field, acts=True),
    "lists:contact_tags": Row("contacts.edit", _contact, acts=True),
    "lists:contact_export": Row("contacts.edit", _contact, acts=True),
    "lists:contact_erase": Row("contacts.edit", _contact, acts=True),
    "lists:contacts_export": Row("contacts.edit", acts=True),
    "lists:tags": Row("view"),
    "lists:tag_new": Row("contacts.edit"),
    "lists:tag_edit": Row("contacts.edit", _tag),
    "lists:tag_delete": Row("contacts.edit", _tag, acts=True),
    "lists:bulk_list": Row("view"),
    "lists:bulk_new": Row("contacts.edit"),
    "lists:bulk": Row("view", _bulk),
    "lists:bulk_progress": Row("view", _bulk),
    "lists:bulk_cancel": Row("contacts.edit", _bulk, acts=True),
    "lists:bulk_undo": Row("contacts.edit", _bulk, acts=True),
    "lists:lists": Row("view"),
    "lists:list_new": Row("contacts.edit"),
    "lists:list": Row("view", _list),
    "lists:list_edit": Row("contacts.edit", _list),
    "lists:list_delete": Row("contacts.edit", _list, acts=True),
    "confirmations:mail": Row("forms.edit", _list),
    "confirmations:preview": Row("forms.edit", _list),
    "confirmations:test": Row("forms.edit", _list, acts=True),
    "lists:segments": Row("view"),
    "lists:segment_new": Row("contacts.edit"),
    "lists:segment_preview": Row("contacts.edit", acts=True),
    "lists:segment": Row("view", _segment),
    "lists:segment_edit": Row("contacts.edit", _segment),
    "lists:segment_count": Row("view", _segment),
    "lists:segment_duplicate": Row("contacts.edit", _segment, acts=True),
    "lists:segment_delete": Row("contacts.edit", _segment, acts=True),
    "lists:imports": Row("view"),
    "lists:import_new": Row("contacts.edit"),
    "lists:import": Row("view", _finished),
    "lists:import_read": Row("contacts.edit", _uploaded, acts=True),
    "lists:import_start": Row("contacts.edit", _uploaded, acts=True),
    "lists:import_confirm": Row("contacts.edit", _uploaded, acts=True),
    "lists:import_undo": Row("contacts.edit", _finished, acts=True),
    "lists:import_progress": Row("view", _finished),
    "lists:import_cancel": Row("contacts.edit", _uploaded, acts=True),
    "lists:import_report": Row("view", _finished),
    "lists:forms": Row("view"),
    "lists:form_new": Row("forms.edit"),
    "lists:form": Row("view", _form),
    "lists:form_edit": Row("forms.edit", _form),
    "lists:form_switch": Row("forms.edit", _form, acts=True),
    "lists:suppressions": Row("view"),
    "lists:suppression_new": Row("suppressions.edit"),
    "lists:suppression_remove": Row("suppressions.edit", acts=True),
    "lists:suppression_import_new": Row("suppressions.edit"),
    "lists:suppression_import": Row("view", _suppressed),
    "lists:suppression_import_progress": Row("view", _suppressed),
    "lists:suppression_import_cancel": Row("suppressions.edit", _suppressed, acts=True),
    "lists:suppression_import_report": Row("view", _suppressed),
    "lists:suppressions_export": Row("suppressions.edit", acts=True),
    "sending:index": Row("view"),
    "sending:mirror": Row("view"),
    "sending:mirror_state": Row("view"),
    "sending:mirror_again": Row("suppressions.edit", acts=True),
    "sending:connect": Row("sending.edit"),
    "sending:account": Row("view", _account),
    "sending:access": Row("sending.edit", _account),
    "sending:test": Row("sending.edit", _account, acts=True, calls_aws=True),
    "sending:set_up_feedback": Row("sending.edit", _account, acts=True, calls_aws=True),
    "sending:own_topic": Row("sending.edit", _account),
    "sending:own_topic_state": Row("view", _account),
    "sending:stack": Row("sending.edit", _account),
    "sending:look_at_permissions": Row("sending.edit", _account, acts=True),
    "sending:permissions_state": Row("view", _account),
    "sending:self_test": Row("sending.edit", _account, acts=True),
    "sending:self_test_state": Row("view", _account),
    "sending:feedback_state": Row("view", _account),
    "sending:add_identity": Row("sending.edit", _account, acts=True, calls_aws=True),
    "sending:check_identity": Row("sending.edit", _identity, acts=True, calls_aws=True),
    "sending:disconnect": Row("sending.edit", _account, acts=True, calls_aws=True),
    "domains:index": Row("view"),
    "domains:new": Row("sending.edit"),
    "domains:domain": Row("view", _domain),
    "domains:check": Row("sending.edit", _domain, acts=True, calls_aws=True),
    "domains:mail_from": Row("sending.edit", _domain, acts=True, calls_aws=True),
    "domains:start_again": Row("sending.edit", _domain, acts=True, calls_aws=True),
    "domains:open_link": Row("sending.edit", _domain, acts=True),
    "domains:close_link": Row("sending.edit", _domain, acts=True),
    "domains:zone": Row("view", _domain),
    "campaigns:index": Row("view"),
    "campaigns:new": Row("campaigns.edit"),
    "campaigns:edit": Row("campaigns.edit", _draft),
    "campaigns:review": Row("campaigns.edit", _draft),
    "campaigns:preview": Row("view", _draft),
    "campaigns:test": Row("campaigns.send", _draft, acts=True),
    "campaigns:send": Row("campaigns.send", _draft, acts=True),
    "campaigns:schedule": Row("campaigns.send", _draft, acts=True),
    "campaigns:unschedule": Row("campaigns.send", _draft, acts=True),
    "campaigns:delete": Row("campaigns.edit", _draft, acts=True),
    "campaigns:pause": Row("campaigns.send", _sent, acts=True),
    "campaigns:resume": Row("campaigns.send", _sent, acts=True),
    "campaigns:cancel": Row("campaigns.send", _sent, acts=True),
    "campaigns:resend_unknown": Row("campaigns.send", _sent, acts=True),
    "campaigns:report": Row("view", _sent),
    "campaigns:progress": Row("view", _sent),
    "readiness:index": Row("view"),
    "readiness:state": Row("view"),
    "readiness:mend": Row("sending.edit", _mended("feedback"), acts=True, calls_aws=True),
    "readiness:mend_optin": Row("forms.edit", acts=True),
    "readiness:mend_captcha": Row("forms.edit", acts=True),
    "readiness:request": Row("view", _account),
    "readiness:save": Row("workspace.edit", _account, acts=True),
    "readiness:draft_anew": Row("workspace.edit", _account, acts=True),
    "readiness:file": Row("access.request", _account, acts=True, calls_aws=True),
    "readiness:follow": Row("sending.edit", _account, acts=True, calls_aws=True),
    "readiness:reports": Row("view"),
    "readiness:report": Row("view", _of("report")),
    "reputation:index": Row("view"),
    "reputation:report": Row("view"),
    "webhooks:index": Row("view"),
    "webhooks:fetch": Row("sending.edit", _account, acts=True),
    "webhooks:remove_all": Row("contacts.edit", acts=True),
    "webhooks:alerts": Row("view"),
    "webhooks:save_my_alerts": Row("view", acts=True),
    "webhooks:save_alerts": Row("workspace.edit", acts=True),
    "webhooks:remove": Row("contacts.edit", _of("digest"), acts=True),
}

API = {
    "emails": Row("emails.read"),
    "email": Row("emails.read", _of("email")),
    "campaigns": Row("campaigns.read"),
    "campaign": Row("campaigns.read", _sent),
    "campaign_report": Row("campaigns.read", _sent, says=False),
    "campaign_recipients": Row("campaigns.read", _sent),
    "events": Row("emails.read", query={"type": "bounce"}),
    "contacts": Row("contacts.read"),
    "contact": Row("contacts.read", _of("contact")),
    "contacts_bulk": Row("contacts", acts=True, body=("contacts",), answers=202, says=False),
    "contacts_bulk_one": Row("contacts.read", _of("recorded")),
    "contacts_bulk_errors": Row("contacts.read", _of("recorded")),
    "places": Row("contacts", _of("contact"), acts=True, body=("lists", "consent_wording")),
    "leaving": Row("contacts", _of("contact"), acts=True),
    "lists": Row("contacts.read"),
    "list": Row("contacts.read", _of("list")),
    "list_subscriptions": Row("contacts.read", _of("list")),
    "fields": Row("contacts.read"),
    "field": Row("contacts.read", _field),
    "tags": Row("contacts.read"),
    "tag": Row("contacts.read", _of("tag")),
    "forms": Row("forms.read"),
    "form_settings": Row("forms.read", _form),
    "form_stats": Row("forms.read", _form, says=False),
    "account": Row("sending.read"),
    "readiness": Row("sending.read"),
    "reputation": Row("emails.read"),
    "domains": Row("sending.read"),
    "domain": Row("sending.read", _domain),
    "domain_check": Row("sending", _domain, acts=True, calls_aws=True),
    "domain_start_again": Row("sending", _domain, acts=True, calls_aws=True),
    "segments": Row("contacts.read"),
    "segment": Row("contacts.read", _of("segment")),
    "segment_count": Row("contacts.read", _of("segment"), says=False),
    "segment_contacts": Row("contacts.read", _of("segment")),
    "segment_preview": Row("contacts.read", acts=True, body=("definition",)),
    "suppressions": Row("suppressions"),
    "suppression": Row("suppressions", lambda world: {"email": f"gone@{world.mark}.example"}),
}

# Whoever holds the token may act for one person and nobody else; a form is open to everybody.
OPEN = {
    "public:unsubscribe": Row("", lambda world: {"token": world.unsubscribe_token}),
    "public:preferences": Row("", lambda world: {"token": world.unsubscribe_token}),
    "public:confirm": Row("", lambda world: {"token": world.confirm_token}),
    "public:colour": Row("", lambda world: {"value": "7a1f5c"}),
    "public:logo": Row(
        "",
        lambda world: {
            "tenant_id": world.tenant.public_id,
            "digest": world.tenant.logo_digest,
        },
    ),
    "public:form": Row("", _form),
    "public:challenge": Row("", _form),
    "public:embed": Row("", _form, moves=True),
    "sns:receive": Row("", lambda world: {"token": world.webhook_token}, acts=True),
    "sns:remove": Row("", lambda world: {"token": world.digest_token}),
    "api_form": Row("", _form),
    "api_submissions": Row("", _form, acts=True),
    "dns:records": Row("", lambda world: {"token": world.dns_token}),
    "dns:zone": Row("", lambda world: {"token": world.dns_token}),
    "guides:index": Row(""),
    "guides:guide": Row("", lambda world: {"name": "set-up-ses"}),
    "openapi": Row(""),
    "api_docs": Row(""),
}

# What a person sees of their own: no workspace is in it.
PERSONAL = {"start:index": Row(""), "start:new_workspace": Row("")}

# For the operator of the site; tests/bluefox/test_operator.py.
OPERATOR = {"operator:workers": Row(""), "operator:workers_now": Row("")}


def named_routes() -> Iterator[tuple[str, str, Any]]:
    """(name, pattern, view) of every route but those of accounts/ (tests/tenants)."""
    for name, route, view in _walk(get_resolver().url_patterns, "", ""):
        if not route.startswith("accounts/"):
            yield name, route, view


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[tuple[str, str, Any]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, route, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", route, pattern.callback
