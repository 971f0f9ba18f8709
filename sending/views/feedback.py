"""Setting up the way back."""

import json
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from sending.errors import AwsRefused, SelfTestRefused, WrongTopic
from sending.forms import OwnTopicForm
from sending.selectors.selftest import latest_run
from sending.services import feedback
from sending.ses.client import regions
from sending.ses.provisioning import own_topic_policy
from sending.views.lookup import account_at, to_page, to_permissions
from sending.views.page import feedback_context, permissions_of
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
def own_topic(request: Any, public_id: UUID) -> HttpResponse:
    """The way for those who make topic and events themselves: what to do, and how it stands."""
    found = account_at(request, public_id)
    kept = {"topic_arn": found.topic_arn, "configuration_set": found.configuration_set}
    form = OwnTopicForm(request.POST or None, initial=kept if found.feedback_manual else {})
    if request.method == "POST" and form.is_valid():
        try:
            feedback.use_own_topic(
                account=found, actor=request.user, request=request, **form.cleaned_data
            )
        except WrongTopic as error:
            form.add_error(error.param, error.message)
        else:
            messages.success(request, "Kept. Now subscribe our address to the topic.")
            return redirect("sending:own_topic", request.tenant.slug, public_id)
    context = feedback_context(request, found) | {
        "form": form,
        "webhook_url": feedback.webhook_url(found) if found.feedback_manual else "",
        "policy": json.dumps(own_topic_policy(found.region, found.aws_account_id), indent=2),
        "region_name": regions().get(found.region, found.region),
    }
    status = 422 if form.errors else 200
    return render(request, "sending/own_topic.html", context, status=status)


@requires("view")
@require_safe
def own_topic_state(request: Any, public_id: UUID) -> HttpResponse:
    """The live part of that page; 286 when everything arrives."""
    found = account_at(request, public_id)
    context = feedback_context(request, found)
    over = not found.feedback_manual or context["feedback_ready"]
    return render(request, "sending/_own_topic.html", context, status=286 if over else 200)


@requires("sending.edit")
@require_POST
def look_at_permissions(request: Any, public_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    feedback.look_at_permissions(account=found)
    return to_permissions(found)


@requires("view")
@require_safe
def permissions_state(request: Any, public_id: UUID) -> HttpResponse:
    """What we may do, as a fragment; 286 once AWS was asked."""
    found = account_at(request, public_id)
    status = 286 if found.permissions_checked_at else 200
    context = {"account": found, "permissions": permissions_of(found)}
    return render(request, "sending/_permissions.html", context, status=status)


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
