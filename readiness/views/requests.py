"""The request for production access: written, filed when an owner presses, followed."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from campaigns.checklist import content_of
from readiness.drafting import HEADINGS, Answers, Draft, Latest, Refusal, appeal, draft
from readiness.errors import RequestRefused
from readiness.forms import RequestForm
from readiness.lines import Line, is_ready, score
from readiness.models import AccessDraft, ReviewStep, StepKind
from readiness.selectors.requests import saved_draft, steps_of
from readiness.selectors.sample import latest_campaign
from readiness.services import requests
from readiness.views.lookup import account_at, judged
from sending.errors import AwsRefused
from sending.models import Review, SesAccount
from sending.plaintext import text_of
from sending.ses.account_calls import USE_CASE_LENGTH
from sending.ses.client import regions
from sending.ses.explain import Explanation, explain_words
from sending.ses.policies import access_policy
from tenants.permissions import allows, requires

_LOOKS = {
    StepKind.FILED: {"tone": "blue", "icon": "send"},
    StepKind.PENDING: {"tone": "amber", "icon": "clock"},
    StepKind.GRANTED: {"tone": "green", "icon": "check"},
    StepKind.DENIED: {"tone": "red", "icon": "x"},
    StepKind.FAILED: {"tone": "red", "icon": "x"},
}


def _written(request: Any, account: SesAccount) -> tuple[AccessDraft | None, Draft, list[Line]]:
    """What is kept, the text as it stands, and the lines that it rests on."""
    saved = saved_draft(account)
    facts, lines = judged(request, account)
    answers = Answers(saved.about, saved.monthly_mails) if saved else Answers()
    campaign = latest_campaign(request.tenant)
    latest = Latest(campaign.subject, text_of(content_of(campaign).html)) if campaign else Latest()
    edits = {key: text for key, text in saved.edits.items() if key in HEADINGS} if saved else {}
    return saved, draft(facts, lines, answers, latest, edits), lines


def _initial(request: Any, saved: AccessDraft | None) -> dict[str, Any]:
    if saved is None:
        return {"website": request.tenant.website}
    names = ("website", "mail_type", "about", "monthly_mails", "language")
    kept = {name: getattr(saved, name) for name in names}
    return kept | {"contacts": "\n".join(saved.contacts)}


def _page(
    request: Any,
    account: SesAccount,
    *,
    form: RequestForm | None = None,
    refusal: AwsRefused | None = None,
    status: int = 200,
) -> HttpResponse:
    saved, text, lines = _written(request, account)
    steps = list(steps_of(account))
    context = {
        "account": account,
        "region_name": regions().get(account.region, account.region),
        "form": form or RequestForm(draft=text, initial=_initial(request, saved)),
        "saved": saved,
        "text": text.whole,
        "length": len(text.whole),
        "most": USE_CASE_LENGTH,
        "edited": len(text.edited),
        "ready": is_ready(lines),
        "score": score(lines),
        "left": [line for line in lines if line.asked.weight and not line.is_good],
        "timeline": [_entry(step) for step in steps],
        "refusal": refusal,
        "missing": _explained(refusal),
        "policy": json.dumps(access_policy(), indent=2),
        "appeal": _appeal(account, steps, lines, text),
        "may_edit": allows(request.membership, "workspace.edit"),
        "may_file": allows(request.membership, "access.request"),
        "is_open": account.review_status == Review.PENDING,
    }
    return render(request, "readiness/request.html", context, status=status)


def _explained(refusal: AwsRefused | None) -> Explanation | None:
    return explain_words(refusal.aws) if refusal else None


def _entry(step: ReviewStep) -> dict[str, Any]:
    by = f"by {step.by}" if step.by else ""
    case = f"Case {step.case_id} at AWS Support" if step.case_id else ""
    words = {"at": step.at, "title": step.get_kind_display(), "text": by or case}
    return words | _LOOKS[StepKind(step.kind)]


def _appeal(account: SesAccount, steps: list[ReviewStep], lines: list[Line], text: Draft) -> str:
    """The answer to a refusal, or "" where there is none to answer."""
    if account.production_access or account.review_status != Review.DENIED:
        return ""
    denied = next((step for step in steps if step.kind == StepKind.DENIED), None)
    if denied is None:
        return ""
    filed = next((s for s in steps if s.kind == StepKind.FILED and s.pk < denied.pk), None)
    refusal = Refusal(
        filed=_day(filed) if filed else "",
        refused=_day(denied),
        case_id=account.review_case,
        lines=(filed or denied).lines,
    )
    return appeal(lines, refusal, text.whole)


def _day(step: ReviewStep) -> str:
    return f"{timezone.localtime(step.at):%d %B %Y}".lstrip("0")


@requires("view")
@require_safe
def request_(request: Any, public_id: UUID) -> HttpResponse:
    return _page(request, account_at(request, public_id))


def _back(account: SesAccount) -> HttpResponse:
    return redirect("readiness:request", account.tenant.slug, account.public_id)


@requires("workspace.edit")
@require_POST
def save(request: Any, public_id: UUID) -> HttpResponse:
    account = account_at(request, public_id)
    _, text, _ = _written(request, account)
    form = RequestForm(request.POST, draft=text)
    if not form.is_valid():
        return _page(request, account, form=form, status=422)
    requests.save_draft(account=account, typed=form.typed(), actor=request.user, request=request)
    messages.success(request, "Saved. Nothing has been sent to AWS.")
    return _back(account)


@requires("workspace.edit")
@require_POST
def draft_anew(request: Any, public_id: UUID) -> HttpResponse:
    account = account_at(request, public_id)
    requests.draft_anew(account=account, actor=request.user, request=request)
    messages.success(request, "Drafted anew from what is in place now.")
    return _back(account)


@requires("access.request")
@require_POST
def file(request: Any, public_id: UUID) -> HttpResponse:
    account = account_at(request, public_id)
    saved, text, lines = _written(request, account)
    try:
        requests.file_request(
            account=account,
            saved=saved,
            draft=text,
            lines=lines,
            actor=request.user,
            request=request,
        )
    except RequestRefused as error:
        messages.error(request, error.message)
        return _back(account)
    except AwsRefused as error:
        requests.ask_again(account=account)
        return _page(request, account, refusal=error, status=422)
    messages.success(request, "Filed. AWS answers within about a day, by mail and here.")
    return _back(account)


@requires("sending.edit")
@require_POST
def follow(request: Any, public_id: UUID) -> HttpResponse:
    """Asks AWS how far it is."""
    account = account_at(request, public_id)
    requests.ask_again(account=account)
    return _back(account)
