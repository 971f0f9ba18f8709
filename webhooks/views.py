"""Where SNS posts, and the pages that show what came of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import Error as DatabaseTrouble
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import BadToken
from sending.models import SesAccount
from sending.selectors.accounts import account_of, accounts_of, feedback_ready
from tenants.permissions import allows, requires
from tenants.services.mails import CONCERNED
from tenants.views.settings import tabs
from webhooks.alerts import digest_context
from webhooks.certificates import CertificateUnavailable
from webhooks.forms import AlertForm
from webhooks.inbox import NoSuchAddress
from webhooks.models import FeedbackDigest
from webhooks.selectors.choices import default_choice, own_choice
from webhooks.selectors.feedback import (
    affected,
    digest_of,
    digest_of_link,
    newest,
    recent_digests,
    recent_feedback,
    still_on_lists,
)
from webhooks.services import digests as services
from webhooks.services.choices import choose, choose_default
from webhooks.services.letters import fetch_dead_letters
from webhooks.services.receiving import MAX_BYTES, receive
from webhooks.sns import Forged, Unreadable

KINDS = [("bounce", "Bounces"), ("complaint", "Complaints")]


@csrf_exempt
@require_POST
def receive_sns(request: HttpRequest, token: str) -> HttpResponse:
    """Answers SNS once the message is safely stored.

    SNS repeats a post that is answered by 5xx and drops one that is answered by 4xx, so what
    may succeed later is a 503 and what never will is a 4xx.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    """
    connection.health_check_done = True  # type: ignore[attr-defined]  # inbox.store() does without
    try:
        if request.headers.get("x-amz-sns-rawdelivery") == "true":
            # Raw messages carry no signature: nobody could tell who sent them.
            return _say(403, "Switch raw message delivery off.")
        body = request.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            return _say(413, "Too long for SNS.")
        receive(token=token, headers=request.headers, body=body, now=timezone.now())
    except NoSuchAddress:
        return _say(404, "No such address.")
    except Unreadable as error:
        return _say(400, f"Not an SNS message: {error}.")
    except Forged as error:
        return _say(403, f"Refused: {error}.")
    except (DatabaseTrouble, CertificateUnavailable, OSError):
        return _say(503, "Try again.")
    return _say(200, "Stored.")


def _say(status: int, words: str) -> HttpResponse:
    body = words.encode()
    # No middleware adds the length here, and without one the answer would be sent in chunks.
    headers = {"Content-Length": str(len(body))}
    return HttpResponse(body, status=status, content_type="text/plain", headers=headers)


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    tenant = request.tenant
    up_to = newest(tenant)
    context = {
        "page": recent_feedback(
            tenant, kind=request.GET.get("kind", ""), after=request.GET.get("after", "")
        ),
        "kinds": KINDS,
        "digests": [(one, len(affected(one))) for one in recent_digests(tenant, request.user)],
        "up_to": up_to,
        "left": len(still_on_lists(tenant, up_to)),
        "blind": [a for a in accounts_of(tenant) if a.aws_account_id and not feedback_ready(a)],
        "may_remove": allows(request.membership, "contacts.edit"),
    }
    return render(request, "webhooks/index.html", context)


@requires("sending.edit")
@require_POST
def fetch(request: Any, public_id: UUID) -> HttpResponse:
    """Fetches what SNS could not deliver of an account."""
    try:
        account = account_of(request.tenant, public_id)
    except SesAccount.DoesNotExist as error:
        raise Http404 from error
    fetch_dead_letters(account=account, actor=request.user, request=request)
    messages.success(request, "A worker fetches what waits in the dead-letter queue.")
    return redirect("sending:account", request.tenant.slug, public_id)


@requires("contacts.edit")
@require_POST
def remove_all(request: Any) -> HttpResponse:
    """Whoever came back up to the moment at which the page was shown: not one that nobody saw."""
    text = request.POST.get("up_to", "")
    up_to = min(int(text), newest(request.tenant)) if text.isascii() and text.isdecimal() else 0
    removed = services.remove_all(
        tenant=request.tenant, up_to=up_to, actor=request.user, request=request
    )
    messages.success(request, _removed(removed))
    return redirect("webhooks:index", request.tenant.slug)


@requires("contacts.edit")
@require_POST
def remove(request: Any, public_id: UUID) -> HttpResponse:
    try:
        digest = digest_of(request.tenant, public_id)
    except FeedbackDigest.DoesNotExist as error:
        raise Http404 from error
    removed = services.remove_contacts(digest=digest, actor=request.user, request=request)
    messages.success(request, _removed(removed))
    return redirect("webhooks:index", request.tenant.slug)


@requires("view")
@require_safe
def alerts(request: Any) -> HttpResponse:
    """How the member is told, and how whoever has chosen nothing is."""
    return _alerts_page(request)


def _alerts_page(
    request: Any, mine: AlertForm | None = None, everyone: AlertForm | None = None
) -> HttpResponse:
    own, default = own_choice(request.tenant, request.user), default_choice(request.tenant)
    context = {
        "mine": mine or AlertForm(instance=own or default, prefix="mine"),
        "everyone": everyone or AlertForm(instance=default, prefix="all"),
        "default": default,
        "chosen": own is not None or mine is not None,
        "is_told": request.membership.role in CONCERNED,
        "tabs": tabs(request, "webhooks:alerts"),
    }
    return render(request, "webhooks/alerts.html", context, status=422 if mine or everyone else 200)


@requires("view")
@require_POST
def save_my_alerts(request: Any) -> HttpResponse:
    """The member's own choice, or back to the workspace's where `as_workspace` is posted."""
    wanted = None
    if "as_workspace" not in request.POST:
        form = AlertForm(request.POST, prefix="mine")
        if not form.is_valid():
            return _alerts_page(request, mine=form)
        wanted = form.values()
    choose(tenant=request.tenant, user=request.user, wanted=wanted)
    messages.success(request, "Saved")
    return redirect("webhooks:alerts", request.tenant.slug)


@requires("workspace.edit")
@require_POST
def save_alerts(request: Any) -> HttpResponse:
    form = AlertForm(request.POST, prefix="all")
    if not form.is_valid():
        return _alerts_page(request, everyone=form)
    choose_default(tenant=request.tenant, actor=request.user, wanted=form.values(), request=request)
    messages.success(request, "Saved")
    return redirect("webhooks:alerts", request.tenant.slug)


@csrf_exempt  # the signed link is the authorisation; there is no session to protect
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def remove_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the button of the alert mail: GET asks, POST acts."""
    try:
        found = digest_of_link(token)
    except BadToken as error:
        return _public(request, 404, text=str(error))
    if found is None:
        return _public(
            request,
            404,
            text="This alert is over 90 days old, or you may not act on it any more: ask an "
            "owner of the workspace.",
        )
    digest, membership = found
    context = digest_context(digest)
    if request.method == "POST":
        removed = services.remove_contacts(digest=digest, actor=membership.user, request=request)
        return _public(request, 200, text=_removed(removed), **context)
    return _public(request, 200, **context)


def _removed(count: int) -> str:
    if not count:
        return "They were on no list any more."
    return f"{count} {'address is' if count == 1 else 'addresses are'} off all lists now."


def _public(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    values = {"tenant": {"name": "Bluefox"}} | context
    response = render(request, "webhooks/remove.html", values, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return response
