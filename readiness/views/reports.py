"""The monthly reports."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from readiness.advice import read
from readiness.models import MonthlyReport
from readiness.selectors.reports import report_of, reports_of
from tenants.permissions import requires

_SHOWN = 60  # five years


@requires("view")
@require_safe
def index(request: Any) -> HttpResponse:
    rows = [(one, read(one.figures)) for one in reports_of(request.tenant)[:_SHOWN]]
    return render(request, "readiness/reports.html", {"rows": rows})


@requires("view")
@require_safe
def report(request: Any, public_id: UUID) -> HttpResponse:
    try:
        found = report_of(request.tenant, public_id)
    except MonthlyReport.DoesNotExist as error:
        raise Http404 from error
    context = {"report": found, "month": read(found.figures)}
    return render(request, "readiness/report.html", context)
