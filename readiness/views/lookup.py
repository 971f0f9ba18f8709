"""Which account a page is about, and the lines as they stand."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from readiness.lines import Line, judge
from readiness.selectors.facts import Facts, facts_of
from sending.models import SesAccount
from sending.selectors.accounts import account_of, accounts_of
from tenants.permissions import allows

# Buttons that act on the workspace and not on its SES account, and where they post to.
_AT_HOME = {"optin": "readiness:mend_optin", "captcha": "readiness:mend_captcha"}


@dataclass(frozen=True)
class Shown:
    """A line with the addresses of its button and its guide; `press` where a press mends it."""

    line: Line
    guide_url: str
    url: str = ""
    press: bool = False


def account_at(request: Any, public_id: UUID) -> SesAccount:
    """The account that the address names. Raises Http404 for another tenant's."""
    try:
        return account_of(request.tenant, public_id)
    except SesAccount.DoesNotExist as error:
        raise Http404 from error


def chosen_account(request: Any) -> SesAccount | None:
    """The account that ?account= names, else the oldest, else none. Raises Http404."""
    named = request.GET.get("account", "")
    if not named:
        return accounts_of(request.tenant).first()
    try:
        return account_at(request, UUID(named))
    except ValueError as error:
        raise Http404 from error


def judged(request: Any, account: SesAccount | None) -> tuple[Facts, list[Line]]:
    """The facts of this moment, and the lines."""
    facts = facts_of(request.tenant, account)
    return facts, judge(facts)


def shown(request: Any, lines: list[Line], account: SesAccount | None) -> list[Shown]:
    """The lines with their buttons, as far as this person may press them."""
    return [_shown(request, line, account) for line in lines]


def _shown(request: Any, line: Line, account: SesAccount | None) -> Shown:
    guide = reverse("guides:guide", args=[line.asked.guide]) + f"#{line.asked.anchor}"
    action, slug = line.verdict.action, request.tenant.slug
    if action is None:
        return Shown(line, guide)
    if action.page:
        args = [slug, action.of] if action.of else [slug]
        return Shown(line, guide, reverse(action.page, args=args))
    at_home = _AT_HOME.get(action.mend)
    if not allows(request.membership, "forms.edit" if at_home else "sending.edit"):
        return Shown(line, guide)
    if at_home:
        return Shown(line, guide, reverse(at_home, args=[slug]), press=True)
    if account is None:
        return Shown(line, guide)
    args = [slug, str(account.public_id), action.mend]
    return Shown(line, guide, reverse("readiness:mend", args=args), press=True)


def to_index(request: Any, account: SesAccount | None) -> HttpResponse:
    """Back to the page, about the same account."""
    url = reverse("readiness:index", args=[request.tenant.slug])
    return redirect(f"{url}?account={account.public_id}" if account else url)
