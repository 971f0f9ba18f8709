"""The reputation page, and its figures as a file."""

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lists.csvexport import csv_lines
from reputation.selectors.rates import BOUNCES, COMPLAINTS, WINDOWS, Lines, Rate, windows
from reputation.selectors.shares import Day, by_campaign, by_day, by_provider, table
from reputation.selectors.sources import origins
from reputation.selectors.state import words_of
from sending.brakes import MIN_BASE
from sending.models import Count, Provider, SesAccount
from sending.selectors.accounts import accounts_of
from tenants.models import Tenant
from tenants.permissions import requires

_NAMES = {1: "24 hours", 7: "7 days", 30: "30 days"}


@require_safe
@requires("view")
def index(request: Any) -> HttpResponse:
    tenant = request.tenant
    accounts = list(accounts_of(tenant))
    account = _chosen(request, accounts)
    context: dict[str, Any] = {"accounts": accounts, "account": account}
    if account is not None:
        days = _days(request)
        history = by_day([account.pk])
        found = windows(tenant, account)
        context |= {
            "choices": [(str(one.public_id), one.name) for one in accounts],
            "states": [{"account": one, "words": words_of(one)} for one in accounts],
            "figures": [
                ("Bounced", [(_NAMES[one], rates.bounces) for one, rates in found]),
                ("Complained", [(_NAMES[one], rates.complaints) for one, rates in found]),
            ],
            "sent": any(day.rates.sent for day in history),
            "labels": [f"{day.day.day} {day.day:%b}" for day in history],
            "bounces": _chart(history, "bounces", BOUNCES, tenant.bounce_limit),
            "complaints": _chart(history, "complaints", COMPLAINTS, tenant.complaint_limit),
            "days": [(str(one), _NAMES[one]) for one in WINDOWS],
            "window": _NAMES[days],
            "providers": by_provider([account.pk], days=days),
            "campaigns": by_campaign(tenant, [account.pk], days=days),
            "origins": origins(tenant, days=days, account_ids=[account.pk]),
            "least": MIN_BASE,
        }
    return render(request, "reputation/index.html", context)


def _chosen(request: HttpRequest, accounts: list[SesAccount]) -> SesAccount | None:
    """AWS judges each account by itself, and so does the page: the one named, or the oldest."""
    wanted = request.GET.get("account")
    named = (one for one in accounts if str(one.public_id) == wanted)
    return next(named, accounts[0] if accounts else None)


def _days(request: HttpRequest) -> int:
    wanted = request.GET.get("days", "")
    return int(wanted) if wanted.isdecimal() and int(wanted[:3]) in WINDOWS else WINDOWS[-1]


def _chart(history: list[Day], name: str, lines: Lines, limit: float) -> dict[str, Any]:
    """A day's share of a few mails would leap to anywhere; it is left out."""
    rates: list[Rate] = [getattr(day.rates, name) for day in history]
    values = [rate.share if rate.of >= MIN_BASE else None for rate in rates]
    return {
        "series": [{"label": name.capitalize(), "values": values, "tone": "blue"}],
        "lines": [
            {"value": lines.review, "label": "AWS reviews", "tone": "amber"},
            {"value": lines.pause, "label": "AWS may pause", "tone": "red"},
            {"value": limit / 100, "label": "Your limit", "tone": "grey"},
        ],
    }


@require_safe
@requires("view")
def report(request: Any) -> StreamingHttpResponse:
    """The counts of 30 days as CSV: a row for each day (UTC), account and provider."""
    tenant: Tenant = request.tenant
    rows = table([account.pk for account in accounts_of(tenant)])
    lines = csv_lines(
        ["day", "account", "provider", *Count.values],
        (
            [
                row["day"].isoformat(),
                row["account"],
                Provider(row["provider"]).label,
                *(row[f"all_{name}"] for name in Count.values),
            ]
            for row in rows
        ),
    )
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{tenant.slug}-reputation-{timezone.now():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
