"""Pages on which a file of addresses is suppressed."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import FileRefused
from lists.forms.suppressions import SuppressionFileForm
from lists.models import SuppressionImport, SuppressionImportStatus, SuppressionReason
from lists.services import suppression_imports as services
from lists.views.pace import pace_of
from lists.views.posted import posted
from tenants.permissions import requires

_GOING = (SuppressionImportStatus.QUEUED, SuppressionImportStatus.RUNNING)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("suppressions.edit")
def suppression_import_new(request: Any) -> HttpResponse:
    form = SuppressionFileForm(posted(request), request.FILES or None)
    if form.is_valid():
        try:
            made = services.start(
                tenant=request.tenant,
                file=form.cleaned_data["file"],
                reason=SuppressionReason(form.cleaned_data["reason"]),
                note=form.cleaned_data["note"],
                actor=request.user,
                request=request,
            )
        except FileRefused as error:
            form.add_error("file", error.message)
        else:
            return redirect("lists:suppression_import", request.tenant.slug, made.public_id)
    recent = SuppressionImport.objects.for_tenant(request.tenant).order_by("-id")[:10]
    status = 422 if form.is_bound else 200
    context = {"form": form, "recent": recent}
    return render(request, "lists/suppression_import_new.html", context, status=status)


def _import(request: Any, import_id: UUID) -> SuppressionImport:
    owned = SuppressionImport.objects.for_tenant(request.tenant).select_related("created_by")
    import_: SuppressionImport = get_object_or_404(owned, public_id=import_id)
    return import_


def _context(import_: SuppressionImport) -> dict[str, Any]:
    return {
        "import": import_,
        "going": import_.status in _GOING,
        "pace": pace_of(import_.rows, import_.rows_total, import_.started_at),
        "known": import_.rows - import_.added - import_.invalid,
    }


@require_safe
@requires("view")
def suppression_import(request: Any, import_id: UUID) -> HttpResponse:
    return render(request, "lists/suppression_import.html", _context(_import(request, import_id)))


@require_safe
@requires("view")
def suppression_import_progress(request: Any, import_id: UUID) -> HttpResponse:
    """What the page fetches while it runs; then the page is loaded anew."""
    import_ = _import(request, import_id)
    if import_.status not in _GOING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "lists/_suppression_import_progress.html", _context(import_))


@require_POST
@requires("suppressions.edit")
def suppression_import_cancel(request: Any, import_id: UUID) -> HttpResponse:
    import_ = _import(request, import_id)
    services.cancel(import_=import_)
    return redirect("lists:suppression_import", request.tenant.slug, import_.public_id)


@require_safe
@requires("view")
def suppression_import_report(request: Any, import_id: UUID) -> FileResponse:
    """The lines that were left out, and why."""
    import_ = _import(request, import_id)
    if not import_.error_file:
        raise Http404("every line was taken")
    return FileResponse(
        import_.error_file.open("rb"), as_attachment=True, filename="lines-left-out.csv"
    )
