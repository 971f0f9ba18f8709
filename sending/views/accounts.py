"""Pages that connect Amazon SES and show how it stands."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from sending.credentials import platform_account_id
from sending.errors import AwsRefused
from sending.forms import ConnectForm, KeyForm, RoleForm
from sending.models import SesAccount, SesAuth
from sending.selectors.accounts import accounts_of, quota_of
from sending.services import accounts, feedback, identities
from sending.ses.client import regions
from sending.ses.policies import permission_policy, trust_policy
from sending.ses.stack import quick_create_url, template
from sending.views.lookup import account_at, to_page, to_permissions
from sending.views.page import account_page
from tenants.errors import BluefoxError
from tenants.permissions import allows, requires


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    rows = [
        {
            "account": account,
            "region": regions().get(account.region, account.region),
            "quota": quota_of(account),
        }
        for account in accounts_of(request.tenant)
    ]
    may_edit = allows(request.membership, "sending.edit")
    return render(request, "sending/index.html", {"rows": rows, "may_edit": may_edit})


@requires("sending.edit")
def connect(request: Any) -> HttpResponse:
    """Chooses region and way in; the account page then shows what to copy into AWS."""
    roles = bool(platform_account_id())
    form = ConnectForm(request.POST or None, roles=roles)
    if request.method == "POST" and form.is_valid():
        account = accounts.start_connection(
            tenant=request.tenant, actor=request.user, request=request, **form.cleaned_data
        )
        return to_page(account)
    status = 422 if form.errors else 200
    return render(request, "sending/connect.html", {"form": form, "roles": roles}, status=status)


@requires("view")
@require_safe
def account(request: Any, public_id: UUID) -> HttpResponse:
    return account_page(request, account_at(request, public_id))


@requires("sending.edit")
def access(request: Any, public_id: UUID) -> HttpResponse:
    """The numbered steps in IAM, and the form that connects."""
    found = account_at(request, public_id)
    form: Form = _access_form(found, request.POST or None)
    refusal: AwsRefused | None = None
    if request.method == "POST" and form.is_valid():
        connect_with = accounts.connect_role if found.auth == SesAuth.ROLE else accounts.connect_key
        try:
            connect_with(account=found, actor=request.user, request=request, **form.cleaned_data)
        except AwsRefused as error:
            refusal = error
            form.add_error(error.param if error.param in form.fields else None, error.message)
        else:
            messages.success(request, "Connected. AWS told us your quota.")
            _read_identities(request, found)
            feedback.look_at_permissions(account=found)
            return to_permissions(found)
    platform = platform_account_id() if found.auth == SesAuth.ROLE else ""
    name = feedback.resource_name(found)
    context = {
        "account": found,
        "form": form,
        "refusal": refusal,
        "platform": platform,
        "region_name": regions().get(found.region, found.region),
        "trust": _json(trust_policy(found.region, platform, found.external_id)),
        "permissions": _json(permission_policy(found.region, name)),
        "quick_create": quick_create_url(
            found.region, settings.AWS_TEMPLATE_URL, _stack_parameters(found)
        )
        if settings.AWS_TEMPLATE_URL
        else "",
    }
    status = 422 if form.errors else 200
    return render(request, "sending/access.html", context, status=status)


@requires("sending.edit")
@require_safe
def stack(request: Any, public_id: UUID) -> HttpResponse:
    """The CloudFormation template that makes the role, with this connection's values in it."""
    found = account_at(request, public_id)
    document = _json(template(_stack_parameters(found)))
    name = 'attachment; filename="bluefox-role.template.json"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return HttpResponse(document, content_type="application/json", headers=headers)


def _stack_parameters(account: SesAccount) -> dict[str, str]:
    return {
        "PlatformAccountId": platform_account_id(),
        "ExternalId": account.external_id,
        "ConfigurationSet": feedback.resource_name(account),
    }


@requires("sending.edit")
@require_POST
def test(request: Any, public_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    try:
        accounts.test_connection(account=found, actor=request.user, request=request)
    except AwsRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The connection works; quota and state are as of now.")
        _read_identities(request, found)
    return to_page(found)


@requires("sending.edit")
@require_POST
def disconnect(request: Any, public_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    try:
        accounts.disconnect(account=found, actor=request.user, request=request)
    except BluefoxError as error:
        messages.error(request, error.message)
        return to_page(found)
    messages.success(request, f"{found.name} is disconnected.")
    return redirect("sending:index", request.tenant.slug)


def _access_form(account: SesAccount, data: Any) -> Form:
    if account.auth == SesAuth.ROLE:
        return RoleForm(data, initial={"role_arn": account.role_arn})
    return KeyForm(data)


def _read_identities(request: Any, account: SesAccount) -> None:
    """Reads what may send; the connection stands even where this one permission is missing."""
    try:
        identities.refresh_identities(account=account)
    except AwsRefused as error:
        messages.warning(request, f"Your domains could not be read. {error.message}")


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)
