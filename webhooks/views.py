"""Where SNS posts, and the pages that show what came of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import Error as DatabaseTrouble
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
from webhooks.alerts import digest_context
from webhooks.certificates import CertificateUnavailable
from webhooks.inbox import NoSuchAddress
from webhooks.models import FeedbackDigest
from webhooks.selectors.feedback import (
    digest_of,
    digest_of_link,
    recent_digests,
    recent_feedback,
)
from webhooks.services.digests import remove_contacts
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
    return HttpResponse(words, status=status, content_type="text/plain")


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    tenant = request.tenant
    context = {
        "page": recent_feedback(
            tenant, kind=request.GET.get("kind", ""), after=request.GET.get("after", "")
        ),
        "kinds": KINDS,
        "digests": recent_digests(tenant),
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
def remove(request: Any, public_id: UUID) -> HttpResponse:
    try:
        digest = digest_of(request.tenant, public_id)
    except FeedbackDigest.DoesNotExist as error:
        raise Http404 from error
    removed = remove_contacts(digest=digest, actor=request.user, request=request)
    messages.success(request, _removed(removed))
    return redirect("webhooks:index", request.tenant.slug)


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
            request, 404, text="You cannot act on this alert: ask an owner of the workspace."
        )
    digest, membership = found
    context = digest_context(digest)
    if request.method == "POST":
        removed = remove_contacts(digest=digest, actor=membership.user, request=request)
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
