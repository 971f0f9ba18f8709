"""Setting up the way back."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from sending.errors import AwsRefused, SelfTestRefused
from sending.selectors.selftest import latest_run
from sending.services import feedback
from sending.views.lookup import account_at, to_page
from sending.views.page import feedback_context
from tenants.permissions import requires


@requires("sending.edit")
@require_POST
def set_up_feedback(request: Any, public_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    try:
        feedback.set_up_feedback(account=found, actor=request.user, request=request)
    except AwsRefused as error:
        messages.error(request, error.message)
    else:
        waits = " SNS confirms our webhook within seconds." if not found.subscription_arn else ""
        messages.success(request, f"Set up at AWS.{waits}")
        with suppress(SelfTestRefused):  # the page asks for a verified domain
            feedback.start_self_test(account=found, actor=request.user, request=request)
    return to_page(found)


@requires("sending.edit")
@require_POST
def self_test(request: Any, public_id: UUID) -> HttpResponse:
    """Sends three mails to the mailbox simulator of SES and shows what comes back."""
    found = account_at(request, public_id)
    try:
        feedback.start_self_test(account=found, actor=request.user, request=request)
    except SelfTestRefused as error:
        messages.error(request, error.message)
    return to_page(found)


@requires("view")
@require_safe
def self_test_state(request: Any, public_id: UUID) -> HttpResponse:
    """The last self-test as a fragment; 286 ends its polling when it is over."""
    found = account_at(request, public_id)
    run = latest_run(found)
    over = run is None or run.state in ("passed", "failed")
    context = {"account": found, "run": run}
    return render(request, "sending/_selftest.html", context, status=286 if over else 200)


@requires("view")
@require_safe
def feedback_state(request: Any, public_id: UUID) -> HttpResponse:
    """The set-up steps as a fragment; 286 ends its polling when nothing is awaited."""
    found = account_at(request, public_id)
    context = feedback_context(request, found)
    status = 200 if context["awaited"] else 286
    return render(request, "sending/_feedback.html", context, status=status)
