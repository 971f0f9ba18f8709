"""The page of one SES account."""

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from sending.forms import IdentityForm
from sending.models import SesAccount
from sending.selectors.accounts import (
    feedback_ready,
    feedback_steps,
    may_test_feedback,
    parked_words,
    quota_of,
)
from sending.selectors.feedback import feedback_health
from sending.selectors.selftest import latest_run
from sending.services.feedback import resource_name
from sending.ses.client import regions
from sending.ses.explain import explain_words
from sending.ses.permissions import Permission
from sending.ses.policies import actions, only, permission_policy
from tenants.permissions import allows


def account_page(
    request: Any, account: SesAccount, form: IdentityForm | None = None, *, status: int = 200
) -> HttpResponse:
    """The page of one account; `form` brings what was typed wrong."""
    context = {
        "account": account,
        "region_name": regions().get(account.region, account.region),
        "quota": quota_of(account),
        "key_end": account.credentials.get("access_key_id", "")[-4:],
        "parked": parked_words(account).rstrip("."),
        "refused": explain_words(account.last_error) if account.last_error else None,
        "permissions": permissions_of(account),
        "looking": "looking" in request.GET and account.permissions_checked_at is None,
        "identities": account.identities.order_by("name"),
        "form": form or IdentityForm(),
        **feedback_context(request, account),
    }
    return render(request, "sending/account.html", context, status=status)


def permissions_of(account: SesAccount) -> dict[str, Any]:
    """The table of permissions, and the statements that allow what is missing."""
    found = account.permissions
    missing = {name for name, state in found.items() if state == Permission.MISSING}
    policy = permission_policy(account.region, resource_name(account))
    return {
        "rows": [(one, found[one]) for one in actions() if one in found],
        "missing": len(missing),
        "to_add": json.dumps(only(policy, missing), indent=2) if missing else "",
    }


def feedback_context(request: Any, account: SesAccount) -> dict[str, Any]:
    """What the set-up of feedback shows."""
    return {
        "account": account,
        "may_edit": allows(request.membership, "sending.edit"),
        "steps": feedback_steps(account),
        "feedback_ready": feedback_ready(account),
        "may_test": may_test_feedback(account),
        "health": feedback_health(account),
        "run": latest_run(account),
        "awaited": account.subscription_requested_at is not None
        and not account.feedback_failed_step,
    }
