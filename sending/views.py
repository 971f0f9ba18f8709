"""Pages that connect Amazon SES and show how it stands."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from sending.credentials import platform_account_id
from sending.errors import AwsRefused
from sending.forms import ConnectForm, IdentityForm, KeyForm, RoleForm
from sending.models import SesAccount, SesAuth, SesState
from sending.selectors.accounts import (
    account_of,
    accounts_of,
    dkim_records,
    feedback_ready,
    feedback_steps,
    parked_words,
)
from sending.services import accounts, feedback, identities
from sending.ses.client import regions
from sending.ses.explain import explain_words
from sending.ses.policies import permission_policy, trust_policy
from tenants.errors import BluefoxError
from tenants.permissions import allows, requires


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    rows = [
        {
            "account": account,
            "region": regions().get(account.region, account.region),
            "quota": _quota(account),
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
        return _to(account)
    status = 422 if form.errors else 200
    return render(request, "sending/connect.html", {"form": form, "roles": roles}, status=status)


@requires("view")
@require_safe
def account(request: Any, public_id: UUID) -> HttpResponse:
    return _page(request, _account(request, public_id))


@requires("sending.edit")
def access(request: Any, public_id: UUID) -> HttpResponse:
    """The numbered steps in IAM, and the form that connects."""
    found = _account(request, public_id)
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
            return _to(found)
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
    }
    status = 422 if form.errors else 200
    return render(request, "sending/access.html", context, status=status)


@requires("sending.edit")
@require_POST
def test(request: Any, public_id: UUID) -> HttpResponse:
    found = _account(request, public_id)
    try:
        accounts.test_connection(account=found, actor=request.user, request=request)
    except AwsRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The connection works; quota and state are as of now.")
        _read_identities(request, found)
    return _to(found)


@requires("sending.edit")
@require_POST
def set_up_feedback(request: Any, public_id: UUID) -> HttpResponse:
    found = _account(request, public_id)
    try:
        feedback.set_up_feedback(account=found, actor=request.user, request=request)
    except AwsRefused as error:
        messages.error(request, error.message)
    else:
        waits = " SNS confirms our webhook within seconds." if not found.subscription_arn else ""
        messages.success(request, f"Set up at AWS.{waits}")
    return _to(found)


@requires("view")
@require_safe
def feedback_state(request: Any, public_id: UUID) -> HttpResponse:
    """The set-up steps as a fragment; 286 ends its polling when nothing is awaited."""
    found = _account(request, public_id)
    context = _feedback_context(request, found)
    status = 200 if context["awaited"] else 286
    return render(request, "sending/_feedback.html", context, status=status)


@requires("sending.edit")
@require_POST
def add_identity(request: Any, public_id: UUID) -> HttpResponse:
    found = _account(request, public_id)
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            made = identities.create_identity(
                account=found, actor=request.user, request=request, **form.cleaned_data
            )
        except AwsRefused as error:
            form.add_error("name", f"{error.message} AWS said: {error.aws}")
        else:
            messages.success(request, f"{made.name} is known to SES.")
            return _to(found)
    return _page(request, found, form, status=422)


@requires("sending.edit")
@require_POST
def check_identity(request: Any, public_id: UUID, identity_id: UUID) -> HttpResponse:
    found = _account(request, public_id)
    identity = found.identities.filter(public_id=identity_id).first()
    if identity is None:
        raise Http404
    try:
        identities.check_identity(identity=identity)
    except AwsRefused as error:
        messages.error(request, error.message)
    return _to(found)


@requires("sending.edit")
@require_POST
def disconnect(request: Any, public_id: UUID) -> HttpResponse:
    found = _account(request, public_id)
    try:
        accounts.disconnect(account=found, actor=request.user, request=request)
    except BluefoxError as error:
        messages.error(request, error.message)
        return _to(found)
    messages.success(request, f"{found.name} is disconnected.")
    return redirect("sending:index", request.tenant.slug)


def _account(request: Any, public_id: UUID) -> SesAccount:
    try:
        return account_of(request.tenant, public_id)
    except SesAccount.DoesNotExist as error:
        raise Http404 from error


def _to(account: SesAccount) -> HttpResponse:
    """The page that fits the account: steps until it is connected, then its state."""
    name = "sending:access" if account.state == SesState.NEW else "sending:account"
    return redirect(name, account.tenant.slug, account.public_id)


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


def _page(
    request: Any, account: SesAccount, form: IdentityForm | None = None, *, status: int = 200
) -> HttpResponse:
    rows = [
        {"identity": identity, "records": dkim_records(identity)}
        for identity in account.identities.order_by("name")
    ]
    context = {
        "account": account,
        "region_name": regions().get(account.region, account.region),
        "quota": _quota(account),
        "key_end": account.credentials.get("access_key_id", "")[-4:],
        "parked": parked_words(account).rstrip("."),
        "refused": explain_words(account.last_error) if account.last_error else None,
        "identities": rows,
        "form": form or IdentityForm(),
        **_feedback_context(request, account),
    }
    return render(request, "sending/account.html", context, status=status)


def _quota(account: SesAccount) -> dict[str, int | float] | None:
    """The figures of the quota as last read; None before. A day of -1 has no limit."""
    if account.quota_read_at is None:
        return None
    return {
        "rate": account.max_send_rate,
        "day": int(account.max_24_hour_send),
        "sent": int(account.sent_last_24_hours),
    }


def _feedback_context(request: Any, account: SesAccount) -> dict[str, Any]:
    return {
        "account": account,
        "may_edit": allows(request.membership, "sending.edit"),
        "steps": feedback_steps(account),
        "feedback_ready": feedback_ready(account),
        "awaited": account.subscription_requested_at is not None
        and not account.feedback_failed_step,
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)
